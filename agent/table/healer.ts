/**
 * Healing: bringing a partition on this host and on one other owner to the same rows. From the roots down to the
 * leaves only what differs is looked at; then rows are fetched and merged here, and what is newer here is
 * pushed there. Both ends apply the same merge, so it does not matter who began, or if both did.
 *
 *   roots ── nodes ── leaves ── key digests and marks ── fetch ── merge ── push
 */
import type { HostId } from '../../proto/ids.ts';
import type { NamedRow } from '../../proto/message/row.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Partition } from '../ring/port.ts';
import { withCompanions } from './companions.ts';
import { raiseCutoff, readCutoff } from './cutoff.ts';
import { isGrowing } from './heirs.ts';
import { digestBytes, encodeSortKey } from './keys.ts';
import {
  batchBytesMax,
  healLeavesInFlightMax,
  healPartitionsInFlightMax,
  healPassesMax,
  healRowsMax,
  leafRowsMax,
  rootsMax,
} from './limits.ts';
import { mergeRows, rowBytes } from './merge-rows.ts';
import type { Outbox } from './outbox.ts';
import type { OwnerWorld } from './owner.ts';
import { noMark } from './row.ts';
import { dropRow, readByDigest, readRow, scanLeaf } from './row-store.ts';
import { healRoot } from './tombstones.ts';
import { childrenOf, differences, fanOut } from './tree.ts';

export interface HealerWorld extends OwnerWorld {
  readonly outbox: Outbox;
  /** The layout version that goes with messages. */
  layout(): number;
  /** A register that an owner could not take a copy of: settle it by a full round. */
  settle(row: NamedRow): Promise<void>;
}

interface Healed {
  /** Rows that came here, and that went there. */
  readonly pulled: number;
  readonly pushed: number;
}

export interface Healer {
  /** The partitions in which this host and the other differ. */
  compare(peer: HostId, partitions: readonly Partition[]): Promise<readonly Partition[]>;
  /** Afterwards both hold all that either held before. `found` hears of differing rows, `healed` of each done. */
  heal(peer: HostId, partition: Partition, progress?: HealProgress): Promise<Healed>;
  /** Afterwards this host holds all that the other held before, and the other what it held. */
  copy(peer: HostId, partition: Partition, signal: AbortSignal): Promise<void>;
  /** Compares, then heals what differs. */
  healAll(peer: HostId, partitions: readonly Partition[], progress?: HealProgress): Promise<Healed>;
}

interface HealProgress {
  found(rows: number): void;
  done(rows: number): void;
  readonly signal?: AbortSignal;
}

const unwatched: HealProgress = { found: () => {}, done: () => {} };

export const healer = (world: HealerWorld): Healer => {
  const { keyValue, outbox } = world;

  const differingLeaves = async (peer: HostId, partition: Partition): Promise<readonly number[]> => {
    const differing = async (level: 0 | 1, index: number): Promise<readonly number[]> => {
      const theirs = await outbox.ask<'nodes'>(peer, world.layout(), {
        ...{ do: 'nodes', partition, level, index },
      });
      return differences(childrenOf(keyValue, partition, level, index), theirs).map(
        (child) => index * fanOut + child,
      );
    };
    const nodes = await differing(0, 0);
    return (await Promise.all(nodes.map((node) => differing(1, node)))).flat();
  };

  const theirLeaf = async (
    peer: HostId,
    partition: Partition,
    leaf: number,
  ): Promise<ReadonlyMap<string, Uint8Array>> => {
    const marks = new Map<string, Uint8Array>();
    let after: Uint8Array | null = null;
    for (;;) {
      const page: { rows: Uint8Array; complete: boolean } = await outbox.ask<'leaf'>(peer, world.layout(), {
        ...{ do: 'leaf', partition, leaf, after },
      });
      const { rows } = page;
      for (let at = 0; at + 2 * digestBytes <= rows.length; at += 2 * digestBytes) {
        after = Uint8Array.from(rows.subarray(at, at + digestBytes));
        marks.set(Buffer.from(after).toString('latin1'), rows.slice(at + digestBytes, at + 2 * digestBytes));
      }
      if (page.complete || rows.length === 0) return marks;
    }
  };

  const myLeaf = (partition: Partition, leaf: number): ReadonlyMap<string, Uint8Array> => {
    const marks = new Map<string, Uint8Array>();
    let after: Uint8Array | null = null;
    for (;;) {
      const { rows, complete } = scanLeaf(keyValue, partition, leaf, after, leafRowsMax);
      for (const [key, mark] of rows) {
        marks.set(key, mark);
        after = Buffer.from(key, 'latin1');
      }
      if (complete) return marks;
    }
  };

  /**
   * Runs `work` with the time up to which the other's rows are to be taken as they are, undefined where it has collected no more
   * than this host; afterwards this one has collected as much.
   */
  const adopting = async <T>(
    peer: HostId,
    partition: Partition,
    work: (upTo: number | undefined) => Promise<T>,
  ): Promise<T> => {
    const { cutoff: upTo } = await outbox.ask<'cutoff'>(peer, world.layout(), { do: 'cutoff', partition });
    if (upTo <= readCutoff(keyValue, partition).cutoff) return work(undefined);
    return world.cutoffs.whileAdopting(partition, upTo, async () => {
      // Twice: which heirs are grown at the other is among what comes with the first.
      await work(upTo);
      const done = await work(upTo);
      await keyValue.transact((writer) => raiseCutoff(writer, partition, upTo));
      world.collected(partition);
      return done;
    });
  };

  /** Drops what is stamped up to there and is not so at the other: it is gone, or comes from there. Not of heirs that are not grown. */
  const forget = (partition: Partition, keys: readonly string[], upTo: number): Promise<void> =>
    keyValue.transact((writer) => {
      for (const key of keys) {
        const row = readByDigest(writer, partition, Buffer.from(key, 'latin1'));
        if (row?.state.kind !== 'lww' || row.state.stamp.wallMs > upTo) continue;
        if (isGrowing(writer, world.findPlace, row)) continue;
        const place = world.findPlace(row.table, row.partitionKey);
        const sortKey = encodeSortKey(row.sortKey);
        const stored = readRow(writer, place, sortKey);
        if (stored) dropRow(writer, place, sortKey, stored);
      }
    });

  /** Fetches rows by digest and merges them. Gives the registers that could not be taken. */
  const pull = async (
    peer: HostId,
    partition: Partition,
    keys: readonly string[],
    how: 'copy' | 'adopted' = 'copy',
  ): Promise<NamedRow[]> => {
    const refusedRows: NamedRow[] = [];
    for (let at = 0; at < keys.length; ) {
      const wanted = keys.slice(at, at + healRowsMax).map((key) => Buffer.from(key, 'latin1'));
      const { rows, taken } = await outbox.ask<'fetch'>(peer, world.layout(), {
        ...{ do: 'fetch', partition, keys: wanted },
      });
      const { refused } = await mergeRows(world, partition, rows, how);
      refusedRows.push(...refused.flatMap((index) => rows[index] ?? []));
      at += Math.max(1, taken);
    }
    return refusedRows;
  };

  /** Sends rows by digest, those that are (still) here. Gives the registers that were not taken. */
  const push = async (peer: HostId, partition: Partition, keys: readonly string[]): Promise<NamedRow[]> => {
    const refusedRows: NamedRow[] = [];
    for (let at = 0; at < keys.length; ) {
      const rows: NamedRow[] = [];
      for (let bytes = 0; at < keys.length && rows.length < healRowsMax && bytes < batchBytesMax; at++) {
        const row = readByDigest(keyValue, partition, Buffer.from(keys[at] ?? '', 'latin1'));
        if (!row) continue;
        for (const each of withCompanions(world.findPlace, keyValue, row)) {
          rows.push(each);
          bytes += rowBytes(each);
        }
      }
      if (rows.length === 0) continue;
      const { refused } = await outbox.ask<'push'>(peer, world.layout(), { do: 'push', partition, rows });
      refusedRows.push(...refused.flatMap((index) => rows[index] ?? []));
    }
    return refusedRows;
  };

  const healLeaf = async (
    peer: HostId,
    partition: Partition,
    leaf: number,
    progress: HealProgress,
    upTo: number | undefined,
  ) => {
    const theirs = await theirLeaf(peer, partition, leaf);
    const mine = myLeaf(partition, leaf);
    const same = (key: string): boolean => {
      const [a, b] = [mine.get(key), theirs.get(key)];
      return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
    };
    const here = new Set([...mine.keys()].filter((key) => !same(key)));
    const there = [...theirs.keys()].filter((key) => !same(key));
    const rows = new Set([...here, ...there]).size;
    progress.found(rows);
    if (upTo !== undefined) await forget(partition, [...here], upTo);
    const stuck = await pull(peer, partition, there, upTo === undefined ? 'copy' : 'adopted');
    // After the merge: of rows that both have, what is here now is the newer one.
    const merged = myLeaf(partition, leaf);
    const news = [...merged.keys()].filter((key) => {
      const [a, b] = [merged.get(key), theirs.get(key)];
      return here.has(key) && a !== undefined && !(b && Buffer.compare(a, b) === 0);
    });
    stuck.push(...(await push(peer, partition, news)));
    progress.done(rows);
    return { pulled: there.length, pushed: news.length, stuck };
  };

  const heal = (peer: HostId, partition: Partition, progress = unwatched): Promise<Healed> =>
    adopting(peer, partition, (upTo) => healUp(peer, partition, progress, upTo));

  const healUp = async (
    peer: HostId,
    partition: Partition,
    progress: HealProgress,
    upTo: number | undefined,
  ): Promise<Healed> => {
    let [pulled, pushed] = [0, 0];
    for (let pass = 0; pass < healPassesMax; pass++) {
      const stuck: NamedRow[] = [];
      const leaves = await differingLeaves(peer, partition);
      const parts = await mapLimit(
        leaves,
        healLeavesInFlightMax,
        (leaf) => healLeaf(peer, partition, leaf, progress, upTo),
        progress.signal,
      );
      for (const part of parts) {
        pulled += part.pulled;
        pushed += part.pushed;
        stuck.push(...part.stuck);
      }
      if (stuck.length === 0) break;
      for (const row of stuck) await world.settle(row);
    }
    return { pulled, pushed };
  };

  const compare = async (peer: HostId, partitions: readonly Partition[]): Promise<readonly Partition[]> => {
    const differing: Partition[] = [];
    for (let at = 0; at < partitions.length; at += rootsMax) {
      const part = partitions.slice(at, at + rootsMax);
      const digests = Buffer.concat(part.map((partition) => healRoot(keyValue, partition)));
      differing.push(
        ...(await outbox.ask<'roots'>(peer, world.layout(), { do: 'roots', partitions: part, digests })),
      );
    }
    return differing.filter((partition) => partitions.includes(partition));
  };

  return {
    compare,
    heal,
    copy: (peer, partition, signal) =>
      adopting(peer, partition, async (upTo) => {
        const copyLeaf = async (leaf: number): Promise<void> => {
          const theirs = await theirLeaf(peer, partition, leaf);
          const mine = myLeaf(partition, leaf);
          const keysNotIn = (from: ReadonlyMap<string, Uint8Array>, to: ReadonlyMap<string, Uint8Array>) =>
            [...from]
              .filter(([key, mark]) => Buffer.compare(mark, to.get(key) ?? noMark) !== 0)
              .map(([key]) => key);
          if (upTo !== undefined) await forget(partition, keysNotIn(mine, theirs), upTo);
          await pull(peer, partition, keysNotIn(theirs, mine), upTo === undefined ? 'copy' : 'adopted');
        };
        await mapLimit(await differingLeaves(peer, partition), healLeavesInFlightMax, copyLeaf, signal);
      }),
    async healAll(peer, partitions, progress = unwatched) {
      const differing = await compare(peer, partitions);
      const parts = await mapLimit(
        differing,
        healPartitionsInFlightMax,
        (partition) => heal(peer, partition, progress),
        progress.signal,
      );
      return {
        pulled: parts.reduce((sum, part) => sum + part.pulled, 0),
        pushed: parts.reduce((sum, part) => sum + part.pushed, 0),
      };
    },
  };
};
