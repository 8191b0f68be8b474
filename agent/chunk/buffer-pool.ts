/**
 * Buffers that are used again. Fresh ones for every chunk keep the garbage collector at a quarter of a busy host's time:
 * it counts memory outside its heap and marks all of the heap each time.
 *
 * They are shared memory: digest workers read them where they are. And they begin with a page, so that disks read them where
 * they are (`data-directory.ts`): V8 gives whole pages to what might grow.
 */
import { MiB } from '../../proto/units.ts';
import { bufferBytesMin, bufferPoolBytesMax, chunkBytesMax } from './limits.ts';

/** Each four times the last, so that what grows through all of them copies a third of its length. */
const sizes = [bufferBytesMin, bufferBytesMin * 4, MiB, chunkBytesMax] as const;

/** Who takes a buffer gives it back, or hands it on with what it returns; then its caller does. */
export interface BufferPool {
  /** At least that long, of at most `chunkBytesMax`, with whatever was in it. A short one comes from nowhere. */
  take(bytes: number): Uint8Array;
  /** Once, when nobody reads it any more. Any part gives the whole back; what did not come from a pool is left to the collector. */
  give(part: Uint8Array): void;
}

const makeBuffer = (bytes: number) => new SharedArrayBuffer(bytes, { maxByteLength: bytes });

/** The bytes and what their buffer has behind them up to a multiple of `blockBytes`; undefined where a disk wants a copy. */
export const wholeBlocks = (
  { buffer, byteOffset, length }: Uint8Array,
  blockBytes: number,
): Uint8Array | undefined => {
  const whole = Math.ceil(length / blockBytes) * blockBytes;
  const isPages = buffer instanceof SharedArrayBuffer && buffer.growable;
  if (!isPages || byteOffset % blockBytes !== 0 || byteOffset + whole > buffer.byteLength) return undefined;
  return new Uint8Array(buffer, byteOffset, whole);
};

export const bufferPool = (): BufferPool => {
  const free = new Map<number, SharedArrayBuffer[]>(sizes.map((size) => [size, []]));
  let freeBytes = 0;
  return {
    take(bytes) {
      const size = sizes.find((candidate) => candidate >= bytes) ?? chunkBytesMax;
      if (bytes < bufferBytesMin) return Buffer.allocUnsafeSlow(bytes);
      const spare = free.get(size)?.pop();
      if (spare) freeBytes -= size;
      return Buffer.from(spare ?? makeBuffer(size));
    },
    give({ buffer }) {
      const size = buffer.byteLength;
      if (!(buffer instanceof SharedArrayBuffer) || freeBytes + size > bufferPoolBytesMax) return;
      free.get(size)?.push(buffer);
      freeBytes += size;
    },
  };
};
