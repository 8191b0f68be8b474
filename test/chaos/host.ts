/** One real agent: made a member as operators do it, started, killed, paused, woken; ends that nobody asked for are noted. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { agentEnv, agentFlags, agentMain } from '../../cli/command/agent.ts';
import type { Place } from './network.ts';

const run = promisify(execFile);
/** As the CLI starts it: its bounds of memory are among what is tried. */
const node = [process.execPath, ...agentFlags, agentMain];
/** A join that meets a fault is tried again by whoever asked. */
const commandMsMax = 60_000;
const stopMsMax = 15_000;

export interface HostSettings {
  readonly index: number;
  readonly directory: string;
  readonly place: Place;
  readonly capacityBytes: number;
  /** Its data lies on a file system of its own of this size, so that it can be full. */
  readonly diskBytes?: number;
}

export interface ChaosHost {
  readonly index: number;
  readonly name: string;
  readonly apiUrl: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly hasOwnDisk: boolean;
  readonly hostId: string;
  readonly isUp: boolean;
  readonly isPaused: boolean;
  init(): Promise<void>;
  join(token: string): Promise<void>;
  start(): void;
  kill(): Promise<void>;
  stop(): Promise<void>;
  pause(): void;
  resume(): void;
  fillDisk(): void;
  freeDisk(): void;
  /** Ends the process and gives its disk back; the data stay. */
  close(): Promise<void>;
}

export const makeHost = async (
  settings: HostSettings,
  /** The agent ended and nobody had asked for it. */
  ended: (host: ChaosHost, how: string) => void,
): Promise<ChaosHost> => {
  const { index, place, diskBytes } = settings;
  const name = `host-${index}`;
  const home = join(settings.directory, name);
  const logFile = join(settings.directory, `${name}.log`);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  if (diskBytes !== undefined)
    await run('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=0700`, `shoal-chaos-${index}`, home]);
  const dataDir = join(home, 'data');
  const filler = join(home, 'filler');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  let child: ChildProcess | undefined;
  let paused = false;
  let asked = false;

  const command = async (...words: readonly string[]): Promise<void> => {
    const options = [
      ...['--data', dataDir, '--host-name', name, '--address', place.address, '--port', String(place.port)],
      ...['--capacity', String(settings.capacityBytes), '--profile', 'rehearsal', '--zone', `z${index}`],
    ];
    const [program = '', ...rest] = [...place.prefix, ...node, ...words, ...options];
    await run(program, rest, { env: agentEnv(), timeout: commandMsMax, killSignal: 'SIGKILL' });
  };
  const signal = (given: NodeJS.Signals): void => void child?.kill(given);
  const end = async (given: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (!ending) return;
    asked = true;
    const gone = ending.exitCode === null && ending.signalCode === null ? once(ending, 'exit') : undefined;
    signal(given);
    if (paused) host.resume();
    if (given !== 'SIGKILL') {
      const timer = setTimeout(() => signal('SIGKILL'), stopMsMax);
      await gone;
      clearTimeout(timer);
    } else await gone;
  };

  const host: ChaosHost = {
    ...{ index, name, dataDir, logFile },
    hasOwnDisk: diskBytes !== undefined,
    apiUrl: `http://${place.address}:${place.port}`,
    get hostId() {
      return (JSON.parse(readFileSync(join(dataDir, 'config.json'), 'utf8')) as { hostId: string }).hostId;
    },
    get isUp() {
      return child !== undefined;
    },
    get isPaused() {
      return paused;
    },
    init: () => command('init', '--cluster', 'chaos'),
    join: (token) => command('join', token),
    start() {
      if (child) return;
      const [program = '', ...rest] = [...place.prefix, ...node, 'run', '--data', dataDir];
      const log = openSync(logFile, 'a');
      const started = spawn(program, rest, {
        stdio: ['ignore', log, log],
        env: { ...agentEnv(), SHOAL_LOG: process.env.SHOAL_LOG ?? 'info' },
      });
      closeSync(log);
      asked = false;
      child = started;
      started.once('exit', (code, by) => {
        child = undefined;
        paused = false;
        if (!asked) ended(host, by ?? `status ${code}`);
      });
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    pause() {
      if (!child) return;
      paused = true;
      signal('SIGSTOP');
    },
    resume() {
      paused = false;
      signal('SIGCONT');
    },
    fillDisk() {
      if (!host.hasOwnDisk) return;
      const { bavail, bsize } = statfsSync(home);
      execFile('fallocate', ['-l', String(Math.max(1, bavail * bsize)), filler], () => {});
    },
    freeDisk: () => rmSync(filler, { force: true }),
    async close() {
      await end('SIGKILL');
      if (host.hasOwnDisk && existsSync(home)) await run('umount', [home]).catch(() => {});
    },
  };
  return host;
};
