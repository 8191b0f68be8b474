/** At most `places` inside at once, in the order of asking. The wait is bounded by the caller's signal. */
export interface Gate {
  /** Resolves, when a place is free, with the way out; leaving twice is leaving once. */
  enter(signal?: AbortSignal): Promise<() => void>;
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export const gate = (places: number): Gate => {
  const waiters = new Set<() => void>();
  let free = places;
  const wait = (signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const admit = (): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        waiters.delete(admit);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      waiters.add(admit);
    });
  const leave = (): void => {
    // The place passes straight to the first waiter: a newcomer cannot slip in between.
    const [next] = waiters;
    if (next) {
      waiters.delete(next);
      next();
    } else free += 1;
  };
  const enter: Gate['enter'] = async (signal) => {
    signal?.throwIfAborted();
    if (free > 0) free -= 1;
    else await wait(signal);
    let inside = true;
    return () => {
      if (inside) leave();
      inside = false;
    };
  };
  return {
    enter,
    async run(work, signal) {
      const leaveOnce = await enter(signal);
      try {
        return await work();
      } finally {
        leaveOnce();
      }
    },
  };
};
