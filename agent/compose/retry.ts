/** Work that must succeed some day and may fail until then: while too few hosts are up, above all. */
import { asShoalError } from '../../proto/error.ts';
import type { Runtime } from '../runtime/ports.ts';

const pauseMsMin = 100;
const pauseMsMax = 5_000;

export const retryUntilDone = async (
  {
    runtime,
    what,
    signal,
  }: { readonly runtime: Runtime; readonly what: string; readonly signal: AbortSignal },
  work: () => Promise<void>,
): Promise<void> => {
  for (let pauseMs = pauseMsMin; !signal.aborted; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
    try {
      return await work();
    } catch (thrown) {
      const error = asShoalError(thrown);
      runtime.log.warn(`${what} waits`, { error, pauseMs });
    }
    await runtime.timers.sleep(pauseMs, signal).catch(() => {});
  }
};
