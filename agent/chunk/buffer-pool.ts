/**
 * Buffers of one chunk that are used again. A fresh 4 MiB for every chunk received keeps the garbage collector at
 * a quarter of an owner's busy time: it counts memory outside its heap and collects everything each time.
 */
import { bufferPoolMax, chunkBytesMax } from './limits.ts';

export interface BufferPool {
  /** The buffer is the work's until its promise has settled, and nobody's afterwards. */
  lend<T>(work: (buffer: Uint8Array) => Promise<T>): Promise<T>;
}

export const bufferPool = (): BufferPool => {
  const free: Uint8Array[] = [];
  return {
    async lend(work) {
      const buffer = free.pop() ?? Buffer.allocUnsafeSlow(chunkBytesMax);
      try {
        return await work(buffer);
      } finally {
        if (free.length < bufferPoolMax) free.push(buffer);
      }
    },
  };
};
