/** Real peers on loopback for tests: founded, invited and joined as operators do it, stopped and removed at the end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createCluster, readClusterFile } from '../../agent/peer/cluster-file.ts';
import { joinCluster } from '../../agent/peer/join.ts';
import type { JoinHooks } from '../../agent/peer/join-host.ts';
import { openPeer, type Peer, type PeerSettings } from '../../agent/peer/open-peer.ts';
import type { Log, Runtime } from '../../agent/runtime/ports.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { ShoalError } from '../../proto/error.ts';
import { steadyClock, steadyTimers } from '../fake/steady-time.ts';
import { takePorts } from '../ports.ts';
import { until } from '../until.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A real runtime that a stall of the machine only pauses, and whose log is kept, so that tests can wait for a line. */
export const recordingRuntime = (): { readonly runtime: Runtime; readonly lines: LogLine[] } => {
  const lines: LogLine[] = [];
  const system = systemRuntime({ level: 'error' });
  const log = (fields: Record<string, unknown>): Log => {
    const write = (level: string) => (message: string, more?: Record<string, unknown>) => {
      lines.push({ ...fields, ...more, level, message });
      if (process.env.SHOAL_TEST_LOG)
        console.error(
          Math.round(performance.now()),
          level,
          message,
          JSON.stringify({ ...fields, ...more }),
          more?.error ?? '',
        );
    };
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      with: (more) => log({ ...fields, ...more }),
    };
  };
  return { runtime: { ...system, clock: steadyClock, timers: steadyTimers, log: log({}) }, lines };
};

/** The register of invites that the composition keeps in tables. */
export const fakeInviteRegister = () => {
  const issued = new Map<string, string | undefined>();
  const hooks: JoinHooks = {
    async consume(inviteId, hostId) {
      const user = issued.get(inviteId);
      if (!issued.has(inviteId) || (user && user !== hostId))
        throw new ShoalError(
          'INVITE_REFUSED',
          `Cannot join with this invite: it is ${user ? 'used' : 'unknown'}`,
        );
      issued.set(inviteId, hostId);
      return { expiresAtMs: null };
    },
    welcome: async () => ({ greeting: 'hello' }),
  };
  return { issued, hooks };
};

export interface TestHost {
  readonly directory: string;
  readonly lines: LogLine[];
  readonly runtime: Runtime;
  peer: Peer;
  /** TCP ports are others then; the DHT node keeps its own unless told. */
  restart(more?: Partial<PeerSettings>): Promise<void>;
}

export const tempDirectory = async (t: ExecutionContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-peer-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

/** A place for the two nodes of a host's DHT. */
export const takeDiscovery = async () => ({ host: '127.0.0.1', port: await takePorts(2) });

export const startHost = async (
  t: ExecutionContext,
  directory: string,
  more: Partial<PeerSettings> = {},
): Promise<TestHost> => {
  const { runtime, lines } = recordingRuntime();
  const cluster = await readClusterFile(directory);
  if (!cluster) throw new Error('no cluster file');
  // Others start from it, so it is where it was before after a restart.
  const discovery = more.discovery && (await takeDiscovery());
  const open = (now: Partial<PeerSettings> = {}): Promise<Peer> =>
    openPeer(
      { runtime },
      {
        directory,
        cluster,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        bulk: { host: '127.0.0.1', port: 0 },
        ...more,
        ...(discovery ? { discovery } : {}),
        ...now,
      },
    );
  const host: TestHost = {
    directory,
    lines,
    runtime,
    peer: await open(),
    async restart(now) {
      await host.peer.stop();
      host.peer = await open(now);
    },
  };
  t.teardown(() => host.peer.stop());
  return host;
};

export const startCluster = async (
  t: ExecutionContext,
  size: number,
  more: Partial<PeerSettings> = {},
): Promise<{
  readonly hosts: readonly TestHost[];
  readonly register: ReturnType<typeof fakeInviteRegister>;
}> => {
  const register = fakeInviteRegister();
  const directory = await tempDirectory(t);
  const { runtime } = recordingRuntime();
  await createCluster({ runtime }, { directory, name: 'test', hostName: 'host-1' });
  const first = await startHost(t, directory, more);
  first.peer.invites.serve(register.hooks);
  const hosts = [first];
  while (hosts.length < size) {
    const invite = first.peer.invites.issue();
    register.issued.set(invite.inviteId, undefined);
    const next = await tempDirectory(t);
    await joinCluster({ runtime }, invite.token, { directory: next, hostName: `host-${hosts.length + 1}` });
    const host = await startHost(t, next, more);
    host.peer.invites.serve(register.hooks);
    hosts.push(host);
  }
  await until('all hosts are connected and know where the others are', () =>
    hosts.every(({ peer }) =>
      hosts.every(
        (other) =>
          other.peer === peer ||
          (peer.connections.connected().includes(other.peer.self) && peer.addressesOf(other.peer.self)?.bulk),
      ),
    ),
  );
  return { hosts, register };
};

export const startPair = async (t: ExecutionContext): Promise<readonly [TestHost, TestHost]> => {
  const [a, b] = (await startCluster(t, 2)).hosts;
  if (!a || !b) throw new Error('two hosts were started');
  return [a, b];
};
