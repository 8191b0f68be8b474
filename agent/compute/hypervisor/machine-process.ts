/**
 * Which process is a machine's. The pid file (QEMU holds a lock on it) gives the number, /proc whether that number
 * is still this machine: its command line bears the machine's id. The start time, taken with it, keeps a signal
 * from ever reaching another process that got the number later.
 */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '../../../proto/error.ts';
import type { Runtime } from '../../runtime/ports.ts';
import { processPollMs } from '../limits.ts';
import { machineFiles } from './qemu-arguments.ts';

export interface MachineProcess {
  readonly pid: number;
  /** Clock ticks since the host booted. */
  readonly startTicks: string;
}

/** Field 22 of /proc/PID/stat; the second field is a name in parentheses that may hold anything. */
const startTicksOf = async (pid: number): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
};

/**
 * Starts QEMU in a session of its own, so that nothing that ends the agent ends it too; what it says goes to a file.
 * `ended` settles when it ends while this agent lives.
 */
export const spawnMachine = async (
  program: string,
  args: readonly string[],
  folder: string,
): Promise<{ readonly ended: Promise<void> }> => {
  const output = await open(join(folder, machineFiles.output), 'w', 0o600);
  try {
    const child = spawn(program, [...args], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve()).once('error', () => resolve());
    });
    child.unref();
    return { ended };
  } finally {
    await output.close();
  }
};

export const findMachineProcess = async (folder: string, id: string): Promise<MachineProcess | undefined> => {
  const pid = Number(await readFile(join(folder, machineFiles.pid), 'utf8').catch(() => '0'));
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const startTicks = await startTicksOf(pid);
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!startTicks || !command.split('\0').includes(id)) return undefined;
  return { pid, startTicks };
};

const isAlive = async (machine: MachineProcess): Promise<boolean> =>
  (await startTicksOf(machine.pid)) === machine.startTicks;

export const killMachine = async (machine: MachineProcess): Promise<void> => {
  if (!(await isAlive(machine))) return;
  try {
    process.kill(machine.pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
};

/** Throws TIMEOUT when it is still there after `timeoutMs`. */
export const waitGone = async (
  runtime: Pick<Runtime, 'clock' | 'timers'>,
  machine: MachineProcess,
  timeoutMs: number,
): Promise<void> => {
  const endMs = runtime.clock.monotonicMs() + timeoutMs;
  while (await isAlive(machine)) {
    if (runtime.clock.monotonicMs() > endMs)
      throw new ShoalError(
        'TIMEOUT',
        `Cannot end process ${machine.pid}: it is still there after ${timeoutMs} ms`,
      );
    await runtime.timers.sleep(processPollMs);
  }
};
