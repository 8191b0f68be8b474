/**
 * Cuts a stream into pieces of exactly `sizeBytes`, the last one shorter; an empty stream gives none. Every piece
 * is a buffer of its own. The buffer is as long as what comes first and then doubles, so that a source of many tiny
 * pieces costs no more memory than one piece, and a small object no more than itself.
 *
 * An abort ends it even while the source hangs; the source's iterator is then returned, not awaited.
 */
import { ShoalError } from '../../proto/error.ts';
import type { BufferPool } from './buffer-pool.ts';

/** The signal's reason where it is one of ours, else ABORTED: the caller went away. */
export const abortReason = (signal: AbortSignal): ShoalError =>
  signal.reason instanceof ShoalError
    ? signal.reason
    : new ShoalError('ABORTED', 'Cannot go on: the caller went away', { cause: signal.reason });

export async function* cut(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  signal: AbortSignal,
  /** Gives buffers at least as long as asked for and at most `sizeBytes`, and takes back those that became too short. */
  buffers: BufferPool = { take: (bytes) => Buffer.allocUnsafeSlow(bytes), give: () => {} },
): AsyncGenerator<Uint8Array, void> {
  let buffer: Uint8Array | undefined;
  let filled = 0;
  const iterator = source[Symbol.asyncIterator]();
  let giveUp = (_reason: unknown): void => {};
  const abort = (): void => giveUp(abortReason(signal));
  signal.addEventListener('abort', abort, { once: true });
  // Not a race against one promise of the abort: that would hold on to every piece until the upload ends.
  const nextPiece = (): Promise<IteratorResult<Uint8Array>> =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      if (signal.aborted) abort();
      else iterator.next().then(resolve, reject);
    });
  let ended = false;
  try {
    for (;;) {
      const next = await nextPiece();
      if (next.done) {
        ended = true;
        break;
      }
      for (let at = 0; at < next.value.length; ) {
        if (!buffer || filled === buffer.length) {
          const wishBytes = Math.max(2 * filled, filled + next.value.length - at);
          const larger = buffers.take(Math.min(wishBytes, sizeBytes));
          if (buffer) {
            larger.set(buffer);
            buffers.give(buffer);
          }
          buffer = larger;
        }
        const length = Math.min(buffer.length - filled, next.value.length - at);
        buffer.set(next.value.subarray(at, at + length), filled);
        at += length;
        filled += length;
        if (filled === sizeBytes) {
          yield buffer;
          buffer = undefined;
          filled = 0;
        }
      }
    }
    if (buffer && filled > 0) yield buffer.subarray(0, filled);
  } finally {
    signal.removeEventListener('abort', abort);
    if (!ended) iterator.return?.()?.catch(() => {});
  }
}
