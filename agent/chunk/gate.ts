/** At most `places` inside at once, in the order of asking. The wait is bounded by the caller's signal. */
export interface Gate {
  /** Places that are free now. */
  readonly free: number;
  /** Resolves, when a place is free, with the way out; leaving twice is leaving once. */
  enter(signal?: AbortSignal): Promise<() => void>;
  /** The way out, or undefined where no place is free. */
  tryEnter(): (() => void) | undefined;
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
  const wayOut = (): (() => void) => {
    let inside = true;
    return () => {
      if (inside) leave();
      inside = false;
    };
  };
  const tryEnter: Gate['tryEnter'] = () => {
    if (free === 0) return undefined;
    free -= 1;
    return wayOut();
  };
  const enter: Gate['enter'] = async (signal) => {
    signal?.throwIfAborted();
    const out = tryEnter();
    if (out) return out;
    await wait(signal);
    return wayOut();
  };
  return {
    get free() {
      return free;
    },
    enter,
    tryEnter,
    async run(work, signal) {
      const out = await enter(signal);
      try {
        return await work();
      } finally {
        out();
      }
    },
  };
};
