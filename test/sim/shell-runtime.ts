/** The ports of `runtime/ports.ts` for a shell that runs on a virtual host. What it waits for dies with the host. */
import type { Log, Runtime } from '../../agent/runtime/ports.ts';
import type { Host } from './node.ts';

/** Gets every line that a shell logs: some of them say that a promise was broken. */
export type LogWatch = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Record<string, unknown>,
) => void;

const watchedLog = (watch: LogWatch): Log => ({
  debug() {},
  info: (message, fields = {}) => watch('info', message, fields),
  warn: (message, fields = {}) => watch('warn', message, fields),
  error: (message, fields = {}) => watch('error', message, fields),
  with: () => watchedLog(watch),
});

export const shellRuntime = (host: Host, watch: LogWatch = () => {}): Runtime => ({
  clock: { wallMs: () => host.wallMs(), monotonicMs: () => host.nowMs() },
  timers: {
    after: (delayMs, work) =>
      host.after(delayMs, () => {
        host.world.wake();
        work();
      }),
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
  log: watchedLog(watch),
});
