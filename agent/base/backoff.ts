/**
 * How long to wait before the next attempt: exponential with full jitter (Brooker, "Exponential Backoff And
 * Jitter", 2015). Callers that failed together draw from the whole interval and so do not come back together.
 */
export interface BackoffOptions {
  /** Upper end of the first wait. */
  readonly baseMs: number;
  /** Upper end of every wait: how stale may a caller be when the trouble is over? */
  readonly capMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** `attempt` counts from 0: the wait after the first failure. */
export const backoffMs = (attempt: number, options: BackoffOptions): number =>
  options.random() * Math.min(options.capMs, options.baseMs * 2 ** attempt);
