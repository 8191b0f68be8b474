/** A server of HTTP/1.1 within the bounds that all listeners of the agent have. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { createServer } from '../base/node-http.ts';
import type { Timers } from '../runtime/ports.ts';
import {
  connectionsMax,
  headerBytesMax,
  headersTimeoutMs,
  keepAliveMs,
  socketIdleMs,
  stopGraceMs,
} from './limits.ts';
import { type Bound, boundUrl, type ListenAddress } from './listen-address.ts';

const unreadable: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** By their sockets: what is answered now. */
type Pending = WeakMap<Duplex, ServerResponse<IncomingMessage>>;

/**
 * What is no HTTP: there is no path yet, hence no API whose shape would fit. Where it comes behind a request that is in work
 * (a body whose length was not told looks so), that one gets its answer, and the connection ends with it.
 */
const refuseUnreadable = (
  pending: Pending,
  error: Error & { readonly code?: string },
  socket: Duplex,
): void => {
  const reply = pending.get(socket);
  // One whose own body is broken is not waited for: it never ends.
  if (reply?.req.complete && !reply.writableEnded && error.code !== 'ECONNRESET') {
    reply.shouldKeepAlive = false;
    reply.once('finish', () => socket.destroy());
    return;
  }
  const status = unreadable[error.code ?? ''] ?? '400 Bad Request';
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
};

export interface HttpServer {
  /** Throws what `listen` throws. */
  start(address: ListenAddress): Promise<Bound>;
  /** Takes no new request, lets those in flight end within `stopGraceMs`, then cuts them off. */
  stop(): Promise<void>;
}

export const httpServer = (
  { timers }: { readonly timers: Timers },
  serve: (raw: IncomingMessage, reply: ServerResponse) => void,
): HttpServer => {
  const pending: Pending = new WeakMap();
  const take = (raw: IncomingMessage, reply: ServerResponse): void => {
    pending.set(raw.socket, reply);
    serve(raw, reply);
  };
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: headersTimeoutMs / 3,
      keepAliveTimeout: keepAliveMs,
      // The whole of an upload may take hours: its pauses are bounded where its body is read.
      requestTimeout: 0,
    },
    take,
  );
  server.maxConnections = connectionsMax;
  server.setTimeout(socketIdleMs);
  server.on('clientError', (error, socket) => refuseUnreadable(pending, error, socket));
  // Our bodies send the 100 themselves, when they are first read.
  server.on('checkContinue', take);
  // Of other expectations a server need not take notice (RFC 9110, 10.1.1); some old clients send an empty one.
  server.on('checkExpectation', take);

  return {
    start: (address) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(address.port, address.host, () => {
          server.off('error', reject);
          resolve(boundUrl(address, server.address()));
        });
      }),
    async stop() {
      const cancel = timers.after(stopGraceMs, () => server.closeAllConnections());
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      cancel();
    },
  };
};
