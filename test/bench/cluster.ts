/** Three hosts on this machine, as `shoal dev up` makes them, and what each of their processes costs. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { KiB } from '../../proto/units.ts';
import { takePorts } from '../ports.ts';

const run = promisify(execFile);

export interface Cluster extends AsyncDisposable {
  /** Of the first host, with the path of Identity v3. */
  readonly authUrl: string;
  readonly password: string;
  /** Where its hosts have their data, the first one's first. */
  readonly directories: readonly string[];
  /** A command of the CLI on it; what it prints. */
  shoal(...words: string[]): Promise<string>;
  /** Seconds of one core that the first host's agent has used so far. */
  cpuSeconds(): Promise<number>;
  /** What it holds in memory, pages of files that it maps included. */
  residentBytes(): Promise<number>;
}

/** Linux counts in hundredths of a second. */
const ticksPerSecond = 100;

const cpuSecondsOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
};

/** Throws where the process is gone. */
export const residentBytesOf = async (pid: number): Promise<number> => {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * KiB;
};

export const startCluster = async (): Promise<Cluster> => {
  const data = await mkdtemp(join(tmpdir(), 'shoal-bench-cluster-'));
  const shoal = async (...words: string[]): Promise<string> =>
    (await run('npm', ['run', '--silent', 'shoal', '--', ...words, '--data', data])).stdout;
  const down = async (): Promise<void> => {
    await shoal('dev', 'down').catch(() => {});
    await rm(data, { recursive: true, force: true });
  };
  try {
    await shoal('dev', 'up', '--hosts', '3', '--port', String(await takePorts(30)), '--detach');
    const clouds = parse(await readFile(join(data, 'clouds.yaml'), 'utf8'));
    const { auth_url: authUrl, password } = clouds.clouds.shoal.auth;
    const hosts = async () => JSON.parse(await shoal('dev', 'status', '--output', 'json'));
    const directories: string[] = (await hosts()).map((host: { dataDir: string }) => host.dataDir);
    // Asked anew: it may have been started again.
    const firstPid = async (): Promise<number> => Number((await hosts())[0].pid);
    return {
      authUrl: String(authUrl),
      password: String(password),
      directories,
      shoal,
      cpuSeconds: async () => cpuSecondsOf(await firstPid()),
      residentBytes: async () => residentBytesOf(await firstPid()),
      [Symbol.asyncDispose]: down,
    };
  } catch (thrown) {
    await down();
    throw thrown;
  }
};
