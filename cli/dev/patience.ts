/** Machines that are busy with something else stall for seconds: what may succeed a little later is tried again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../proto/error.ts';
import { minuteMs, secondMs } from '../../proto/units.ts';

const patienceMs = 2 * minuteMs;

/** Throws what is not `retryable`, or still fails when the patience ends. */
export const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof ShoalError && thrown.retryable) || performance.now() > untilMs) throw thrown;
      await sleep(secondMs);
    }
  }
};
