/**
 * A host with everything that holds data: members, ring, tables and chunks of the agent, put together as
 * `agent/compose.ts` does it. `ClusterParts` is where tests put a bug in the place of a part.
 */
import { openChunkFiles } from '../../../agent/chunk/chunk-files.ts';
import { type Chunks, openChunks } from '../../../agent/chunk/chunks.ts';
import type { Judge } from '../../../agent/chunk/port.ts';
import type { ChunkSettings } from '../../../agent/chunk/settings.ts';
import { openMembers } from '../../../agent/membership/members.ts';
import type { MemberCard } from '../../../agent/membership/port.ts';
import { loopbackSettings } from '../../../agent/membership/settings.ts';
import type { Rpc } from '../../../agent/peer/port.ts';
import type { FirstLife } from '../../../agent/ring/layout-keeper.ts';
import { type OwnRing, openRing, type RingWorld } from '../../../agent/ring/open-ring.ts';
import type { Ring } from '../../../agent/ring/port.ts';
import { type RingSettings, rehearsalSettings } from '../../../agent/ring/settings.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { sub } from '../../../agent/store/namespace.ts';
import type { CollectSettings } from '../../../agent/table/collector.ts';
import type { openHolds } from '../../../agent/table/holds.ts';
import type { LedKeys, Registers, Rows, Tables } from '../../../agent/table/port.ts';
import { type OpenTables, openTables } from '../../../agent/table/tables.ts';
import { hasCode } from '../../../proto/error.ts';
import type { HostId } from '../../../proto/ids.ts';
import { secondMs } from '../../../proto/units.ts';
import { fakeSigner } from '../../fake/signer.ts';
import { watchFence } from '../check/fence.ts';
import type { SettleWatch } from '../check/settle.ts';
import { simDataDirectory } from '../data-directory.ts';
import { instead } from '../instead.ts';
import { simKeyValue } from '../key-value.ts';
import { liveRoster } from '../live-roster.ts';
import type { Host, Program } from '../node.ts';
import { simPeer } from '../peer.ts';
import { type LogWatch, shellRuntime } from '../shell-runtime.ts';

/** The parts that a planted bug takes the place of. */
export interface ClusterParts {
  life(life: FirstLife): FirstLife;
  openStore(host: Host): KeyValue;
  tableStore(store: KeyValue): KeyValue;
  tableRing(ring: Ring): Ring;
  tableRpc(rpc: Rpc, host: Host): Rpc;
  chunkRing(ring: Ring): Ring;
  chunkTables(tables: Tables & LedKeys, host: Host): Tables & LedKeys;
  chunkRpc(rpc: Rpc): Rpc;
  openFiles(host: Host): typeof openChunkFiles;
  /** Of uploads whose host died in them, by who makes them. */
  judge(judge: Judge): Judge;
  readonly chunkSettings: ChunkSettings;
  readonly tableSettings: CollectSettings;
  /** A range of rows with more splits; absent: none does. */
  readonly splitRows?: number;
  readonly openHolds?: (host: Host) => typeof openHolds;
}

export const soundParts: ClusterParts = {
  life: (life) => life,
  openStore: (host) => simKeyValue(host),
  judge: (judge) => judge,
  tableStore: (store) => store,
  tableRing: (ring) => ring,
  tableRpc: (rpc) => rpc,
  chunkRing: (ring) => ring,
  chunkTables: (tables) => tables,
  chunkRpc: (rpc) => rpc,
  openFiles: (host) => (world, settings) =>
    openChunkFiles({ ...world, openDirectory: simDataDirectory(host) }, settings),
  // As eager as can be: no grace is needed for safety. Everything else as often as a short life needs it.
  chunkSettings: {
    collectGraceMs: secondMs,
    collectEveryMs: 2 * secondMs,
    compareEveryMs: 30 * secondMs,
    collectPerSecond: 1000,
    ...{ claimAgeMs: 5 * secondMs, orphansEveryMs: 5 * secondMs, orphansPerSecond: 1000 },
  },
  // So quick that stragglers and pauses meet it: no age is needed for safety.
  tableSettings: { collectAgeMs: secondMs, collectEveryMs: 1.5 * secondMs },
};

/** What clients use, once the host has opened. */
export interface ClusterCalls {
  readonly rows: Rows<string>;
  /** Rows that those bring along. */
  readonly companions: Rows<string>;
  readonly registers: Registers<string>;
  readonly tables: OpenTables;
  readonly chunks: Chunks;
  readonly ring: OwnRing;
  /** What is there, whatever a planted bug makes of it. */
  readonly tableStore: KeyValue;
}

export interface ClusterHost extends Program {
  /** Undefined until all is open. */
  readonly calls: ClusterCalls | undefined;
  /** Requests of this host that wait for an answer. */
  readonly waiting: number;
}

export interface ClusterHostOptions {
  readonly everyone: readonly HostId[];
  readonly roster: RingWorld['roster'];
  readonly isFounder: boolean;
  readonly life: FirstLife;
  readonly zone: string;
  readonly ring: Partial<RingSettings>;
  readonly watch: LogWatch;
  /** Called after each change of the live versions. */
  changed(ring: OwnRing): void;
  readonly judge?: Judge | undefined;
  readonly parts: ClusterParts;
  readonly settle: Pick<SettleWatch, 'syncer'>;
}

/** As eager as the chunks' settings are. */
const splitLookMs = 500;

const cardOf = (id: HostId, zone: string): MemberCard => ({
  name: id.slice(-4),
  zone,
  peerAddresses: [],
  bulkAddress: '127.0.0.1:1',
  apiUrl: 'http://127.0.0.1:2',
  s3Url: null,
  capacityBytes: 1e12,
  version: '0.1.0',
});

export const clusterHost = (host: Host, options: ClusterHostOptions): ClusterHost => {
  const { parts } = options;
  const peer = simPeer(host, options.everyone);
  const { rpc, gossip, bulk } = peer;
  const runtime = shellRuntime(host, options.watch);
  const keyValue = parts.openStore(host);
  let calls: ClusterCalls | undefined;

  const open = async (): Promise<void> => {
    const roster = liveRoster(host, options.roster);
    const base = { runtime, rpc, gossip, roster };
    const card = cardOf(host.id, options.zone);
    const members = await openMembers(
      { ...base, signer: fakeSigner(host.id), keyValue: sub(keyValue, 'members') },
      { card, swim: loopbackSettings },
    );
    const ring = openRing(
      { ...base, members, signer: fakeSigner(host.id), keyValue: sub(keyValue, 'ring') },
      { ...rehearsalSettings, ...options.ring, isFounder: options.isFounder, life: parts.life(options.life) },
    );
    ring.onChange(() => options.changed(ring));
    options.changed(ring);
    const fenced = watchFence({ rpc, bulk }, ring, host.world.fail);
    const watched = instead<Ring>(ring, {
      addSyncer: (syncer) => ring.addSyncer(options.settle.syncer(ring, syncer)),
    });
    const tableStore = sub(keyValue, 'tables');
    const { splitRows } = parts;
    const tables = openTables(
      {
        ...{ runtime, members, keyValue: parts.tableStore(tableStore) },
        ...{ rpc: parts.tableRpc(fenced.rpc, host), ring: parts.tableRing(watched) },
        soon: (work) => void runtime.timers.after(0, work),
        ...(parts.openHolds && { openHolds: parts.openHolds(host) }),
      },
      { ...parts.tableSettings, splitRows, lookMs: splitLookMs },
    );
    const splits = splitRows !== undefined;
    const rows = tables.rows<string>({ name: 'row', weight: (row) => row.length, splits });
    const companions = tables.rows<string>({ name: 'row/companion', splits });
    const registers = tables.registers<string>({ name: 'register' });
    const chunks = await openChunks(
      {
        ...{ runtime, bulk: fenced.bulk, members, keyValue: sub(keyValue, 'chunks') },
        tables: parts.chunkTables(tables, host),
        ...{ rpc: parts.chunkRpc(fenced.rpc), ring: parts.chunkRing(watched) },
        directories: ['/chunks'],
        isOff: (other) => !roster.has(other),
        openFiles: parts.openFiles(host),
      },
      parts.chunkSettings,
    );
    if (options.judge) chunks.content.judgeBy('upload', parts.judge(options.judge));
    ring.start();
    tables.start();
    chunks.start();
    calls = { rows, companions, registers, tables, chunks, ring, tableStore };
  };
  /** A host that cannot write its first record ends, and whoever watches it starts it again. */
  const start = async (): Promise<void> => {
    try {
      await open();
    } catch (thrown) {
      if (!hasCode(thrown, 'DISK_FULL')) throw thrown;
      await runtime.timers.sleep(secondMs);
      await start();
    }
  };
  // After a crash this goes nowhere: what it waits for never comes.
  start().catch((bug: unknown) => host.world.fail(bug));

  return {
    handleMessage: peer.handleMessage,
    get calls() {
      return calls;
    },
    get waiting() {
      return peer.waiting;
    },
  };
};
