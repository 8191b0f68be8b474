/** One agent as a background process: started, looked at and ended by its pid file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../proto/error.ts';
import { agentEnv, agentFlags, agentMain } from '../command/agent.ts';
import { address, type Rehearsal, type RehearsalHost } from './rehearsal.ts';

const pollMs = 50;
/** An agent closes its stores and leaves the cluster in well under this; then it is killed. */
const stopMaxMs = 15_000;
/** First start: fetch what it missed, settle a layout. Seconds; one that ends is noticed at once, so only a hang waits. */
const startMaxMs = 180_000;

const pidFile = (host: RehearsalHost): string => join(host.dataDir, 'rehearsal.pid');
export const logFile = (host: RehearsalHost): string => join(host.dataDir, 'agent.log');

/** The pid if that process is this host's agent; a pid that was given to another process since does not count. */
export const pidOf = (host: RehearsalHost): number | null => {
  if (!existsSync(pidFile(host))) return null;
  const pid = Number(readFileSync(pidFile(host), 'utf8'));
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (!words.includes(host.dataDir) || !words.includes(agentMain)) return null;
    const state = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return state === 'Z' || state === 'X' ? null : pid;
  } catch {
    return null;
  }
};

/** Runs one short command of the agent program to its end; its last words come out when it fails. */
export const runAgentCommand = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...agentFlags, agentMain, ...args], {
      env: { ...agentEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) return resolve(out);
      const lines = err.trim().split('\n');
      // A crash of the program itself ends in a stack: its error's line tells more than its last one.
      const last =
        lines.findLast((line) => line.startsWith('shoal: ')) ??
        lines.find((line) => /Error\b/.test(line)) ??
        '';
      reject(
        new ShoalError(
          'UNREACHABLE',
          last.replace(/^shoal: /, '') || `Cannot run the agent's "${args[0]}": it ended with status ${code}`,
        ),
      );
    });
  });

export const hostArguments = (rehearsal: Rehearsal, host: RehearsalHost): string[] => [
  ...['--data', host.dataDir, '--host-name', host.name, '--address', address, '--port', String(host.port)],
  ...['--capacity', String(rehearsal.capacityBytes), '--profile', 'rehearsal'],
];

const spawnAgent = (host: RehearsalHost): ChildProcess => {
  const log = openSync(logFile(host), 'a', 0o600);
  try {
    const child = spawn(process.execPath, [...agentFlags, agentMain, 'run', '--data', host.dataDir], {
      env: agentEnv(),
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
};

const answers = async (host: RehearsalHost): Promise<boolean> => {
  try {
    const response = await fetch(`${host.apiUrl}/cluster/v1/ping`, { signal: AbortSignal.timeout(2_000) });
    return response.ok && ((await response.json()) as { ready: boolean }).ready;
  } catch {
    return false;
  }
};

/** Idempotent. Resolves when the agent serves its API. Throws CONFLICT where another cluster's agent does so already. */
export const startAgent = async (host: RehearsalHost): Promise<void> => {
  if (pidOf(host) === null) {
    if (await answers(host))
      throw new ShoalError(
        'CONFLICT',
        `Cannot start ${host.name}: an agent of another cluster serves ${host.apiUrl}; stop it, or choose another --port`,
      );
    const child = spawnAgent(host);
    if (child.pid === undefined)
      throw new ShoalError('INTERNAL', `Cannot start ${host.name}: no process was made`);
    writeFileSync(pidFile(host), String(child.pid));
  }
  const end = Date.now() + startMaxMs;
  while (!(await answers(host))) {
    if (pidOf(host) === null) {
      const last = readFileSync(logFile(host), 'utf8').trim().split('\n').at(-1) ?? '';
      throw new ShoalError(
        'UNREACHABLE',
        `Cannot start ${host.name}: its agent ended; the last line of ${logFile(host)}: ${last}`,
      );
    }
    if (Date.now() > end)
      throw new ShoalError(
        'TIMEOUT',
        `Cannot start ${host.name}: not ready after ${startMaxMs / 1000} s, see ${logFile(host)}`,
      );
    await sleep(pollMs);
  }
};

const ended = async (host: RehearsalHost, maxMs: number): Promise<boolean> => {
  const end = Date.now() + maxMs;
  while (pidOf(host) !== null) {
    if (Date.now() > end) return false;
    await sleep(pollMs);
  }
  return true;
};

/** SIGKILL, as a power cut would. */
export const killAgent = async (host: RehearsalHost): Promise<void> => {
  const pid = pidOf(host);
  if (pid === null) throw new ShoalError('CONFLICT', `Cannot kill ${host.name}: its agent does not run`);
  process.kill(pid, 'SIGKILL');
  await ended(host, stopMaxMs);
};

/** Idempotent: asks it to stop, insists after a while, and ends the machines that it left running. */
export const stopAgent = async (host: RehearsalHost): Promise<void> => {
  const pid = pidOf(host);
  if (pid !== null) {
    process.kill(pid, 'SIGTERM');
    if (!(await ended(host, stopMaxMs))) process.kill(pid, 'SIGKILL');
    await ended(host, stopMaxMs);
  }
  rmSync(pidFile(host), { force: true });
  if (existsSync(join(host.dataDir, 'config.json'))) await runAgentCommand(['halt', '--data', host.dataDir]);
};
