/**
 * Where a row lives: its place in the ring, and its bytes in the store.
 *
 *   r partition group sort-key    the row                      a range over one partition key is contiguous,
 *   g partition group             name and sums of a group     and so is a walk over one partition
 *   x partition key-digest        name of a row by its digest  in the order of the Merkle tree
 *   t level partition index       a node of the Merkle tree
 *   m                             marker: this store has been whole once
 *   l, f partition                lives that are noted, and floors (`life-notes.ts`)
 *   d partition time key-digest   a tombstone of a last-writer row, by the time in its stamp (`tombstones.ts`)
 *   c partition                   what was collected, and the fence of who collects (`cutoff.ts`)
 *
 * A group is all rows of one table and partition key. It is named by 16 bytes of BLAKE3, so a partition key of
 * any length leaves the sort key its room; the group's record holds the full names and unmasks a collision.
 */
import { blake3 } from '@napi-rs/blake-hash';
import { ShoalError } from '../../proto/error.ts';
import type { Partition, Ring } from '../ring/port.ts';
import { partitionKeyBytesMax, placesKeptMax, sortKeyBytesMax, tableNameCharsMax } from './limits.ts';

export const digestBytes = 16;
export const digest = (bytes: Uint8Array): Uint8Array => blake3(bytes as Buffer).subarray(0, digestBytes);

export interface Place {
  readonly table: string;
  readonly partitionKey: string;
  readonly partition: Partition;
  /** 16 bytes. */
  readonly group: Uint8Array;
  /** What an owner must know of it to answer; absent: it may be any group. See `fence.ts`. */
  readonly expects?: 'open' | 'closed' | 'unborn';
  /** Writers' stamps must be later: what is older may have been deleted and collected before the rows came here. */
  readonly aboveMs?: number;
}

/** NUL and a number behind a key whose rows were split; no other partition key of a table that splits has NUL. */
export const isHeir = (partitionKey: string): boolean => partitionKey.includes('\0');

/** As it is named in what owners are asked. */
export const groupOf = ({
  table,
  partitionKey,
  expects,
}: Place): Pick<Place, 'table' | 'partitionKey' | 'expects'> =>
  expects ? { table, partitionKey, expects } : { table, partitionKey };

/** Tables whose names agree up to a slash are one family: their rows with one partition key have the same owners. */
export const familyOf = (table: string): string => table.split('/', 1)[0] ?? table;
/** Of what is true of a whole partition: the partition's number is the partition key, so its owners decide it. */
export const partitionTable = 'partition';
/** Their rows may be brought along by rows of the family's first table, and bring none themselves. */
export const isSubTable = (table: string): boolean => table.includes('/');

/** Throws BAD_REQUEST for names that cannot be kept. Remembers the newest. */
export const placeFinder = (ring: Pick<Ring, 'partitionOf' | 'partitionCount'>) => {
  const known = new Map<string, Place>();
  const partitionIn = (table: string, partitionKey: string): Partition =>
    table === partitionTable
      ? Number(partitionKey) % ring.partitionCount || 0
      : ring.partitionOf(`${familyOf(table)}\0${partitionKey}`);
  return (table: string, partitionKey: string): Place => {
    const name = `${table}\0${partitionKey}`;
    const found = known.get(name);
    if (found) return found;
    if (table.length === 0 || table.length > tableNameCharsMax || table.includes('\0'))
      throw new ShoalError('BAD_REQUEST', `Cannot use ${table.length} characters as a table's name`);
    checkKey('partition key', partitionKey, partitionKeyBytesMax);
    const place = {
      ...{ table, partitionKey, partition: partitionIn(table, partitionKey) },
      group: digest(Buffer.from(name)),
    };
    if (known.size >= placesKeptMax) known.delete(known.keys().next().value ?? name);
    known.set(name, place);
    return place;
  };
};
export type FindPlace = ReturnType<typeof placeFinder>;

/** A row's name in this process's memory, which no other row shares: either key may hold any character. */
export const rowText = ({ table, partitionKey }: Place, sortKey: string): string =>
  `${table}\0${partitionKey.length}\0${partitionKey}${sortKey}`;

/** UTF-8. A lone surrogate is refused: it would come back as another name. */
export const encodeSortKey = (sortKey: string): Uint8Array => checkKey('sort key', sortKey, sortKeyBytesMax);
export const decodeSortKey = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');

const checkKey = (what: string, key: string, bytesMax: number): Uint8Array => {
  if (!key.isWellFormed())
    throw new ShoalError('BAD_REQUEST', `Cannot use ${JSON.stringify(key)} as a ${what}: it is not Unicode`);
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length > bytesMax)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use a ${what} of ${bytes.length} bytes: it has at most ${bytesMax}`,
    );
  return bytes;
};

const kinds = {
  row: 0x72,
  group: 0x67,
  index: 0x78,
  tree: 0x74,
  marker: 0x6d,
  lives: 0x6c,
  floor: 0x66,
  tombstone: 0x64,
  cutoff: 0x63,
} as const;

const keyOf = (kind: number, partition: Partition, ...parts: readonly Uint8Array[]): Uint8Array => {
  const key = Buffer.allocUnsafe(3 + parts.reduce((sum, part) => sum + part.length, 0));
  key[0] = kind;
  key.writeUInt16BE(partition, 1);
  let at = 3;
  for (const part of parts) {
    key.set(part, at);
    at += part.length;
  }
  return key;
};

export const rowKey = (partition: Partition, group: Uint8Array, sortKey: Uint8Array): Uint8Array =>
  keyOf(kinds.row, partition, group, sortKey);
export const groupKey = (partition: Partition, group: Uint8Array): Uint8Array =>
  keyOf(kinds.group, partition, group);
export const partitionOfGroup = (key: Uint8Array): Partition => Buffer.from(key).readUInt16BE(1);
/** A row's name as the index keeps it, and what its digest is taken of. */
export const rowName = (group: Uint8Array, sortKey: Uint8Array): Uint8Array =>
  Buffer.concat([group, sortKey]);
/** Of all groups, in the order of their partitions. */
export const groupsPrefix: Uint8Array = Uint8Array.of(kinds.group);
export const indexKey = (partition: Partition, keyDigest: Uint8Array): Uint8Array =>
  keyOf(kinds.index, partition, keyDigest);
export const treeKey = (level: number, partition: Partition, index: number): Uint8Array => {
  const key = Buffer.allocUnsafe(6);
  key[0] = kinds.tree;
  key[1] = level;
  key.writeUInt16BE(partition, 2);
  key.writeUInt16BE(index, 4);
  return key;
};
export const markerKey: Uint8Array = Uint8Array.of(kinds.marker);
export const livesKey: Uint8Array = Uint8Array.of(kinds.lives);
export const floorKey = (partition: Partition): Uint8Array => keyOf(kinds.floor, partition);
export const cutoffKey = (partition: Partition): Uint8Array => keyOf(kinds.cutoff, partition);
/** Of all tombstones of a partition that are older than `wallMs`, excluded; they come in the order of time. */
export const tombstonesBefore = (partition: Partition, wallMs: number) => ({
  from: keyOf(kinds.tombstone, partition),
  to: keyOf(kinds.tombstone, partition, timeBytes(wallMs)),
});
export const tombstoneKey = (partition: Partition, wallMs: number, keyDigest: Uint8Array): Uint8Array =>
  keyOf(kinds.tombstone, partition, timeBytes(wallMs), keyDigest);
/** Whole milliseconds sort as they compare. */
const timeBytes = (wallMs: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.ceil(wallMs))));
  return bytes;
};
export const timeOfTombstone = (key: Uint8Array): number => Number(Buffer.from(key).readBigUInt64BE(3));
export const digestOfTombstone = (key: Uint8Array): Uint8Array => Uint8Array.from(key.subarray(11));
/** Of all rows of a partition. */
export const rowsPrefix = (partition: Partition): Uint8Array => keyOf(kinds.row, partition);
export const rowKeyHeadBytes = 3 + digestBytes;
export const indexKeyHeadBytes = 3;

/** The first key above all that start with `prefix`; undefined where there is none (it is all 0xff). */
export const afterPrefix = (prefix: Uint8Array): Uint8Array | undefined => {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return undefined;
  const next = Uint8Array.from(prefix.subarray(0, end));
  next[end - 1] = (next[end - 1] ?? 0) + 1;
  return next;
};
/** Rows of one group. */
export const rowsOfGroup = (partition: Partition, group: Uint8Array) => {
  const from = rowKey(partition, group, new Uint8Array());
  const to = afterPrefix(from);
  return { from, ...(to && { to }) };
};
/** The first key above this one. */
export const justAfter = (key: Uint8Array): Uint8Array => Buffer.concat([key, Uint8Array.of(0)]);
