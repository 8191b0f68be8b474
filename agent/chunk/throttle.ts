/**
 * A rate that background work keeps to. Each taker books its amount on a line of time and waits until its booking
 * begins, so the order is fair and an idle hour buys no burst.
 */
import type { Runtime } from '../runtime/ports.ts';

export interface Throttle {
  take(amount: number, signal?: AbortSignal): Promise<void>;
}

export const throttle = (
  { clock, timers }: Pick<Runtime, 'clock' | 'timers'>,
  settings: { readonly perSecond: number },
): Throttle => {
  let bookedUntilMs = 0;
  return {
    async take(amount, signal) {
      const nowMs = clock.monotonicMs();
      const startMs = Math.max(nowMs, bookedUntilMs);
      bookedUntilMs = startMs + (amount / settings.perSecond) * 1000;
      if (startMs > nowMs) await timers.sleep(startMs - nowMs, signal);
      else signal?.throwIfAborted();
    },
  };
};
