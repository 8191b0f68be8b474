/**
 * The Merkle tree of a partition: 64 x 64 leaves over the digests of row names, kept in the store and updated in the
 * transaction that changes a row.
 *
 *   root ── 64 nodes ── 4,096 leaves ── rows (key digest, mark)
 *
 * A node is the XOR of the marks below it, so a change touches three nodes and needs no neighbour. At 400,000
 * rows a partition a leaf holds a hundred; two owners that differ in d rows find them with 1 + d x 2 messages of
 * 1 KiB at most, and far fewer where d is large. XOR does not stop a peer that forges marks; a peer that is on the
 * roster could as well forge rows.
 */

import type { Partition } from '../ring/port.ts';
import type { KeyValueReader, KeyValueWriter } from '../store/key-value.ts';
import { digestBytes, treeKey } from './keys.ts';

export const fanOut = 64;
const rootLevel = 0;
/** Level 1 has 64 nodes, level 2 the 4,096 leaves. */
const levels = [0, 1, 2] as const;
const zero = new Uint8Array(digestBytes);

export const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const result = new Uint8Array(digestBytes);
  for (let at = 0; at < digestBytes; at++) result[at] = (a[at] ?? 0) ^ (b[at] ?? 0);
  return result;
};
const isZero = (digest: Uint8Array): boolean => digest.every((byte) => byte === 0);

/** The first 12 bits of the key digest: rows in the order of their digests are rows in the order of the leaves. */
export const leafOf = (keyDigest: Uint8Array): number =>
  ((keyDigest[0] ?? 0) << 4) | ((keyDigest[1] ?? 0) >> 4);
/** The smallest key digest of a leaf. */
export const leafStart = (leaf: number): Uint8Array => {
  const start = new Uint8Array(digestBytes);
  start[0] = leaf >> 4;
  start[1] = (leaf & 15) << 4;
  return start;
};

/** `change`: the old mark XOR the new one. */
export const updateTree = (
  writer: KeyValueWriter,
  partition: Partition,
  keyDigest: Uint8Array,
  change: Uint8Array,
): void => {
  if (isZero(change)) return;
  const leaf = leafOf(keyDigest);
  for (const level of levels) {
    const key = treeKey(level, partition, leaf >> (12 - 6 * level));
    const digest = xor(writer.get(key) ?? zero, change);
    if (isZero(digest)) writer.delete(key);
    else writer.put(key, digest);
  }
};

export const rootOf = (reader: KeyValueReader, partition: Partition): Uint8Array =>
  reader.get(treeKey(rootLevel, partition, 0)) ?? zero;

/** The digests of the 64 children of a node on this level, one after the other. */
export const childrenOf = (
  reader: KeyValueReader,
  partition: Partition,
  level: number,
  index: number,
): Uint8Array => {
  const children = new Uint8Array(fanOut * digestBytes);
  const first = index * fanOut;
  const from = treeKey(level + 1, partition, first);
  for (const { key, value } of reader.range({ from, limit: fanOut })) {
    if (key[0] !== from[0] || key[1] !== from[1] || key[2] !== from[2] || key[3] !== from[3]) break;
    const child = (((key[4] ?? 0) << 8) | (key[5] ?? 0)) - first;
    if (child >= fanOut) break;
    children.set(value, child * digestBytes);
  }
  return children;
};

/** Indices of the children in which two nodes differ. */
export const differences = (mine: Uint8Array, theirs: Uint8Array): readonly number[] =>
  Array.from({ length: fanOut }, (_, index) => index).filter((index) => {
    const at = index * digestBytes;
    return Buffer.compare(mine.subarray(at, at + digestBytes), theirs.subarray(at, at + digestBytes)) !== 0;
  });
