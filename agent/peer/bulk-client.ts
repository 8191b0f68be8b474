/**
 * The asking end of the bulk channel: a pool of connections for each host, each pinned to that host's key. Of undici
 * just the pool is loaded: all of it, with fetch, WebSockets and caches, takes 10 MB.
 */
import { connect as tlsConnect } from 'node:tls';
import request from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import { type ErrorCode, errorTable, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { noteGarbage } from '../base/young-garbage.ts';
import type { AddressBook } from './address-book.ts';
import { parseHostPort } from './address-book.ts';
import { bulkErrorHeader, bulkErrors } from './bulk-server.ts';
import { hostIdOfSocket } from './certificate.ts';
import {
  bulkClientIdleMs,
  bulkConnectionsPerHost,
  bulkErrorBytesMax,
  bulkSliceBytes,
  bulkTimeoutMs,
  dialTimeoutMs,
} from './limits.ts';
import type { Bulk, BulkOptions } from './port.ts';
import type { Roster } from './roster.ts';

interface HostPool {
  readonly address: string;
  readonly pool: Pool;
}

export interface BulkClient {
  readonly request: Bulk['request'];
  stop(): Promise<void>;
}

/** undici's and the system's words for "it did not answer in time". */
const timeoutCodes = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];

const asBulkError = (to: HostId, thrown: unknown, signal: AbortSignal | undefined): unknown => {
  if (signal?.aborted) return signal.reason;
  if (thrown instanceof ShoalError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return timeoutCodes.includes(code)
    ? new ShoalError('TIMEOUT', `Cannot exchange bulk bytes with host ${to}: ${message}`, { cause: thrown })
    : new ShoalError('UNREACHABLE', `Cannot reach the bulk channel of host ${to}: ${message}`, {
        cause: thrown,
      });
};

const errorOf = async (body: AsyncIterable<Uint8Array>): Promise<ShoalError> => {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > bulkErrorBytesMax)
      throw new ShoalError('INTERNAL', 'The other host sent an oversized error');
    pieces.push(piece);
  }
  const { code, message, details } = bulkErrors.decode(Buffer.concat(pieces));
  return new ShoalError(Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'INTERNAL', String(message), {
    details: typeof details === 'object' && details !== null ? { ...details } : {},
  });
};

/**
 * A large body goes in slices, each when the one before is with the system. In one piece TLS would hold a second copy of all of
 * it, and, as undici puts it together with the head of the request, a third.
 */
function* slicesOf(body: Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0; at < body.length; at += bulkSliceBytes) yield body.subarray(at, at + bulkSliceBytes);
}

export const startBulkClient = (
  world: { readonly roster: Roster; readonly book: AddressBook },
  settings: { readonly key: string; readonly certificate: string },
): BulkClient => {
  const { book, roster } = world;
  const pools = new Map<HostId, HostPool>();

  const openPool = (to: HostId, address: string): Pool => {
    const { host, port } = parseHostPort(address) ?? { host: '', port: 0 };
    return new Pool(`https://${address}`, {
      connections: bulkConnectionsPerHost,
      pipelining: 1,
      keepAliveTimeout: bulkClientIdleMs,
      keepAliveMaxTimeout: bulkClientIdleMs,
      connect(_options, callback) {
        const socket = tlsConnect({
          host,
          port,
          key: settings.key,
          cert: settings.certificate,
          minVersion: 'TLSv1.3',
          // Checked below against the one key that this host may have.
          rejectUnauthorized: false,
        });
        socket.setNoDelay(true);
        const fail = (error: Error): void => {
          clearTimeout(timer);
          socket.destroy();
          callback(error, null);
        };
        const timer = setTimeout(
          () => fail(new Error(`no connection within ${dialTimeoutMs} ms`)),
          dialTimeoutMs,
        );
        socket.once('error', fail);
        socket.once('secureConnect', () => {
          socket.off('error', fail);
          const found = hostIdOfSocket(socket);
          if (found !== to)
            return fail(
              new ShoalError(
                'NOT_ON_ROSTER',
                `Cannot send to host ${to}: ${address} has the key of ${found ?? 'no host'}`,
              ),
            );
          clearTimeout(timer);
          callback(null, socket);
        });
      },
    });
  };

  const poolOf = (to: HostId): Pool => {
    if (!roster.has(to))
      throw new ShoalError('NOT_ON_ROSTER', `Cannot ask host ${to}: it is not on the roster`);
    const address = book.get(to)?.bulk;
    const known = pools.get(to);
    if (known && known.address === address) return known.pool;
    if (!address)
      throw new ShoalError('UNREACHABLE', `Cannot reach host ${to}: its bulk address is not known`);
    // Requests under way on the old address end as they can.
    known?.pool.close().catch(() => {});
    const pool = openPool(to, address);
    pools.set(to, { address, pool });
    return pool;
  };

  const stopRoster = roster.onChange(() => {
    for (const [hostId, { pool }] of pools)
      if (!roster.has(hostId)) {
        pools.delete(hostId);
        pool.destroy(new ShoalError('NOT_ON_ROSTER', `Host ${hostId} is off the roster`)).catch(() => {});
      }
  });

  async function* piecesOf(to: HostId, body: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
    try {
      for await (const piece of body) {
        noteGarbage(piece);
        yield piece;
      }
    } catch (thrown) {
      throw asBulkError(to, thrown, signal);
    }
  }

  return {
    async request(to, method, path, options: BulkOptions = {}) {
      const { body, signal, timeoutMs = bulkTimeoutMs } = options;
      signal?.throwIfAborted();
      const isLong = body instanceof Uint8Array && body.length > bulkSliceBytes;
      try {
        const answer = await request.call(poolOf(to), {
          method,
          path: `/${path.split('/').map(encodeURIComponent).join('/')}`,
          headers: { ...options.headers, ...(isLong && { 'content-length': String(body.length) }) },
          // undici streams any iterable; its type names only Readable.
          body: (isLong ? slicesOf(body) : (body ?? null)) as Uint8Array | null,
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
          ...(signal ? { signal } : {}),
        });
        if (answer.headers[bulkErrorHeader] !== undefined || answer.statusCode !== 200)
          throw await errorOf(answer.body);
        const headers = Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : (value ?? ''),
          ]),
        );
        return { headers, body: piecesOf(to, answer.body, signal) };
      } catch (thrown) {
        throw asBulkError(to, thrown, signal);
      }
    },
    async stop() {
      stopRoster();
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy().catch(() => {})));
    },
  };
};
