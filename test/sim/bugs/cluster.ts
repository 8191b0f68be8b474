/**
 * Planted bugs of a whole host. Each is a mistake that the literature knows and that someone could make here; each
 * takes the place of one part, as `ClusterParts` offers them, or sits on the wire between two.
 */

import type { Static } from 'typebox';
import { openChunkFiles } from '../../../agent/chunk/chunk-files.ts';
import type { Rpc } from '../../../agent/peer/port.ts';
import type { KeyValue, KeyValueWriter } from '../../../agent/store/key-value.ts';
import { stateKey } from '../../../agent/table/cutoff.ts';
import { markerKey } from '../../../agent/table/keys.ts';
import { decodeRow, encodeRow, presence, presenceOfBytes } from '../../../agent/table/row.ts';
import type { AnswerOf, BatchAnswer, Operation } from '../../../proto/message/table.ts';
import { chunkFile, simDataDirectory } from '../data-directory.ts';
import { instead } from '../instead.ts';
import { flush, simKeyValue } from '../key-value.ts';
import type { Host } from '../node.ts';
import { type ClusterParts, soundParts } from '../program/cluster-host.ts';
import { shellRuntime } from '../shell-runtime.ts';

type Answers = Static<typeof BatchAnswer>['answers'];
interface Batch {
  readonly layout: number;
  readonly operations: readonly Operation[];
}

/** Stands between this host's tables and the others': may change what goes out and what comes back. */
const onTheWire =
  (
    outgoing: (operation: Operation, host: Host) => Operation,
    incoming: (operation: Operation, answer: Answers[number]) => Answers[number],
  ): ClusterParts['tableRpc'] =>
  (rpc, host): Rpc => ({
    ...rpc,
    async request(to, method, body, options) {
      if (method !== 'table.ask') return rpc.request(to, method, body, options);
      const batch = body as Batch;
      const operations = batch.operations.map((operation) => outgoing(operation, host));
      const answer = (await rpc.request(to, method, { ...batch, operations }, options)) as {
        answers: Answers;
      };
      return {
        ...answer,
        answers: answer.answers.map((one, index) => incoming(operations[index] as Operation, one)),
      };
    },
  });
const isRepair = (operation: Operation): boolean => operation.do === 'put' && operation.repair;

/** A host whose disk was lost answers from the empty one at once. */
const voteAfterDiskLoss: ClusterParts = {
  ...soundParts,
  tableStore: (store) => ({
    ...store,
    get: (key) => (Buffer.compare(key, markerKey) === 0 ? Uint8Array.of(1) : store.get(key)),
  }),
};

/** A host whose disk was lost takes itself for one that was never in the cluster. */
const forgottenLife: ClusterParts = {
  ...soundParts,
  life: (life) => ({ ...life, isFirst: true }),
};

/** While a layout settles, writes and reads make do with a quorum of the newest version. */
const noJointQuorum: ClusterParts = {
  ...soundParts,
  tableRing: (ring) =>
    instead(ring, {
      ownerSets: (partition) => ring.ownerSets(partition).slice(-1),
    }),
};

/** The tables say that they hold their share of a new layout, and leave the copying to the comparisons of owners. */
const skippedSync: ClusterParts = {
  ...soundParts,
  tableRing: (ring) =>
    instead(ring, { addSyncer: (syncer) => ring.addSyncer({ ...syncer, async sync() {} }) }),
};

/** A write goes by its own clock alone, whatever stamps the owners hold. */
const noStampAsked: ClusterParts = {
  ...soundParts,
  tableRpc: onTheWire(
    (operation) => operation,
    (operation, answer) =>
      operation.do === 'get' && !operation.value && 'value' in answer
        ? { value: { ...(answer.value as AnswerOf<'get'>), row: null } }
        : answer,
  ),
};

/** A read answers what it found without bringing it to a quorum first. */
const noWriteBack: ClusterParts = {
  ...soundParts,
  tableRpc: (rpc) => ({
    ...rpc,
    async request(to, method, body, options) {
      const { operations } = body as Batch;
      // No other operation shares a message with a write-back often enough to matter.
      if (method !== 'table.ask' || !operations.every(isRepair))
        return rpc.request(to, method, body, options);
      return { answers: operations.map(() => ({ value: { kind: 'held' } })) };
    },
  }),
};

/** A read repairs the others with a new stamp on what it read, which may be older than what they have by then. */
const repairFromWrongVersion: ClusterParts = {
  ...soundParts,
  tableRpc: onTheWire(
    (operation, host) =>
      operation.do === 'put' && operation.repair
        ? { ...operation, stamp: { wallMs: host.wallMs(), count: 0, host: host.id } }
        : operation,
    (_operation, answer) => answer,
  ),
};

/** Callers do not say what they expect of a range, so an owner that is fenced serves them. */
const passedFence: ClusterParts = {
  ...soundParts,
  tableRpc: onTheWire(
    (operation) => {
      if (!('expects' in operation) || operation.expects !== 'open') return operation;
      const { expects: _, ...free } = operation;
      return free;
    },
    (_operation, answer) => answer,
  ),
};

/** What is copied to the heirs of a range is taken for done before they have it, and the heirs take over. */
const switchBeforeCopy: ClusterParts = {
  ...soundParts,
  tableRpc: (rpc) => ({
    ...rpc,
    async request(to, method, body, options) {
      const { operations } = body as Batch;
      const isCopy = (operation: Operation): boolean =>
        isRepair(operation) && 'partitionKey' in operation && operation.partitionKey.includes('\0');
      if (method !== 'table.ask' || !operations.every(isCopy)) return rpc.request(to, method, body, options);
      return { answers: operations.map(() => ({ value: { kind: 'held' } })) };
    },
  }),
};

/** Tombstones are dropped from a range while it is copied, by somebody who takes his time. */
const collectedWhileSplit: ClusterParts = {
  ...soundParts,
  openHolds:
    (host) =>
    ({ states, findPlace }) => ({
      async take(family, rangeKey) {
        await shellRuntime(host).timers.sleep(5000);
        const { partition } = findPlace(family, rangeKey);
        return (await states.get(String(partition), stateKey))?.cutoff ?? 0;
      },
      async letGo() {},
    }),
};

/** A batch half applied: some owners get the row alone, without what it brings along. */
const halfBatch: ClusterParts = {
  ...soundParts,
  tableRpc: onTheWire(
    (operation, host) => {
      if (operation.do !== 'put' || !operation.along || host.random.chance(0.5)) return operation;
      const { along: _, ...alone } = operation;
      return alone;
    },
    (_operation, answer) => answer,
  ),
};

/** The store acknowledges while the disk still writes. */
const ackBeforeFsync: ClusterParts = {
  ...soundParts,
  openStore: (host) =>
    simKeyValue(host, (slow) => {
      void flush(slow);
      return Promise.resolve();
    }),
};

const forgetTombstones = (writer: KeyValueWriter): KeyValueWriter => ({
  ...writer,
  put(key, value) {
    const isRow = key[0] === 'r'.charCodeAt(0);
    if (isRow && presenceOfBytes(value) === presence.tombstone) writer.delete(key);
    else writer.put(key, value);
  },
});
/** A deleted row leaves nothing behind, so a copy from a host that missed the deletion is news. */
const noTombstones: ClusterParts = {
  ...soundParts,
  tableStore: (store): KeyValue => ({
    ...store,
    transact: (work) => store.transact((writer) => work(forgetTombstones(writer))),
  }),
};

/** Whoever collects goes by what it holds itself: it neither asks the others nor compares with them. */
const aloneInCollecting: ClusterParts = {
  ...soundParts,
  tableRpc: (rpc, host): Rpc => ({
    ...rpc,
    async request(to, method, body, options) {
      const { operations } = body as Batch;
      if (method !== 'table.ask' || !operations.every(isOfCollection))
        return rpc.request(to, method, body, options);
      return {
        answers: operations.map(({ do: what }) => ({
          value: what === 'roots' ? [] : { wallMs: host.wallMs(), stands: true },
        })),
      };
    },
  }),
};
const isOfCollection = (operation: Operation): boolean =>
  operation.do === 'collect' || (operation.do === 'roots' && operation.partitions.length === 1);

const kindOf = (key: Uint8Array): string => String.fromCharCode(key[0] ?? 0);
const asTombstone = (bytes: Uint8Array): Uint8Array => {
  const { mark, state } = decodeRow(bytes);
  if (state.kind !== 'lww') return bytes;
  return encodeRow({ mark, state: { ...state, value: null, stamp: { ...state.stamp, wallMs: 0 } } });
};
/** A name that was deleted once is dropped with whatever stands there when its turn comes. */
const changedMeanwhile: ClusterParts = {
  ...soundParts,
  tableStore: (store): KeyValue => ({
    ...store,
    transact: (work) =>
      store.transact((writer) => {
        let [isWriting, isDropping] = [false, false];
        return work({
          ...writer,
          put(key, value) {
            isWriting = true;
            writer.put(key, value);
          },
          delete(key) {
            // Who writes over a tombstone writes the row first, who drops one strikes it out first.
            isDropping ||= !isWriting && kindOf(key) === 'd';
            if (isDropping || kindOf(key) !== 'd') writer.delete(key);
          },
          get(key) {
            const bytes = writer.get(key);
            return bytes && isDropping && kindOf(key) === 'r' ? asTombstone(bytes) : bytes;
          },
        });
      }),
  }),
};

/** The bytes go out while their reference is still on its way: the collector finds a chunk that nobody uses. */
const earlyCollection: ClusterParts = {
  ...soundParts,
  chunkTables: (tables, host) => ({
    ...tables,
    rows(schema) {
      const rows = tables.rows(schema);
      return {
        ...rows,
        async put(...words) {
          void shellRuntime(host)
            .timers.sleep(5000)
            .then(() => rows.put(...words))
            .catch(() => {});
        },
      };
    },
  }),
};

/** An upload that was claimed counts as named, and nobody looks for its row. */
const believedClaim: ClusterParts = {
  ...soundParts,
  judge: (judge) => async (claim, user, endedMs) => {
    await judge(claim, user, endedMs);
    return true;
  },
};

/** Who did not say that its upload is over counts as one that forgot it: references go while their upload is under way. */
const forgottenMaker: ClusterParts = {
  ...soundParts,
  chunkRpc: (rpc) => ({
    ...rpc,
    request: async (to, method, body, options) =>
      method.endsWith('.uploads') ? { underWay: [false] } : rpc.request(to, method, body, options),
  }),
};

/** What a host owed that never comes back nobody gives back in its place. */
const unseenOrphans: ClusterParts = {
  ...soundParts,
  chunkTables: (tables) => ({
    ...tables,
    rows(schema) {
      const rows = tables.rows(schema);
      // The collector wants to know of one alone.
      return {
        ...rows,
        range: (key, range) =>
          range.limit > 1 ? Promise.resolve({ entries: [], more: false }) : rows.range(key, range),
      };
    },
  }),
};

/** A deletion is decided before it has the chunk's lock; by the time it has, the chunk may be wanted again. */
const aba: ClusterParts = {
  ...soundParts,
  openFiles: (host) => async (world, settings) => {
    const files = await soundParts.openFiles(host)(world, settings);
    return {
      ...files,
      async remove(id, allowed) {
        if (!allowed()) return false;
        await shellRuntime(host).timers.sleep(5000);
        return files.remove(id, () => true);
      },
    };
  },
};

/** An owner that missed a chunk is never told. */
const lostNotice: ClusterParts = {
  ...soundParts,
  chunkSettings: { ...soundParts.chunkSettings, compareEveryMs: 1e9 },
  chunkRpc: (rpc) => ({
    ...rpc,
    request: async (to, method, body, options) =>
      method === 'chunk.check' ? { queued: 0 } : rpc.request(to, method, body, options),
  }),
};

/** A chunk is believed to be what its name says. */
const unverifiedRead: ClusterParts = {
  ...soundParts,
  openFiles: (host) => async (world, settings) => ({
    ...(await openChunkFiles({ ...world, openDirectory: simDataDirectory(host) }, settings)),
    read: async (id) => host.disk.read(chunkFile(id)),
  }),
};

/** A row is believed to be what was written. */
const unsealedRows: ClusterParts = {
  ...soundParts,
  tableStore: (store): KeyValue => ({
    ...store,
    get: (key) => unsealed(key, store.get(key)),
    *range(range) {
      for (const { key, value } of store.range(range)) yield { key, value: unsealed(key, value) ?? value };
    },
  }),
};
/** As of an earlier build, whose rows have no checksum. */
const unsealed = (key: Uint8Array, bytes: Uint8Array | undefined): Uint8Array | undefined =>
  bytes && kindOf(key) === 'r'
    ? Buffer.concat([bytes.subarray(0, 16), Uint8Array.of(presenceOfBytes(bytes)), bytes.subarray(21)])
    : bytes;

export const clusterBugs = {
  'a host that answers from a lost disk': voteAfterDiskLoss,
  'a host that takes its lost disk for a new one': forgottenLife,
  'writes to the newest layout alone while an older one lives': noJointQuorum,
  'tables that report a copy that they do not make': skippedSync,
  'a write that asks nobody for the newest stamp': noStampAsked,
  'a read that writes nothing back': noWriteBack,
  'a read that repairs with a stamp of its own': repairFromWrongVersion,
  'a batch that some owners apply by half': halfBatch,
  'a caller that passes the fence of a range': passedFence,
  'a range whose heirs take over before they have its rows': switchBeforeCopy,
  'a range that is collected while it is split': collectedWhileSplit,
  'rows acknowledged before fsync': ackBeforeFsync,
  'a deleted row that leaves no tombstone': noTombstones,
  'a tombstone dropped before all owners have it': aloneInCollecting,
  'a tombstone dropped though the row was written since': changedMeanwhile,
  'a chunk sent before its reference stands': earlyCollection,
  'an upload of a killed agent that is taken for an object': believedClaim,
  'a reference given back while its upload is under way': forgottenMaker,
  'references of a host that never comes back that nobody looks for': unseenOrphans,
  'a chunk deleted by a decision of before it was put again': aba,
  'an owner that is never told what it missed': lostNotice,
  'a row served without a look at its checksum': unsealedRows,
  'a chunk served without a look at its content': unverifiedRead,
} satisfies Record<string, ClusterParts>;
