/** fastify as this agent uses it: it routes and owns the connections, and touches neither bodies nor answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Method } from '../../proto/rest/route.ts';
import { connectionsMax, headerBytesMax, headersTimeoutMs, keepAliveMs, socketIdleMs } from './limits.ts';

export const methods: readonly Method[] = [
  'GET',
  'HEAD',
  'PUT',
  'POST',
  'PATCH',
  'DELETE',
  'COPY',
  'OPTIONS',
];

type Serve = (
  raw: IncomingMessage,
  reply: ServerResponse,
  params: Readonly<Record<string, string>>,
) => Promise<void>;

const unreadable: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What is no HTTP: there is no path yet, hence no API whose shape would fit. */
export const refuseUnreadable = (error: Error & { readonly code?: string }, socket: Duplex): void => {
  const status = unreadable[error.code ?? ''] ?? '400 Bad Request';
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
};

export const newFastify = (serveBadUrl: Serve): FastifyInstance => {
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: headerBytesMax },
    keepAliveTimeout: keepAliveMs,
    connectionTimeout: socketIdleMs,
    forceCloseConnections: 'idle',
    http: {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: headersTimeoutMs / 3,
    },
    clientErrorHandler: refuseUnreadable,
    frameworkErrors(_error, request, reply) {
      reply.hijack();
      void serveBadUrl(request.raw, reply.raw, {});
    },
  });
  for (const method of methods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  app.server.maxConnections = connectionsMax;
  // Our bodies send the 100 themselves, when they are first read.
  app.server.on('checkContinue', (raw, reply) => app.routing(raw, reply));
  return app;
};
