/**
 * The ground without the services above it, for benches: hosts with real TLS between them and real disks, one in
 * this process and each other one in a process of its own, as they would be on machines of their own.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openChunks } from '../../agent/chunk/chunks.ts';
import { openFirstLife } from '../../agent/compose/first-life.ts';
import { profiles } from '../../agent/compose/profiles.ts';
import { openJournal } from '../../agent/journal/open-journal.ts';
import { openMembers } from '../../agent/membership/members.ts';
import { createCluster, readClusterFile } from '../../agent/peer/cluster-file.ts';
import { verifySignature } from '../../agent/peer/host-key.ts';
import { joinCluster } from '../../agent/peer/join.ts';
import { openPeer } from '../../agent/peer/open-peer.ts';
import { openRing } from '../../agent/ring/open-ring.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { openKeyValue } from '../../agent/store/lmdb-key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import { openTables } from '../../agent/table/tables.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { GiB } from '../../proto/units.ts';
import { type Filling, fillGroup } from './fill-group.ts';
import type { Contention } from './register.ts';

const settleMsMax = 60_000;
/** A table whose ranges split, and the rows that one of them may have until the hosts are told otherwise. */
export const splitTable = 'bench-split';
export const groundSplitRows = 600;
const runtime = systemRuntime({ level: 'error' });

export type GroundHost = Awaited<ReturnType<typeof openGroundHost>>;

/** `seeds`: addresses of the hosts that run already. */
export const openGroundHost = async (directory: string, seeds: readonly string[]) => {
  const cluster = await readClusterFile(directory);
  if (!cluster) throw new Error(`no cluster in ${directory}`);
  const keyValue = openKeyValue({ directory: join(directory, 'rows') });
  const peer = await openPeer(
    { runtime },
    {
      ...{ directory, cluster, seeds },
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bulk: { host: '127.0.0.1', port: 0 },
      discovery: { host: '127.0.0.1', port: 0 },
    },
  );
  const { gossip, key, roster, rpc } = peer;
  const signer = { sign: key.sign, verify: verifySignature };
  const members = await openMembers(
    { runtime, rpc, gossip, roster, signer, keyValue: sub(keyValue, 'members') },
    {
      swim: profiles.rehearsal.swim,
      card: {
        ...{ name: peer.self.slice(-8), zone: 'default', apiUrl: 'http://127.0.0.1:1', s3Url: null },
        ...{ peerAddresses: peer.addresses().peer, bulkAddress: peer.addresses().bulk },
        ...{ capacityBytes: GiB, version: '0.0.0' },
      },
    },
  );
  const ring = openRing(
    { runtime, rpc, gossip, roster, members, signer, keyValue: sub(keyValue, 'ring') },
    {
      ...profiles.rehearsal.ring,
      isFounder: cluster.founder === peer.self,
      life: openFirstLife(directory),
    },
  );
  const splitting = { splitRows: groundSplitRows, lookMs: 200 };
  const tables = openTables({ runtime, rpc, ring, members, keyValue: sub(keyValue, 'tables') }, splitting);
  const chunks = await openChunks({
    ...{ runtime, rpc, ring, members, tables, bulk: peer.bulk },
    keyValue: sub(keyValue, 'chunks'),
    directories: [join(directory, 'chunks')],
  });
  const journal = await openJournal(
    { runtime, key, rpc, roster, discovery: peer.discovery },
    { directory, clusterId: cluster.clusterId as ClusterId },
  );
  const bare = sub(keyValue, 'bare');
  const rowStore = sub(keyValue, 'tables');
  // The yardsticks: a message that does nothing, one that does no more than write what it was given, and one that
  // reads as much.
  rpc.handle('bench.echo', (_from, body) => body);
  rpc.handle('bench.write', (_from, body) => writeBare(bare, body as BareRow));
  rpc.handle('bench.fill', (_from, body) => fillGroup({ ring, rows: rowStore }, body as Filling));
  rpc.handle('bench.split-rows', (_from, body) => {
    splitting.splitRows = Number(body);
    return null;
  });
  rpc.handle('bench.keys', () => [...bare.range({})].map(({ key: name }) => name));
  peer.bulk.serve('bench', async ({ path }) => ({ body: Buffer.alloc(Number(path)) }));
  ring.start();
  tables.start();
  chunks.start();
  return {
    ...{ peer, rpc, ring, tables, chunks, journal, bare, rowStore, splitting },
    things: tables.rows<{ readonly bytes: Uint8Array }>({ name: 'bench-thing' }),
    splitThings: tables.rows<{ readonly bytes: Uint8Array }>({ name: splitTable, splits: true }),
    counters: tables.registers<{ readonly count: number }>({ name: 'bench-counter' }),
    address: `${peer.addresses().peer[0]}/p2p/${peer.self}`,
    async stop() {
      await journal.stop();
      await chunks.stop();
      await tables.stop();
      await ring.stop();
      members.stop();
      await peer.stop();
      await keyValue.close();
    },
  };
};

export interface BareRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
export const writeBare = (bare: GroundHost['bare'], { key, value }: BareRow): Promise<null> =>
  bare.transact((writer) => {
    writer.put(key, value);
    return null;
  });

/** What the other hosts are told, and answer when it is so. */
export type GroundOrder = { readonly callers: number } | { readonly action: string; readonly events: number };

export interface Ground extends AsyncDisposable {
  /** The host in this process. */
  readonly here: GroundHost;
  readonly others: readonly HostId[];
  /** Their processes, in the same order. */
  readonly pids: readonly number[];
  /** Resolves when all hosts own their share and have compared what they hold. */
  settled(): Promise<void>;
  /** So many callers on each other host change one register, until the returned function is called. */
  contend(callers: number): Promise<() => Promise<readonly Contention[]>>;
  /** Resolves when each other host has read so many events of that action in its journal. */
  readElsewhere(action: string, events: number): Promise<void>;
}

const reply = async (child: ChildProcess): Promise<unknown> => {
  const [message] = await once(child, 'message');
  return message;
};
const ask = (child: ChildProcess, order: GroundOrder): Promise<unknown> => {
  const answered = reply(child);
  child.send(order);
  return answered;
};

const until = async (state: string, holds: () => boolean): Promise<void> => {
  const endMs = performance.now() + settleMsMax;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`after ${settleMsMax} ms still not: ${state}`);
    await runtime.timers.sleep(20);
  }
};

/** One layout with all hosts, settled. */
const isSettled = ({ ring, tables }: GroundHost, size: number): boolean =>
  ring.newest === ring.oldest &&
  Array.from({ length: ring.partitionCount }, (_, partition) => ring.ownerSets(partition)).every(
    (sets) => sets.length === 1 && sets[0]?.owners.length === Math.min(3, size),
  ) &&
  tables.status().hostsToCompare === 0;

export const startGround = async (size: number): Promise<Ground> => {
  await using parts = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'shoal-bench-ground-'));
  parts.defer(() => rm(home, { recursive: true, force: true }));
  const founder = join(home, 'host-1');
  await createCluster({ runtime }, { directory: founder, name: 'bench', hostName: 'host-1' });
  const here = await openGroundHost(founder, []);
  parts.defer(() => here.stop());
  here.peer.invites.serve({ consume: async () => ({ expiresAtMs: null }), welcome: async () => null });
  const children: ChildProcess[] = [];
  const others: HostId[] = [];
  const seeds = [here.address];
  while (children.length < size - 1) {
    const hostName = `host-${children.length + 2}`;
    const directory = join(home, hostName);
    const { token } = here.peer.invites.issue();
    others.push((await joinCluster({ runtime }, token, { directory, hostName })).hostId);
    const child = fork(fileURLToPath(new URL('./ground-host.ts', import.meta.url)), [directory, ...seeds]);
    children.push(child);
    parts.defer(async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    });
    seeds.push(String(await reply(child)));
  }
  const settled = () => until('all hosts own their share', () => isSettled(here, size));
  await settled();
  const running = parts.move();
  return {
    ...{ here, others, settled, pids: children.flatMap(({ pid }) => pid ?? []) },
    async contend(callers) {
      for (const child of children) await ask(child, { callers });
      return () => Promise.all(children.map((child) => ask(child, { callers: 0 }) as Promise<Contention>));
    },
    async readElsewhere(action, events) {
      await Promise.all(children.map((child) => ask(child, { action, events })));
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
