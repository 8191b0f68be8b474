/**
 * Buffers of one chunk that are used again. A fresh 4 MiB for every chunk keeps the garbage collector at a quarter
 * of a busy host's time: it counts memory outside its heap and collects everything each time.
 */
import { bufferPoolMax, chunkBytesMax } from './limits.ts';

export interface BufferPool {
  /** `chunkBytesMax` long, with whatever was in it. */
  take(): Uint8Array;
  /** Any part of a buffer gives the whole back; what did not come from a pool is left to the collector. */
  give(part: Uint8Array): void;
}

export const bufferPool = (): BufferPool => {
  const free: ArrayBufferLike[] = [];
  return {
    take: () => Buffer.from(free.pop() ?? new ArrayBuffer(chunkBytesMax)),
    give({ buffer }) {
      if (buffer.byteLength === chunkBytesMax && free.length < bufferPoolMax) free.push(buffer);
    },
  };
};
