/** A server of HTTP/1.1 within the bounds that all listeners of the agent have. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { createServer, STATUS_CODES } from '../base/node-http.ts';
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

/** What is no request: nothing that could be read, a head that is too large, or one that does not come to its end. */
export type Unreadable = 'malformed' | 'tooLarge' | 'slow';

const kindOf: Readonly<Record<string, Unreadable>> = {
  HPE_HEADER_OVERFLOW: 'tooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'slow',
};

/** In the words of the listener: there is no path yet, hence no API of several whose shape would fit. */
export type RefuseUnreadable = (kind: Unreadable) => {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const refusalText = ({ status, headers, body }: ReturnType<RefuseUnreadable>): string => {
  const all = { ...headers, Connection: 'close', 'Content-Length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
};

/** By their sockets: what is answered now. */
type Pending = WeakMap<Duplex, ServerResponse<IncomingMessage>>;

/**
 * What is no HTTP. Where it comes behind a request that is in work (a body whose length was not told looks so), that one gets its
 * answer, and the connection ends with it.
 */
const refuseUnreadable = (
  pending: Pending,
  refuse: RefuseUnreadable,
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
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else socket.end(refusalText(refuse(kindOf[error.code ?? ''] ?? 'malformed')));
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
  refuse: RefuseUnreadable,
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
      // It is missed where addresses are made of it, in the API's words.
      requireHostHeader: false,
      // The whole of an upload may take hours: its pauses are bounded where its body is read.
      requestTimeout: 0,
    },
    take,
  );
  server.maxConnections = connectionsMax;
  server.setTimeout(socketIdleMs);
  server.on('clientError', (error, socket) => refuseUnreadable(pending, refuse, error, socket));
  // This is no proxy.
  server.on('connect', (_raw, socket) => socket.end(refusalText(refuse('malformed'))));
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
