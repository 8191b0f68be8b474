import type { Timers } from '../ports.ts';
import { timerDelayMaxMs } from './limits.ts';

const after = (delayMs: number, work: () => void): (() => void) => {
  let handle: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    handle =
      leftMs <= timerDelayMaxMs
        ? setTimeout(work, leftMs)
        : setTimeout(() => arm(leftMs - timerDelayMaxMs), timerDelayMaxMs);
  };
  arm(delayMs);
  return () => clearTimeout(handle);
};

export const systemTimers: Timers = {
  after,
  sleep: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = after(delayMs, () => {
        // A long-lived signal must not collect one listener for every sleep that ever ran under it.
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      signal?.addEventListener('abort', abort, { once: true });
    }),
};
