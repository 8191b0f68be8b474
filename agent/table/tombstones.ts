/** The deleted rows that wait in the store, and dropping those whose partition's cutoff has reached them. */
import type { Partition } from '../ring/port.ts';
import type { KeyValue, KeyValueReader } from '../store/key-value.ts';
import { readCutoff } from './cutoff.ts';
import { isGrowing } from './heirs.ts';
import {
  digest,
  digestOfTombstone,
  encodeSortKey,
  type FindPlace,
  justAfter,
  timeOfTombstone,
  tombstonesBefore,
} from './keys.ts';
import { droppedRowsMax } from './limits.ts';
import { dropRow, readByDigest, readRow } from './row-store.ts';
import { rootOf, xor } from './tree.ts';

/** The time of the oldest one, undefined where none is that old. One look, however many there are. */
export const oldestTombstone = (
  reader: KeyValueReader,
  partition: Partition,
  beforeMs: number,
): number | undefined => {
  const [first] = reader.range({ ...tombstonesBefore(partition, beforeMs), limit: 1 });
  return first && timeOfTombstone(first.key);
};

/** What two owners compare: equal where they hold the same and have collected as much. */
export const healRoot = (reader: KeyValueReader, partition: Partition): Uint8Array => {
  const { cutoff } = readCutoff(reader, partition);
  const root = rootOf(reader, partition);
  return cutoff === 0 ? root : xor(root, digest(Buffer.from(`cutoff ${cutoff}`)));
};

/**
 * Drops the next of them up to the cutoff, those of heirs that are not grown apart. Resolves with where to go on, undefined when that was
 * all; where there are none nothing is written.
 */
export const dropTombstones = async (
  { keyValue, findPlace }: { readonly keyValue: KeyValue; readonly findPlace: FindPlace },
  partition: Partition,
  from?: Uint8Array,
): Promise<Uint8Array | undefined> => {
  const { cutoff } = readCutoff(keyValue, partition);
  if (oldestTombstone(keyValue, partition, cutoff + 1) === undefined) return undefined;
  return keyValue.transact((writer) => {
    const due = tombstonesBefore(partition, cutoff + 1);
    const range = { ...due, from: from ?? due.from, limit: droppedRowsMax };
    const keys = Array.from(writer.range(range), ({ key }) => Uint8Array.from(key));
    for (const key of keys) {
      const named = readByDigest(writer, partition, digestOfTombstone(key));
      if (named && isGrowing(writer, findPlace, named)) continue;
      writer.delete(key);
      if (named?.state.kind !== 'lww' || named.state.value !== null) continue;
      if (named.state.stamp.wallMs > cutoff) continue;
      const place = findPlace(named.table, named.partitionKey);
      const sortKey = encodeSortKey(named.sortKey);
      const stored = readRow(writer, place, sortKey);
      if (stored) dropRow(writer, place, sortKey, stored);
    }
    const last = keys.at(-1);
    return last && keys.length === droppedRowsMax ? justAfter(last) : undefined;
  });
};
