/**
 * How often an account's containers and a container's objects may be written, as an operator may bound it. Each write
 * books its place on the line of time of what it writes and waits for it; a line that was idle lets some through at
 * once. A host counts what comes through itself: no message goes out for it, and a bound is a bound for each host.
 *
 * https://docs.openstack.org/swift/latest/ratelimit.html
 */
import { ShoalError } from '../../proto/error.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Target, Use } from './access.ts';
import { rateBufferMs, ratedMax, rateWaitMs } from './limits.ts';

/** Writes a second; absent: as many as come. */
export interface RateLimits {
  /** Containers of one account made, changed or deleted. */
  readonly account?: number | undefined;
  /** Objects of one container written or deleted. */
  readonly container?: number | undefined;
}

export interface Rates {
  readonly limits: RateLimits;
  /** Returns at the write's turn. Throws RATE_LIMITED at once where that is further off than `rateWaitMs`. */
  take(use: Use, target: Target): Promise<void>;
}

export const openRates = (
  { clock, timers }: Pick<Runtime, 'clock' | 'timers'>,
  limits: RateLimits = {},
): Rates => {
  /** When the next write of each may begin, longest unused first. */
  const turns = new Map<string, number>();

  const book = (key: string, perSecond: number): number => {
    const nowMs = clock.monotonicMs();
    const turnMs = Math.max(turns.get(key) ?? 0, nowMs - rateBufferMs);
    const waitMs = Math.max(0, turnMs - nowMs);
    if (waitMs > rateWaitMs)
      throw new ShoalError('RATE_LIMITED', `Cannot write that often: ${perSecond} a second are let through`);
    turns.delete(key);
    turns.set(key, turnMs + 1000 / perSecond);
    const [oldest] = turns.keys();
    if (turns.size > ratedMax && oldest !== undefined) turns.delete(oldest);
    return waitMs;
  };

  return {
    limits,
    async take(use, { project, container }) {
      const perSecond =
        use === 'writeContainer' ? limits.account : use === 'writeObject' ? limits.container : undefined;
      if (perSecond === undefined) return;
      const key = use === 'writeContainer' ? project : `${project}/${container}`;
      const waitMs = book(key, perSecond);
      if (waitMs > 0) await timers.sleep(waitMs);
    },
  };
};
