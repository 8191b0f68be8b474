/** The answering end of the bulk channel: HTTP over TLS where both certificates are host keys. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { codec } from '../../proto/codec.ts';
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { written } from '../base/written.ts';
import { noteGarbage } from '../base/young-garbage.ts';
import type { Log } from '../runtime/ports.ts';
import { hostIdOfSocket } from './certificate.ts';
import { bulkHeaderBytesMax, bulkServerIdleMs, bulkSocketsMax, bulkTimeoutMs } from './limits.ts';
import type { BulkAnswer, BulkBody, BulkRequest } from './port.ts';
import type { Roster } from './roster.ts';

export type BulkHandler = (request: BulkRequest) => Promise<BulkAnswer>;

/** The body of an answer that is an error. */
export const bulkErrors = codec<{ code: string; message: string; details: unknown }>('bulk error');
export const bulkErrorHeader = 'x-shoal-error';

/**
 * As rpc says it, and never NOT_FOUND: an agent that is starting serves nothing yet, and whoever asks it for a thing must not
 * conclude that it has none.
 */
export const notServed = (method: string | undefined, path: string | undefined): ShoalError =>
  new ShoalError('NOT_IMPLEMENTED', `Cannot ${method} ${path}: nothing is served there`);

const isMethod = (method: string | undefined): method is BulkRequest['method'] =>
  method === 'GET' || method === 'PUT' || method === 'DELETE';

/** Throws BAD_REQUEST. */
const decodePath = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new ShoalError('BAD_REQUEST', `Cannot read the path ${path}: its percent-encoding is wrong`, {
      cause,
    });
  }
};

const plainHeaders = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );

const tooLarge = (bytesMax: number): ShoalError =>
  new ShoalError('TOO_LARGE', `Cannot receive a body of more than ${bytesMax} bytes here`);
const gone = (cause?: unknown): ShoalError =>
  new ShoalError('ABORTED', 'The sending host went away before the end of its body', { cause });

async function* piecesOf(request: IncomingMessage): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const piece of request) {
      noteGarbage(piece);
      yield piece;
    }
  } catch (cause) {
    throw gone(cause);
  }
}

/** No promise for each piece: TLS makes them 16 KiB long, 256 for a chunk. */
const fillFrom = (request: IncomingMessage, buffer: Uint8Array): Promise<number> =>
  new Promise((resolve, reject) => {
    let length = 0;
    const leave = (): void =>
      void request.off('data', take).off('end', end).off('close', fail).off('error', fail);
    const end = (): void => {
      leave();
      resolve(length);
    };
    const fail = (cause?: unknown): void => {
      leave();
      reject(cause instanceof ShoalError ? cause : gone(cause));
    };
    const take = (piece: Uint8Array): void => {
      noteGarbage(piece);
      const isTooLong = length + piece.length > buffer.length;
      if (!isTooLong) buffer.set(piece, length);
      length += piece.length;
      if (isTooLong) fail(tooLarge(buffer.length));
    };
    if (request.readableEnded) return end();
    if (request.destroyed) return fail();
    request.on('data', take).on('end', end).on('close', fail).on('error', fail);
  });

const bodyOf = (request: IncomingMessage): BulkBody => {
  const pieces = piecesOf(request);
  return {
    [Symbol.asyncIterator]: () => pieces,
    fill: (buffer) => fillFrom(request, buffer),
  };
};

const sendBody = async (response: ServerResponse, body: BulkAnswer['body']): Promise<void> => {
  if (body === undefined || body instanceof Uint8Array) {
    response.end(body);
    return;
  }
  for await (const piece of body) {
    if (!response.destroyed) await written(response, piece);
    if (response.destroyed) return;
  }
  response.end();
};

export interface BulkServer {
  readonly port: number;
  stop(): Promise<void>;
}

export const startBulkServer = async (
  world: {
    readonly log: Log;
    readonly roster: Roster;
    readonly find: (prefix: string) => BulkHandler | undefined;
  },
  settings: {
    readonly host: string;
    readonly port: number;
    readonly key: string;
    readonly certificate: string;
  },
): Promise<BulkServer> => {
  const { find, log, roster } = world;
  const hosts = new Map<TLSSocket, HostId | undefined>();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const from = hosts.get(request.socket as TLSSocket);
    if (!from || !roster.has(from)) {
      log.warn('bulk request refused: the host is not on the roster', {
        host: from ?? 'none',
        address: request.socket.remoteAddress,
      });
      response.setHeader('connection', 'close');
      throw new ShoalError('NOT_ON_ROSTER', `Host ${from ?? 'without a host key'} is not on the roster`);
    }
    const [, prefix, path] = /^\/([^/?]+)\/([^?]*)/.exec(request.url ?? '') ?? [];
    const handler = prefix === undefined ? undefined : find(prefix);
    if (!handler || path === undefined || !isMethod(request.method))
      throw notServed(request.method, request.url);
    const stop = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) stop.abort(new ShoalError('ABORTED', 'The asking host went away'));
    });
    const answer = await handler({
      from,
      method: request.method,
      path: decodePath(path),
      headers: plainHeaders(request),
      body: bodyOf(request),
      signal: stop.signal,
    });
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    if (answer.body instanceof Uint8Array) response.setHeader('content-length', answer.body.length);
    await sendBody(response, answer.body);
  };

  const fail = (request: IncomingMessage, response: ServerResponse, thrown: unknown): void => {
    const error = asShoalError(thrown);
    if (error.code === 'INTERNAL') log.error('bulk handler failed', { url: request.url, error: thrown });
    // Half an answer cannot become an error; the reader sees a cut, not a good end.
    if (response.headersSent || response.destroyed) return void response.destroy();
    const { code, message, details } = error;
    let body: Uint8Array;
    try {
      body = bulkErrors.encode({ code, message, details });
    } catch {
      body = bulkErrors.encode({ code, message, details: {} });
    }
    response.writeHead(error.status, { [bulkErrorHeader]: code, 'content-length': body.length });
    response.end(body);
  };

  const server: Server = createServer(
    {
      key: settings.key,
      cert: settings.certificate,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // No authority signs host keys: the roster is the authority, asked for each request.
      rejectUnauthorized: false,
      handshakeTimeout: bulkTimeoutMs,
      maxHeaderSize: bulkHeaderBytesMax,
    },
    (request, response) => {
      handle(request, response)
        .catch((thrown) => fail(request, response, thrown))
        // A body that nobody read would block the next request on this connection.
        .finally(() => request.resume());
    },
  );
  server.maxConnections = bulkSocketsMax;
  server.keepAliveTimeout = bulkServerIdleMs;
  server.headersTimeout = bulkTimeoutMs;
  server.requestTimeout = 0;
  server.timeout = bulkServerIdleMs;
  server.on('secureConnection', (socket: TLSSocket) => {
    hosts.set(socket, hostIdOfSocket(socket));
    socket.once('close', () => hosts.delete(socket));
  });
  server.on('tlsClientError', (error) => log.debug('bulk handshake failed', { error }));
  const stopRoster = roster.onChange(() => {
    for (const [socket, hostId] of hosts) if (!hostId || !roster.has(hostId)) socket.destroy();
  });

  server.listen(settings.port, settings.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      stopRoster();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const socket of hosts.keys()) socket.destroy();
      await closed;
    },
  };
};
