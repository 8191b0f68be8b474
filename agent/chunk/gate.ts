/** At most `places` inside at once, in the order of asking. The wait is bounded by the caller's signal. */
export interface Gate {
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export const gate = (places: number): Gate => {
  const waiters = new Set<() => void>();
  let free = places;
  const enter = (signal?: AbortSignal): Promise<void> | undefined => {
    signal?.throwIfAborted();
    if (free > 0) {
      free -= 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        waiters.delete(admit);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiters.add(admit);
    });
  };
  return {
    async run(work, signal) {
      await enter(signal);
      try {
        return await work();
      } finally {
        // The place passes straight to the first waiter: a newcomer cannot slip in between.
        const [next] = waiters;
        if (next) {
          waiters.delete(next);
          next();
        } else free += 1;
      }
    },
  };
};
