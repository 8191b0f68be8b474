/**
 * Cuts a stream into pieces of `sizeBytes`, the last one shorter; an empty stream gives none. Every piece is a buffer of
 * its own. The first begins as long as what comes first and doubles, so that a small object costs no more memory than
 * itself; later ones grow to their full length at once. A source for which there is no room, or that takes too long, is
 * cut into shorter pieces (`upload-buffers.ts`).
 *
 * An abort ends it even while the source hangs; the source's iterator is then returned, not awaited.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Clock, Timers } from '../runtime/ports.ts';
import { fillMsMax, impatientBytesMax, quickBytesPerSecond, quickMs } from './limits.ts';
import type { UploadBuffers } from './upload-buffers.ts';

/** The signal's reason where it is one of ours, else ABORTED: the caller went away. */
export const abortReason = (signal: AbortSignal): ShoalError =>
  signal.reason instanceof ShoalError
    ? signal.reason
    : new ShoalError('ABORTED', 'Cannot go on: the caller went away', { cause: signal.reason });

interface CutWorld {
  readonly buffers: UploadBuffers;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'after'>;
}

export async function* cut(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  signal: AbortSignal,
  { buffers, clock, timers }: CutWorld,
): AsyncGenerator<Uint8Array, void> {
  let buffer: Uint8Array | undefined;
  let filled = 0;
  let cutBytes = 0;
  /** Spent on waiting for the bytes of this piece. */
  let waitedMs = 0;
  let isLate = false;
  let cancelLate: (() => void) | undefined;
  const iterator = source[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<Uint8Array>> | undefined;
  let giveUp = (_reason: unknown): void => {};
  let wake = (): void => {};
  const abort = (): void => giveUp(abortReason(signal));
  signal.addEventListener('abort', abort, { once: true });
  /** Undefined: it is late. Not a race against one promise of the abort: that would hold on to every piece until the upload ends. */
  const nextPiece = (): Promise<IteratorResult<Uint8Array> | undefined> =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      wake = () => resolve(undefined);
      if (signal.aborted) return abort();
      if (isLate) wake();
      pending ??= iterator.next();
      pending.then(resolve, reject);
    });
  const grow = async (old: Uint8Array, wishBytes: number): Promise<Uint8Array | undefined> => {
    const isQuick = waitedMs <= quickMs + (filled / quickBytesPerSecond) * 1_000;
    const waits = isQuick || cutBytes >= impatientBytesMax;
    const longer = await buffers.grow(old, wishBytes, waits, signal).catch((thrown: unknown) => {
      throw signal.aborted ? abortReason(signal) : thrown;
    });
    if (longer)
      cancelLate ??= timers.after(fillMsMax, () => {
        isLate = true;
        wake();
      });
    return longer;
  };
  /** Of what it holds nobody else knows any more. */
  const take = (): Uint8Array | undefined => {
    const piece = buffer?.subarray(0, filled);
    cancelLate?.();
    cancelLate = undefined;
    cutBytes += filled;
    [buffer, filled, waitedMs, isLate] = [undefined, 0, 0, false];
    return piece;
  };
  let ended = false;
  try {
    for (;;) {
      const beganMs = clock.monotonicMs();
      const next = await nextPiece();
      waitedMs += clock.monotonicMs() - beganMs;
      if (!next) {
        const piece = take();
        if (piece) yield piece;
        continue;
      }
      pending = undefined;
      if (next.done) {
        ended = true;
        break;
      }
      for (let at = 0; at < next.value.length; ) {
        if (!buffer || filled === buffer.length) {
          const wishBytes = cutBytes > 0 ? sizeBytes : Math.max(2 * filled, filled + next.value.length - at);
          const longer: Uint8Array | undefined = buffer
            ? await grow(buffer, Math.min(wishBytes, sizeBytes))
            : buffers.take(Math.min(wishBytes, sizeBytes));
          if (!longer) {
            const piece = take();
            if (piece) yield piece;
            continue;
          }
          buffer = longer;
        }
        const length = Math.min(buffer.length - filled, next.value.length - at);
        buffer.set(next.value.subarray(at, at + length), filled);
        at += length;
        filled += length;
        const piece = filled === sizeBytes ? take() : undefined;
        if (piece) yield piece;
      }
    }
    const rest = take();
    if (rest && rest.length > 0) yield rest;
  } finally {
    signal.removeEventListener('abort', abort);
    cancelLate?.();
    if (buffer) buffers.give(buffer);
    if (!ended) iterator.return?.()?.catch(() => {});
  }
}
