/**
 * One at a time, in the order of asking: the lock of a thing that one writer owns. A failure of one piece of
 * work is its caller's alone; the next goes on.
 */
import { ShoalError } from '../../proto/error.ts';

export interface Serial {
  /**
   * Throws BUSY when `waitersMax` wait already, and the signal's reason when it aborts before the turn has come.
   * From then on an abort is the work's own matter: a lock that is let go while its work runs is no lock.
   */
  run<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Nobody runs and nobody waits. */
  readonly idle: boolean;
}

export const serial = (name: string, waitersMax: number): Serial => {
  const waiters: (() => void)[] = [];
  let taken = false;

  const take = async (signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    if (!taken) {
      taken = true;
      return;
    }
    if (waiters.length >= waitersMax)
      throw new ShoalError('BUSY', `Cannot queue for ${name}: ${waitersMax} wait already, try again later`);
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        waiters.splice(waiters.indexOf(enter), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiters.push(enter);
    });
  };

  return {
    get idle() {
      return !taken;
    },
    async run(work, signal) {
      await take(signal);
      try {
        return await work();
      } finally {
        // The lock passes straight to the first waiter: a newcomer cannot slip in between.
        const next = waiters.shift();
        if (next) next();
        else taken = false;
      }
    },
  };
};

/** A lock for each key (a row, a server); keys that nobody uses cost nothing. */
export const keyedSerial = (name: string, waitersMax: number) => {
  const locks = new Map<string, Serial>();
  return {
    async run<T>(key: string, work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
      const lock = locks.get(key) ?? serial(`${name} ${JSON.stringify(key)}`, waitersMax);
      locks.set(key, lock);
      try {
        return await lock.run(work, signal);
      } finally {
        if (lock.idle && locks.get(key) === lock) locks.delete(key);
      }
    },
    get size() {
      return locks.size;
    },
  };
};
