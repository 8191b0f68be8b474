/**
 * Time as other processes live it. A promise such as "within 5 s" is one of agents that get a CPU; where neighbours
 * take it away, or the machine stalls, seconds go by on the wall and nothing was promised of them. So the clock asks
 * them all the time for something small: each answer lets a tick go by, a late one no more than two.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const tickMs = 50;
/** A process that never answers lives, too, only slowly: a test that waits for it must end. */
const silenceMsMax = 2_000;

export interface OwnTime extends Disposable {
  /** Since the clock was started. */
  ms(): number;
}

/** Of the agents at these addresses of APIs. */
export const ownTime = (...apiUrls: readonly string[]): OwnTime => {
  let livedMs = 0;
  let isOver = false;
  const ask = (apiUrl: string): Promise<unknown> =>
    fetch(`${apiUrl}/cluster/v1/ping`, { signal: AbortSignal.timeout(silenceMsMax) })
      .then((answer) => answer.arrayBuffer())
      .catch(() => {});
  const live = async (): Promise<void> => {
    for (let sinceMs = performance.now(); !isOver; ) {
      await Promise.all([sleep(tickMs), ...apiUrls.map(ask)]);
      const nowMs = performance.now();
      livedMs += Math.min(nowMs - sinceMs, 2 * tickMs);
      sinceMs = nowMs;
    }
  };
  void live();
  return {
    ms: () => livedMs,
    [Symbol.dispose]() {
      isOver = true;
    },
  };
};
