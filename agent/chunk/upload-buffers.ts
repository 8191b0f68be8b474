/**
 * The buffers in which uploads are cut, bounded over all of them. A chunk begins in a short one, which anybody gets; to grow
 * it takes one of so many places, and keeps it until its readers have let go of it:
 *
 *   short ── a place is free ───────────────────────> long ── full, or filled for too long ── cut
 *     ├── none is, but the bytes come quickly: wait ──^
 *     └── none is, and they do not ── cut, short as it is
 *
 * So a thousand clients that hardly send hold a thousand short buffers, and none of the others waits for one of them.
 */
import type { BufferPool } from './buffer-pool.ts';
import type { Gate } from './gate.ts';
import { bufferBytesMin } from './limits.ts';

export interface UploadBuffers {
  /** Perhaps shorter than that. */
  take(bytes: number): Uint8Array;
  /**
   * At least that long, with the bytes of `old`, which is given back. Undefined, where the caller does not wait: there is no place,
   * and `old` stays. Throws the signal's reason.
   */
  grow(old: Uint8Array, bytes: number, waits: boolean, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Nobody reads it any more. */
  give(part: Uint8Array): void;
  /** Somebody may still read it, and will not say when he is done: only its place is given back. */
  drop(part: Uint8Array): void;
}

export const uploadBuffers = (pool: BufferPool, places: Gate): UploadBuffers => {
  const ways = new Map<ArrayBufferLike, () => void>();
  const leave = ({ buffer }: Uint8Array): void => {
    ways.get(buffer)?.();
    ways.delete(buffer);
  };
  return {
    take: (bytes) => pool.take(Math.min(bytes, bufferBytesMin)),
    async grow(old, bytes, waits, signal) {
      const isShort = bytes <= bufferBytesMin;
      const way =
        ways.get(old.buffer) ??
        (isShort ? undefined : (places.tryEnter() ?? (waits ? await places.enter(signal) : undefined)));
      if (!way && !isShort) return undefined;
      const longer = pool.take(bytes);
      longer.set(old);
      ways.delete(old.buffer);
      pool.give(old);
      if (way) ways.set(longer.buffer, way);
      return longer;
    },
    give(part) {
      leave(part);
      pool.give(part);
    },
    drop: leave,
  };
};
