/**
 * A reconciler compares wanted with actual and closes the gap, again and again. It takes no hints: a poke only says
 * "look now", so a lost poke costs one period and a doubled one costs nothing.
 */
import { openNap } from '../base/nap.ts';
import type { Runtime } from '../runtime/ports.ts';
import { reconcileBackoffPeriodsMax } from './limits.ts';
import type { Reconciler } from './port.ts';

export interface ReconcilerSettings {
  readonly name: string;
  /** Longest time without a look, poked or not. */
  readonly periodMs: number;
}

/** The first look is at once. What `reconcile` throws is logged; the next look then waits longer, unless poked. */
export const startReconciler = (
  parts: { readonly runtime: Runtime; reconcile(signal: AbortSignal): Promise<void> },
  settings: ReconcilerSettings,
): Reconciler => {
  const { timers } = parts.runtime;
  const log = parts.runtime.log.with({ part: settings.name });
  const stopping = new AbortController();
  let poked = false;
  const nap = openNap(timers);

  const work = (async () => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      poked = false;
      try {
        await parts.reconcile(stopping.signal);
        failures = 0;
      } catch (thrown) {
        if (stopping.signal.aborted) break;
        failures += 1;
        log.warn('Cannot reconcile, looking again later', { failures, error: String(thrown) });
      }
      if (!poked && !stopping.signal.aborted)
        await nap.rest(settings.periodMs * Math.min(2 ** failures, reconcileBackoffPeriodsMax));
    }
  })();

  return {
    name: settings.name,
    poke() {
      poked = true;
      nap.wake();
    },
    async stop() {
      stopping.abort();
      nap.wake();
      await work;
    },
  };
};
