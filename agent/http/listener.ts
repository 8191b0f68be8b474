/**
 * A listener for one API that routes by itself (S3: its buckets stand in the host name, its calls in the query).
 * Bodies, answers, bounds and the way errors leave are those of the other listener.
 */
import type { Runtime } from '../runtime/ports.ts';
import { exchanger, type StandardHeaders, type Work } from './exchange.ts';
import { httpServer, type RefuseUnreadable } from './http-server.ts';
import { requestsMax } from './limits.ts';
import { type Bound, parseListen } from './listen-address.ts';
import type { ErrorShape } from './port.ts';

/** Resolves with its base URL once it listens. */
export interface Listener {
  /** Throws what `listen` throws. */
  start(): Promise<Bound>;
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
    readonly refuseUnreadable: RefuseUnreadable;
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
  const server = httpServer(runtime, (raw, reply) => void serve(raw, reply, {}), settings.refuseUnreadable);

  return {
    async start() {
      const bound = await server.start(address);
      log.info('listening', { ...bound });
      return bound;
    },
    stop: server.stop,
  };
};
