/** Bounds of what a caller signs and of how it sends it, S3's own where it has one. Rows of docs/LIMITS.md. */
import { minuteMs } from '../../../../proto/units.ts';

/** How far a signed time may be from ours, either way. */
export const clockSkewMs = 15 * minuteMs;

/** Longest life of a signed address: a week. */
export const expiresSecondsMax = 604_800;

/** Derived keys of a day and region that are remembered, 300 bytes each; a caller may name any region. */
export const signingKeysKeptMax = 1_000;
/** Of its secret, day and region together: of longer ones it is derived each time. */
export const signingKeyCharsMax = 256;

/** The line before a chunk has 102 bytes at most, one after the last chunk some 200. */
export const chunkLineBytesMax = 512;

/** Lines after the last chunk: a checksum, its signature, and empty ones. */
export const trailerLinesMax = 16;

/** A signed chunk, save the last: each costs two hashes, whatever its size. */
export const signedChunkBytesMin = 8192;
