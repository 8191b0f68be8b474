/**
 * A signal that aborts when the caller's does or when the time is up, whichever is first. Dispose of it when the
 * work is done: the timer and the listener on the caller's signal go with it.
 *
 *   using limit = deadline('read row "a"', 2000, signal);
 *   await rpc.request(to, method, body, { signal: limit.signal });
 */
import { ShoalError } from '../../proto/error.ts';

export interface Deadline extends Disposable {
  /** Its reason is the caller's own, or TIMEOUT. */
  readonly signal: AbortSignal;
}

export const deadline = (action: string, timeoutMs: number, signal?: AbortSignal): Deadline => {
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal?.reason);
  const timer = setTimeout(
    () => stop.abort(new ShoalError('TIMEOUT', `Cannot ${action}: no end after ${timeoutMs} ms`)),
    timeoutMs,
  );
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: stop.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    },
  };
};
