/**
 * Chunks are kept as zstd where that pays. It is done once, where an upload enters, so a chunk's name is that of its
 * kept bytes: owners, repair and scrub know nothing of it, and equal chunks still meet, for equal bytes pack equally.
 *
 * Most of what large uploads carry (video, archives, encrypted backups) does not shrink, and finding that out on the
 * whole chunk would cost more than all other work on it: a sample decides, 16 KiB spread over the chunk.
 */
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { ShoalError } from '../../proto/error.ts';
import { packBytesMin, packGainMin, packInlineBytes, packSampleBytes, packSamples } from './limits.ts';
import type { Piece } from './port.ts';

/** Level 1: 3 times as fast as level 3, for a tenth more bytes. */
const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const pays = (packed: Uint8Array, bytes: Uint8Array): boolean =>
  packed.length <= bytes.length * (1 - packGainMin);

const sampleOf = (bytes: Uint8Array): Uint8Array => {
  const step = Math.floor((bytes.length - packSampleBytes) / (packSamples - 1));
  return Buffer.concat(
    Array.from({ length: packSamples }, (_, index) =>
      bytes.subarray(index * step, index * step + packSampleBytes),
    ),
  );
};

/** The bytes to keep, or undefined where they are best kept as they are. `bytes` must not change meanwhile. */
export const pack = async (bytes: Uint8Array): Promise<Uint8Array | undefined> => {
  if (bytes.length < packBytesMin) return undefined;
  const sample = sampleOf(bytes);
  if (!pays(zstdCompressSync(sample, options), sample)) return undefined;
  // A worker thread costs more than it gives for less.
  const packed =
    bytes.length < packInlineBytes ? zstdCompressSync(bytes, options) : await compress(bytes, options);
  return pays(packed, bytes) ? packed : undefined;
};

/** Throws DAMAGED where that many bytes do not come out: then the row that describes them is wrong. */
export const unpack = async ({ id, length, zstdBytes }: Piece, kept: Uint8Array): Promise<Uint8Array> => {
  const wrong = (cause?: unknown): ShoalError =>
    new ShoalError('DAMAGED', `Cannot read chunk ${id}: it does not hold the ${length} bytes it should`, {
      cause,
    });
  if (kept.length !== (zstdBytes ?? length)) throw wrong();
  if (zstdBytes === undefined) return kept;
  const bound = { maxOutputLength: length };
  const bytes = await (length < packInlineBytes
    ? Promise.try(() => zstdDecompressSync(kept, bound))
    : decompress(kept, bound)
  ).catch((thrown: unknown) => {
    throw wrong(thrown);
  });
  if (bytes.length !== length) throw wrong();
  return bytes;
};
