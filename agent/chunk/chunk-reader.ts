/**
 * Content in order, for readers of any speed, in bounded memory. Whole chunks are in memory for a few readers only,
 * those that have a place: they get views, and the next chunk ahead. Everyone else, and whoever turned out to be slow,
 * gets small copies, for each of which the chunk is read and verified anew: more work, but a thousand clients
 * that hardly read hold a thousand small copies, not a thousand chunks.
 *
 *   place free and reader quick ── chunk, a view of it, the next one ahead ── leave ──┐
 *        ^    else ── chunk, a small copy of its next bytes ──────────────────────────┤
 *        └────────────────────────────────────────────────────────────────────────────┘
 *
 * Some places are for readers that have taken a piece quickly, so those who ask and never read cannot hold them all. And one that
 * has waits a moment for a place, once a chunk: a copy would have its chunk read 32 times over.
 */
import type { Clock, Timers } from '../runtime/ports.ts';
import type { BufferPool, Take } from './buffer-pool.ts';
import type { Gate } from './gate.ts';
import { quickBytesPerSecond, quickMs, readCopyBytes } from './limits.ts';

/** Bytes `from` to `to` of one chunk. */
interface Wanted {
  readonly from: number;
  readonly to: number;
}

interface Held {
  readonly bytes: Promise<Uint8Array>;
  readonly leave: () => void;
}

export const chunkReader = <Part extends Wanted>(
  world: {
    readonly places: Gate;
    /** So many of them are for readers that were quick once. */
    readonly provenPlaces: number;
    readonly copies: Gate;
    readonly buffers: BufferPool;
    readonly clock: Pick<Clock, 'monotonicMs'>;
    readonly timers: Pick<Timers, 'after'>;
  },
  /** With `take` the bytes may lie in what was taken. */
  get: (part: Part, signal: AbortSignal, take?: Take) => Promise<Uint8Array>,
) => {
  const holdIn = (part: Part, leave: () => void, signal: AbortSignal): Held => {
    const bytes = get(part, signal);
    // A chunk that is got ahead may fail before anyone waits for it.
    bytes.catch(() => {});
    return { bytes, leave };
  };
  const hold = (part: Part | undefined, isProven: boolean, signal: AbortSignal): Held | undefined => {
    const isOpen = isProven || world.places.free > world.provenPlaces;
    const leave = part && isOpen ? world.places.tryEnter() : undefined;
    return part && leave && holdIn(part, leave, signal);
  };
  const holdSoon = async (part: Part, signal: AbortSignal): Promise<Held | undefined> => {
    const late = new AbortController();
    const cancel = world.timers.after(quickMs, () => late.abort());
    try {
      const leave = await world.places.enter(AbortSignal.any([signal, late.signal]));
      return holdIn(part, leave, signal);
    } catch {
      signal.throwIfAborted();
      return undefined;
    } finally {
      cancel();
    }
  };
  const copyOf = (part: Part, at: number, signal: AbortSignal): Promise<Uint8Array> =>
    world.copies.run(async () => {
      const taken: Uint8Array[] = [];
      const take: Take = (bytes) => {
        const buffer = world.buffers.take(bytes);
        taken.push(buffer);
        return buffer;
      };
      try {
        const bytes = await get(part, signal, take);
        return Uint8Array.prototype.slice.call(bytes, at, Math.min(at + readCopyBytes, part.to));
      } finally {
        for (const buffer of taken) world.buffers.give(buffer);
      }
    }, signal);

  return async function* read(parts: readonly Part[], signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    let here: Held | undefined;
    let ahead: Held | undefined;
    let isQuick = true;
    let isProven = false;
    try {
      for (const [index, part] of parts.entries()) {
        let mayWait = true;
        for (let at = part.from; at < part.to; ) {
          here = ahead ?? (isQuick ? hold(part, isProven, signal) : undefined);
          ahead = undefined;
          if (!here && isQuick && isProven && mayWait) {
            mayWait = false;
            here = await holdSoon(part, signal);
          }
          let piece: Uint8Array;
          if (here) {
            piece = (await here.bytes).subarray(at, part.to);
            ahead = hold(parts[index + 1], isProven, signal);
          } else piece = await copyOf(part, at, signal);
          at += piece.length;
          const givenMs = world.clock.monotonicMs();
          yield piece;
          const tookMs = world.clock.monotonicMs() - givenMs;
          isQuick = tookMs <= quickMs + (piece.length / quickBytesPerSecond) * 1_000;
          here?.leave();
          here = undefined;
          isProven ||= isQuick;
          if (isQuick) continue;
          ahead?.leave();
          ahead = undefined;
        }
      }
    } finally {
      here?.leave();
      ahead?.leave();
    }
  };
};
