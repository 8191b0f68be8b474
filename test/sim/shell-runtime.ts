/** The ports of `runtime/ports.ts` for a shell that runs on a virtual host. What it waits for dies with the host. */
import type { Runtime } from '../../agent/runtime/ports.ts';
import type { Host } from './node.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

export const shellRuntime = (host: Host): Runtime => ({
  clock: { wallMs: () => host.nowMs(), monotonicMs: () => host.nowMs() },
  timers: {
    after: (delayMs, work) => host.after(delayMs, work),
    sleep: (delayMs, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const cancel = host.after(delayMs, () => {
        host.world.wake();
        resolve();
      });
      const abort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
      return promise;
    },
  },
  chance: {
    random: () => host.random.random(),
    bytes: (length) => Uint8Array.from({ length }, () => host.random.int(256)),
  },
  log: silent,
});
