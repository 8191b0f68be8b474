/**
 * The rows of this host, on disk. Every change updates the row, the index by digest, the Merkle tree and the sums
 * of its group in one transaction, so none of them can disagree with the rows after a crash.
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { NamedRow, RowState } from '../../proto/message/row.ts';
import type { Partition } from '../ring/port.ts';
import type { KeyValueReader, KeyValueWriter } from '../store/key-value.ts';
import {
  afterPrefix,
  decodeSortKey,
  digest,
  digestBytes,
  groupKey,
  groupsPrefix,
  indexKey,
  indexKeyHeadBytes,
  type Place,
  rowKey,
  rowKeyHeadBytes,
  rowName,
  rowsOfGroup,
  tombstoneKey,
} from './keys.ts';
import { groupsLookedMax, pageBytesMax, pageScanRowsMax } from './limits.ts';
import {
  decodeRow,
  encodeRow,
  isLive,
  markOf,
  markOfBytes,
  noMark,
  presence,
  presenceOfBytes,
  type StoredRow,
  weightOf,
} from './row.ts';
import { leafOf, leafStart, updateTree, xor } from './tree.ts';

export interface GroupRecord {
  readonly table: string;
  readonly partitionKey: string;
  /** Live rows, and the sum of their weights. */
  readonly rows: number;
  readonly weight: number;
  /** XOR of the marks of all rows, tombstones included: equal digests, equal rows. */
  readonly digest: Uint8Array;
}
const groups = codec<GroupRecord>('table group');

export const readGroup = (reader: KeyValueReader, place: Place): GroupRecord => {
  const bytes = reader.get(groupKey(place.partition, place.group));
  const { table, partitionKey } = place;
  if (!bytes) return { table, partitionKey, rows: 0, weight: 0, digest: noMark };
  const found = groups.decode(bytes) as GroupRecord | null | undefined;
  if (!found) throw new ShoalError('DAMAGED', `Cannot read the sums of a group of table "${table}"`);
  if (found.table !== table || found.partitionKey !== partitionKey)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use partition key ${JSON.stringify(partitionKey)}: its digest is taken by another, choose a new one`,
    );
  return found;
};

const groupsEnd = afterPrefix(groupsPrefix);
/** The records of groups, in the order of their partitions, from a key of theirs on: `groupsLookedMax` at most. */
export const listGroups = (
  reader: KeyValueReader,
  from: Uint8Array = groupsPrefix,
): { readonly key: Uint8Array; readonly record: GroupRecord }[] =>
  [...reader.range({ from, ...(groupsEnd && { to: groupsEnd }), limit: groupsLookedMax })].map(
    ({ key, value }) => ({ key: Uint8Array.from(key), record: groups.decode(value) }),
  );

export const readRow = (reader: KeyValueReader, place: Place, sortKey: Uint8Array): StoredRow | undefined => {
  const bytes = reader.get(rowKey(place.partition, place.group, sortKey));
  return bytes && decodeRow(bytes);
};

/** Puts `state` in the place of `old` (what `readRow` gave in this transaction). */
export const writeRow = (
  writer: KeyValueWriter,
  place: Place,
  sortKey: Uint8Array,
  old: StoredRow | undefined,
  state: RowState,
): void => {
  const { partition, group } = place;
  const name = rowName(group, sortKey);
  const keyDigest = digest(name);
  const mark = markOf(keyDigest, state);
  const change = xor(old?.mark ?? noMark, mark);
  writer.put(rowKey(partition, group, sortKey), encodeRow({ state, mark }));
  if (!old) writer.put(indexKey(partition, keyDigest), name);
  noteTombstone(writer, partition, keyDigest, old?.state, state);
  updateTree(writer, partition, keyDigest, change);
  const sums = readGroup(writer, place);
  const rows = Number(isLive(state)) - Number(old !== undefined && isLive(old.state));
  const weight = weightOf(state) - (old ? weightOf(old.state) : 0);
  const next = {
    ...sums,
    rows: sums.rows + rows,
    weight: sums.weight + weight,
    digest: xor(sums.digest, change),
  };
  writer.put(groupKey(partition, group), groups.encode(next));
};

/** What was deleted waits, in the order of its stamps, until it is collected (`collector.ts`). */
const noteTombstone = (
  writer: KeyValueWriter,
  partition: Partition,
  keyDigest: Uint8Array,
  old: RowState | undefined,
  state: RowState | undefined,
): void => {
  const keyFor = (of: RowState | undefined): Uint8Array | undefined =>
    of?.kind === 'lww' && of.value === null ? tombstoneKey(partition, of.stamp.wallMs, keyDigest) : undefined;
  const [before, after] = [keyFor(old), keyFor(state)];
  if (before) writer.delete(before);
  if (after) writer.put(after, new Uint8Array());
};

/** Leaves nothing of a row (what `readRow` gave in this transaction), nor of its group where it was the last. */
export const dropRow = (
  writer: KeyValueWriter,
  place: Pick<Place, 'partition' | 'group'>,
  sortKey: Uint8Array,
  old: StoredRow,
): void => {
  const { partition, group } = place;
  const keyDigest = digest(rowName(group, sortKey));
  writer.delete(rowKey(partition, group, sortKey));
  writer.delete(indexKey(partition, keyDigest));
  noteTombstone(writer, partition, keyDigest, old.state, undefined);
  updateTree(writer, partition, keyDigest, old.mark);
  const bytes = writer.get(groupKey(partition, group));
  if (!bytes) return;
  const sums = groups.decode(bytes);
  const [other] = writer.range({ ...rowsOfGroup(partition, group), limit: 1 });
  if (!other) {
    writer.delete(groupKey(partition, group));
    return;
  }
  const next = {
    ...sums,
    rows: sums.rows - Number(isLive(old.state)),
    weight: sums.weight - weightOf(old.state),
    digest: xor(sums.digest, old.mark),
  };
  writer.put(groupKey(partition, group), groups.encode(next));
};

export interface ScanOptions {
  readonly from: Uint8Array;
  /** Excluded; null: to the end of the group. */
  readonly to: Uint8Array | null;
  readonly reverse: boolean;
  /** Live rows at most; tombstones come along without counting. */
  readonly limit: number;
  /** With the states, not only their marks. */
  readonly values: boolean;
  /** With marks that leave out the row's name. */
  readonly nameless?: boolean | undefined;
}
export interface Scan {
  readonly rows: { readonly sortKey: string; readonly mark: Uint8Array; readonly state?: RowState }[];
  readonly complete: boolean;
}

/** Ends early, `complete: false`, at the bounds of a page. Rows with nothing but a promise are left out. */
export const scanGroup = (reader: KeyValueReader, place: Place, options: ScanOptions): Scan => {
  const { partition, group } = place;
  const to = options.to ? rowKey(partition, group, options.to) : rowsOfGroup(partition, group).to;
  const from = rowKey(partition, group, options.from);
  const rows: Scan['rows'] = [];
  let [live, bytes] = [0, 0];
  for (const { key, value } of reader.range({ from, ...(to ? { to } : {}), reverse: options.reverse })) {
    if (live >= options.limit || bytes >= pageBytesMax || rows.length >= pageScanRowsMax)
      return { rows, complete: false };
    const present = presenceOfBytes(value);
    if (present === presence.promise) continue;
    const sortKey = decodeSortKey(key.subarray(rowKeyHeadBytes));
    if (options.values) rows.push({ sortKey, ...decodeRow(value) });
    else if (options.nameless) rows.push({ sortKey, mark: markOf(noMark, decodeRow(value).state) });
    else rows.push({ sortKey, mark: markOfBytes(value) });
    bytes += key.length + (options.values ? value.length : digestBytes);
    if (present === presence.live) live++;
  }
  return { rows, complete: true };
};

/** Digest and mark of the rows of a leaf, in the order of their digests, after `after`. */
export const scanLeaf = (
  reader: KeyValueReader,
  partition: Partition,
  leaf: number,
  after: Uint8Array | null,
  limit: number,
): { readonly rows: ReadonlyMap<string, Uint8Array>; readonly complete: boolean } => {
  const rows = new Map<string, Uint8Array>();
  const from = indexKey(partition, after ? Buffer.concat([after, Uint8Array.of(0)]) : leafStart(leaf));
  for (const { key, value: name } of reader.range({ from })) {
    const keyDigest = key.subarray(indexKeyHeadBytes);
    if (!samePartition(key, from) || leafOf(keyDigest) !== leaf) break;
    if (rows.size >= limit) return { rows, complete: false };
    const bytes = reader.get(rowKey(partition, name.subarray(0, digestBytes), name.subarray(digestBytes)));
    // A bare promise has an index entry and no mark: to others this row does not exist.
    if (!bytes || presenceOfBytes(bytes) === presence.promise) continue;
    rows.set(Buffer.from(keyDigest).toString('latin1'), Uint8Array.from(markOfBytes(bytes)));
  }
  return { rows, complete: true };
};

const samePartition = (a: Uint8Array, b: Uint8Array): boolean =>
  a[0] === b[0] && a[1] === b[1] && a[2] === b[2];

/** A row by its digest, with its full name. */
export const readByDigest = (
  reader: KeyValueReader,
  partition: Partition,
  keyDigest: Uint8Array,
): NamedRow | undefined => {
  const name = reader.get(indexKey(partition, keyDigest));
  if (!name) return undefined;
  const [group, sortKey] = [name.slice(0, digestBytes), name.slice(digestBytes)];
  const bytes = reader.get(rowKey(partition, group, sortKey));
  const record = reader.get(groupKey(partition, group));
  if (!bytes || !record) return undefined;
  const { table, partitionKey } = groups.decode(record);
  return { table, partitionKey, sortKey: decodeSortKey(sortKey), state: decodeRow(bytes).state };
};

/** Takes rows of a group off this disk, as if they had never been here: `limit` at most. Gives how many. */
export const dropRows = (writer: KeyValueWriter, place: Place, limit: number): number => {
  const range = { ...rowsOfGroup(place.partition, place.group), limit };
  const keys = Array.from(writer.range(range), ({ key }) => Uint8Array.from(key.subarray(rowKeyHeadBytes)));
  for (const key of keys) {
    const stored = readRow(writer, place, key);
    if (stored) dropRow(writer, place, key, stored);
  }
  return keys.length;
};
