/**
 * Content in order, for readers of any speed, in bounded memory. Whole chunks are in memory for a few readers only,
 * those that have a place: they get views, and the next chunk ahead. Everyone else, and whoever turned out to be slow,
 * gets small slices (`slice-reader.ts`): a thousand clients that hardly read hold a thousand slices, not a thousand chunks.
 *
 *   place free and reader quick ── chunk, a view of it, the next one ahead ── leave ──┐
 *        ^    else ── its next slice ─────────────────────────────────────────────────┤
 *        └────────────────────────────────────────────────────────────────────────────┘
 *
 * Some places are for readers that have taken a piece quickly, so those who ask and never read cannot hold them all. And one that
 * has waits for a place, once a chunk, while others leave theirs: its slices would cost several times as much.
 *
 * A piece is the reader's until it asks for the next one: its buffer is used again then.
 */
import type { Clock, Timers } from '../runtime/ports.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Gate } from './gate.ts';
import { quickBytesPerSecond, quickMs } from './limits.ts';
import { type SliceSource, sliceReader, type Wanted } from './slice-reader.ts';

interface Held {
  readonly bytes: Promise<Uint8Array>;
  /** Once. */
  readonly leave: () => void;
}

export const chunkReader = <Part extends Wanted>(
  world: {
    readonly places: Gate;
    /** So many of them are for readers that were quick once. */
    readonly provenPlaces: number;
    /** Chunks in memory to cut slices from. */
    readonly cuts: Gate;
    readonly buffers: Pick<BufferPool, 'give'>;
    readonly clock: Pick<Clock, 'monotonicMs'>;
    readonly timers: Pick<Timers, 'after'>;
  },
  source: SliceSource<Part>,
) => {
  const { buffers, clock, places } = world;
  const openSlices = sliceReader(world, source);
  let leftMs = Number.NEGATIVE_INFINITY;
  const holdIn = (part: Part, wayOut: () => void, signal: AbortSignal): Held => {
    const bytes = source.whole(part, signal);
    let isLeft = false;
    let end: (() => void) | undefined;
    const settle = (held?: Uint8Array): void => {
      end = () => {
        if (held) buffers.give(held);
        leftMs = clock.monotonicMs();
        wayOut();
      };
      if (isLeft) end();
    };
    // A chunk that is got ahead may fail before anyone waits for it, and one that was left may still come.
    bytes.then(settle, () => settle());
    return {
      bytes,
      leave() {
        isLeft = true;
        end?.();
      },
    };
  };
  const hold = (part: Part | undefined, isProven: boolean, signal: AbortSignal): Held | undefined => {
    const isOpen = isProven || places.free > world.provenPlaces;
    const wayOut = part && isOpen ? places.tryEnter() : undefined;
    return part && wayOut && holdIn(part, wayOut, signal);
  };
  /** Gives up when nobody has left a place for a while. */
  const holdSoon = async (part: Part, signal: AbortSignal): Promise<Held | undefined> => {
    const late = new AbortController();
    let cancel = (): void => {};
    const look = (): void => {
      const restMs = leftMs + quickMs - clock.monotonicMs();
      if (restMs <= 0) late.abort();
      else cancel = world.timers.after(restMs, look);
    };
    cancel = world.timers.after(quickMs, look);
    try {
      const wayOut = await places.enter(AbortSignal.any([signal, late.signal]));
      return holdIn(part, wayOut, signal);
    } catch {
      signal.throwIfAborted();
      return undefined;
    } finally {
      cancel();
    }
  };

  return async function* read(
    parts: Iterator<Part, void>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const takePart = (): Part | undefined => parts.next().value ?? undefined;
    const sliceOf = openSlices();
    let here: Held | undefined;
    let ahead: Held | undefined;
    let isQuick = true;
    let isProven = false;
    try {
      let following = takePart();
      for (let part = following; part; part = following) {
        following = takePart();
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
            ahead = hold(following, isProven, signal);
          } else piece = await sliceOf(part, at, signal);
          at += piece.length;
          const givenMs = clock.monotonicMs();
          yield piece;
          const tookMs = clock.monotonicMs() - givenMs;
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
