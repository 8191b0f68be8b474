/** Work that comes back: every period and when poked. A failure is logged; the next turn tries again. */
import { openNap } from '../base/nap.ts';
import type { Runtime } from '../runtime/ports.ts';

export interface Loop {
  /** Look now; while it runs: once more after it. */
  poke(): void;
  /** Resolves when the running turn has ended. */
  stop(): Promise<void>;
}

export const startLoop = (
  { runtime }: { readonly runtime: Pick<Runtime, 'timers' | 'log'> },
  options: {
    readonly name: string;
    readonly everyMs: number;
    readonly firstAfterMs: number;
    /** A number that it resolves with says after how many ms to look again, in place of `everyMs`. */
    work(signal: AbortSignal): Promise<unknown>;
  },
): Loop => {
  const stopping = new AbortController();
  let poked = false;
  const nap = openNap(runtime.timers);
  const run = async (): Promise<void> => {
    let delayMs = options.firstAfterMs;
    while (!stopping.signal.aborted) {
      if (!poked) await nap.rest(delayMs);
      if (stopping.signal.aborted) return;
      poked = false;
      try {
        const wish = await options.work(stopping.signal);
        delayMs = typeof wish === 'number' ? wish : options.everyMs;
      } catch (thrown) {
        if (!stopping.signal.aborted) runtime.log.warn(`${options.name} will be tried again`, { thrown });
        delayMs = options.everyMs;
      }
    }
  };
  const ended = run();
  return {
    poke() {
      poked = true;
      nap.wake();
    },
    stop() {
      stopping.abort();
      nap.wake();
      return ended;
    },
  };
};
