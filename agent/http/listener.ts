/**
 * A listener for one API that routes by itself (S3: its buckets stand in the host name, its calls in the query).
 * Bodies, answers, bounds and the way errors leave are those of the other listener.
 */
import { createServer } from 'node:http';
import type { Runtime } from '../runtime/ports.ts';
import { exchanger, type StandardHeaders, type Work } from './exchange.ts';
import { refuseUnreadable } from './fastify.ts';
import {
  connectionsMax,
  headerBytesMax,
  headersTimeoutMs,
  keepAliveMs,
  requestsMax,
  socketIdleMs,
  stopGraceMs,
} from './limits.ts';
import { boundUrl, parseListen } from './listen-address.ts';
import type { ErrorShape } from './port.ts';

export interface Listener {
  /** Resolves with its base URL once it listens; throws what `listen` throws. */
  start(): Promise<{ readonly url: string; readonly port: number }>;
  /** Takes no new request, lets those in flight end within `stopGraceMs`, then cuts them off. */
  stop(): Promise<void>;
}

/** @param settings `listen`: `host:port`, port 0 for any free one. */
export const openListener = (
  { runtime }: { readonly runtime: Runtime },
  settings: {
    readonly listen: string;
    readonly part: string;
    readonly work: Work;
    readonly shape: ErrorShape;
    readonly standardHeaders: StandardHeaders;
  },
): Listener => {
  const address = parseListen(settings.listen);
  const log = runtime.log.with({ part: settings.part });
  const exchange = exchanger({
    runtime: { ...runtime, log },
    shapeOf: () => settings.shape,
    authenticate: () => undefined,
    requestsMax,
    standardHeaders: settings.standardHeaders,
  });
  const serve = exchange(null, settings.work);
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: headersTimeoutMs / 3,
      keepAliveTimeout: keepAliveMs,
      // The whole of an upload may take hours: its pauses are bounded where its body is read.
      requestTimeout: 0,
    },
    (raw, reply) => void serve(raw, reply, {}),
  );
  server.maxConnections = connectionsMax;
  server.setTimeout(socketIdleMs);
  server.on('clientError', refuseUnreadable);
  // Our bodies send the 100 themselves, when they are first read.
  server.on('checkContinue', (raw, reply) => void serve(raw, reply, {}));

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(address.port, address.host, () => {
          server.off('error', reject);
          const bound = boundUrl(address, server.address());
          log.info('listening', bound);
          resolve(bound);
        });
      }),
    async stop() {
      const cancel = runtime.timers.after(stopGraceMs, () => server.closeAllConnections());
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      cancel();
    },
  };
};
