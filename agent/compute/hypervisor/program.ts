/** Runs a system program to its end. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { MiB } from '../../../proto/units.ts';

export interface Finished {
  /** Null: it was ended by a signal, the time limit's too. */
  readonly status: number | null;
  readonly stdout: string;
  /** Trimmed. */
  readonly stderr: string;
}

/** Never throws for what the program did; its status tells. */
export const runProgram = (
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly cwd?: string; readonly signal?: AbortSignal },
): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const { timeoutMs: timeout, ...rest } = options;
    execFile(
      program,
      [...args],
      { ...rest, timeout, killSignal: 'SIGKILL', maxBuffer: MiB, env: { ...process.env, LC_ALL: 'C' } },
      (error, stdout, stderr) => {
        if (options.signal?.aborted) return reject(options.signal.reason);
        const status = error ? (typeof error.code === 'number' ? error.code : null) : 0;
        const spawnFailure =
          error && error.code !== undefined && typeof error.code !== 'number' ? error.message : '';
        resolve({ status, stdout, stderr: (stderr || spawnFailure).trim() });
      },
    );
  });

/** Where PATH has it, or undefined. */
export const findProgram = async (name: string): Promise<string | undefined> => {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']) {
    const path = join(folder, name);
    if (
      folder &&
      (await access(path, constants.X_OK).then(
        () => true,
        () => false,
      ))
    )
      return path;
  }
  return undefined;
};
