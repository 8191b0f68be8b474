import { GiB, KiB, MiB } from '../../proto/units.ts';

/** lmdb's own bound with 4 KiB pages is 1,978 bytes; what is left over belongs to the prefix of a namespace. */
export const keyBytesMax = 1_978;

/**
 * Address space that lmdb maps at first. It costs nothing until rows fill it, and growing beyond it (lmdb-js does
 * that by itself) has to wait for readers: room for some 30 million rows of 500 bytes before that happens once.
 */
export const mapBytes = 16 * GiB;

/**
 * Transactions that share one fsync at most. An fsync takes 0.3 to 5 ms and a small transaction 5 µs, so more in
 * one group would no longer save fsyncs but make everyone in it wait for the longest.
 */
export const groupTransactionsMax = 1_024;

/** Waiting transactions: some 10 s of work on a slow disk. Beyond this a caller should hear BUSY, not wait longer. */
export const queuedTransactionsMax = 16 * KiB;

/** Less free than this when a write was cut short: the disk was full. A short write fills all but the last pages. */
export const fullDiskBytes = MiB;
