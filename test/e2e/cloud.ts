/** A rehearsed cloud for the end-to-end tests, and the real programs that people use against it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { steadyClock } from '../fake/steady-time.ts';
import { takePorts } from '../ports.ts';

export const shoalBin = fileURLToPath(new URL('../../cli/bin.js', import.meta.url));
const outputBytesMax = 512 * 1024 * 1024;

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export const run = (
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd?: string,
): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(
      program,
      args,
      { env: { ...process.env, ...env }, cwd, maxBuffer: outputBytesMax },
      (error, out, err) =>
        resolve({ status: error ? (typeof error.code === 'number' ? error.code : 1) : 0, out, err }),
    );
  });

/** Debian's clients; the rest of the suite runs without them. */
export const openstackProgram = '/usr/bin/openstack';
export const swiftProgram = '/usr/bin/swift';
export const clientsMissing = (): string | undefined =>
  [openstackProgram, swiftProgram].filter((file) => !existsSync(file)).join(' and ') || undefined;
export const qemuMissing = (): boolean =>
  !existsSync('/usr/bin/qemu-system-x86_64') || !existsSync('/usr/bin/qemu-img');

export interface HostRow {
  readonly name: string;
  readonly hostId: string;
  readonly pid: number | null;
  readonly apiUrl: string;
  readonly s3Url: string;
  readonly dataDir: string;
  readonly state: string;
}

export interface TestCloud {
  readonly directory: string;
  shoal(...args: string[]): Promise<Ran>;
  /** Throws with the command's own words when it fails. */
  shoalOk(...args: string[]): Promise<string>;
  openstack(cloud: string, ...args: string[]): Promise<string>;
  swift(cloud: string, ...args: string[]): Promise<string>;
  hosts(): Promise<HostRow[]>;
  host(name: string): Promise<HostRow>;
  token(name: string): Promise<{ readonly token: string; readonly storageUrl: string }>;
  health(): Promise<{ readonly status: string; readonly findings: readonly string[] }>;
  stop(): Promise<void>;
}

const must = (what: string, ran: Ran): string => {
  if (ran.status !== 0) throw new Error(`${what} ended with ${ran.status}: ${ran.err || ran.out}`);
  return ran.out;
};

export const startCloud = async (hosts: number): Promise<TestCloud> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-e2e-'));
  const shoal = (...args: string[]): Promise<Ran> =>
    run(process.execPath, [shoalBin, ...args, '--data', directory]);
  const shoalOk = async (...args: string[]): Promise<string> =>
    must(`shoal ${args.join(' ')}`, await shoal(...args));
  const client = async (program: string, cloud: string, args: readonly string[]): Promise<string> => {
    const env = { OS_CLIENT_CONFIG_FILE: join(directory, 'clouds.yaml'), OS_CLOUD: cloud };
    return must(`${program} ${args.join(' ')} at ${cloud}`, await run(program, args, env, directory));
  };
  const rows = async (): Promise<HostRow[]> =>
    JSON.parse(await shoalOk('dev', 'status', '--output', 'json')) as HostRow[];
  const cloud: TestCloud = {
    directory,
    shoal,
    shoalOk,
    openstack: (name, ...args) => client(openstackProgram, name, args),
    async swift(name, ...args) {
      const { token, storageUrl } = await cloud.token(name);
      return client(swiftProgram, name, ['--os-auth-token', token, '--os-storage-url', storageUrl, ...args]);
    },
    hosts: rows,
    async host(name) {
      const found = (await rows()).find((row) => row.name === name);
      if (!found) throw new Error(`no host ${name}`);
      return found;
    },
    async token(name) {
      const { parse } = await import('yaml');
      const { readFile } = await import('node:fs/promises');
      const { auth } = (
        parse(await readFile(join(directory, 'clouds.yaml'), 'utf8')) as {
          clouds: Record<string, { auth: Record<string, string> }>;
        }
      ).clouds[name] ?? { auth: {} };
      const response = await fetch(`${auth.auth_url}/auth/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          auth: {
            identity: {
              methods: ['password'],
              password: {
                user: { name: auth.username, password: auth.password, domain: { name: 'Default' } },
              },
            },
            scope: { project: { name: auth.project_name, domain: { name: 'Default' } } },
          },
        }),
      });
      if (response.status !== 201)
        throw new Error(`no token at ${name}: ${response.status} ${await response.text()}`);
      const body = (await response.json()) as { token: { project: { id: string } } };
      return {
        token: response.headers.get('x-subject-token') ?? '',
        storageUrl: `${new URL(auth.auth_url ?? '').origin}/object-store/v1/AUTH_${body.token.project.id}`,
      };
    },
    async health() {
      const answer = await shoal(
        'health',
        '--output',
        'json',
        '--cloud',
        (await rows()).find((row) => row.pid !== null)?.name ?? 'shoal',
      );
      return answer.status === 0 ? JSON.parse(answer.out) : { status: 'red', findings: [answer.err] };
    },
    async stop() {
      must('dev down', await shoal('dev', 'down'));
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await shoalOk(
      'dev',
      'up',
      '--hosts',
      String(hosts),
      '--port',
      String(await takePorts(10 * hosts)),
      '--detach',
    );
  } catch (error) {
    await shoal('dev', 'down');
    throw error;
  }
  return cloud;
};

/** For whatever no time was promised: turns a hang into a failure. */
export const patienceMs = 300_000;

/** Looks until it holds. A promised time is measured on the clock of those who promised it, all other on this process's. */
export const eventually = async (
  what: string,
  maxMs: number,
  holds: () => Promise<boolean>,
  clock: () => number = steadyClock.monotonicMs,
): Promise<number> => {
  const start = clock();
  for (let last: unknown; ; ) {
    const askedMs = clock() - start;
    try {
      if (await holds()) return Math.round(askedMs);
    } catch (error) {
      last = error;
    }
    if (askedMs > maxMs)
      throw new Error(`${what}: not within ${maxMs} ms${last instanceof Error ? `; ${last.message}` : ''}`);
    await sleep(100);
  }
};
