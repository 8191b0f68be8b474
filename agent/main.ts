/**
 * The agent program. Short commands make the data directory a host of a cluster; `run` is the agent itself.
 *
 *   init [options]          a new cluster, this host its first
 *   join TOKEN [options]    one of an existing cluster
 *   run --data DIR          the agent, until SIGTERM
 *   halt --data DIR         end the machines that a stopped agent left running
 */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { asShoalError, errorTable, ShoalError } from '../proto/error.ts';
import { type ClusterHost, haltMachines, initHost, joinHost } from './compose/host.ts';
import type { HostOptions } from './compose/host-config.ts';
import { runAgent } from './compose.ts';
import type { LogLevel } from './runtime/system/log.ts';
import { systemRuntime } from './runtime/system/runtime.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    cluster: { type: 'string' },
    'host-name': { type: 'string' },
    zone: { type: 'string' },
    address: { type: 'string' },
    port: { type: 'string' },
    capacity: { type: 'string' },
    profile: { type: 'string' },
    chunks: { type: 'string', multiple: true },
    output: { type: 'string' },
  },
});

const directory = (): string => {
  if (values.data === undefined)
    throw new ShoalError('BAD_REQUEST', 'Cannot tell where the data is: give --data DIR');
  return resolve(values.data);
};

const options = async (): Promise<HostOptions> => {
  const data = directory();
  await mkdir(data, { recursive: true, mode: 0o700 });
  return {
    data,
    hostName: values['host-name'],
    zone: values.zone,
    address: values.address,
    port: values.port,
    capacity: values.capacity,
    profile: values.profile,
    chunks: values.chunks,
  };
};

const say = (host: ClusterHost, sentence: string): void =>
  void process.stdout.write(values.output === 'json' ? `${JSON.stringify(host)}\n` : `${sentence}\n`);

const runtime = systemRuntime({ level: (process.env.SHOAL_LOG ?? 'info') as LogLevel });
/** Short commands speak to people: what goes wrong is in their error line. */
const quiet = systemRuntime({ level: (process.env.SHOAL_LOG ?? 'error') as LogLevel });

const commands: Readonly<Record<string, () => Promise<void>>> = {
  async init() {
    const { host, credentials } = await initHost(
      { runtime: quiet },
      await options(),
      values.cluster ?? 'shoal',
    );
    say(
      host,
      `Host ${host.name} is the first of cluster ${values.cluster ?? 'shoal'}. Admin credentials: ${credentials}\nNext: shoal agent --data ${directory()}`,
    );
  },
  async join() {
    const token = positionals[1];
    if (token === undefined)
      throw new ShoalError(
        'BAD_REQUEST',
        'Cannot join without a token: shoal invite prints one on a host of the cluster',
      );
    const host = await joinHost({ runtime: quiet }, token, await options());
    say(host, `Host ${host.name} belongs to the cluster.\nNext: shoal agent --data ${directory()}`);
  },
  run: () => runAgent({ runtime }, directory()),
  halt: () => haltMachines({ runtime: quiet }, directory()),
};

try {
  const command = commands[positionals[0] ?? ''];
  if (!command)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot do "${positionals[0] ?? ''}": the agent knows ${Object.keys(commands).join(', ')}`,
    );
  await command();
  // All parts have closed; a library's forgotten timer must not keep the process.
  process.exit(0);
} catch (thrown) {
  const error = asShoalError(thrown);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  process.stderr.write(`shoal: ${error.message}${error.code === 'INTERNAL' ? cause : ''}\n`);
  if (process.env.SHOAL_DEBUG) process.stderr.write(`${error.stack}\n`);
  process.exit(errorTable[error.code].exit);
}
