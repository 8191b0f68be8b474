import { steadyClock, steadyTimers } from './fake/steady-time.ts';

/** Turns a hang into a failure; no promise of any part is that long, and a machine that stalls does not use it up. */
const patienceMs = 300_000;

/** Waits for a state, never for a time. Gives what was found. */
export const until = async <T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = patienceMs,
): Promise<T> => {
  const endMs = steadyClock.monotonicMs() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (steadyClock.monotonicMs() > endMs) throw new Error(`after ${withinMs / 1_000} s still not: ${what}`);
    await steadyTimers.sleep(10);
  }
};
