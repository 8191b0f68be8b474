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

/** Runs `work` after the delay unless the returned function was called first. */
type After = (delayMs: number, work: () => void) => () => void;

const realAfter: After = (delayMs, work) => {
  const timer = setTimeout(work, delayMs);
  return () => clearTimeout(timer);
};

/** `after`: whose time it is; default the machine's. */
export const deadline = (
  action: string,
  timeoutMs: number,
  signal?: AbortSignal,
  after: After = realAfter,
): Deadline => {
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal?.reason);
  const cancel = after(timeoutMs, () =>
    stop.abort(new ShoalError('TIMEOUT', `Cannot ${action}: no end after ${timeoutMs} ms`)),
  );
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: stop.signal,
    [Symbol.dispose]() {
      cancel();
      signal?.removeEventListener('abort', abort);
    },
  };
};
