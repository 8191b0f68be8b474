/** The bytes of chunks and fragments between two hosts over the bulk channel, in both roles; verified by whoever receives them. */
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { layoutHeader } from '../../proto/message/chunk.ts';
import type { Bulk } from '../peer/port.ts';
import type { Ring } from '../ring/port.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { gate } from './gate.ts';
import { chunkBytesMax, getTimeoutMs, putTimeoutMs, receiveInFlightMax } from './limits.ts';
import { chunkShelf, type Shelf } from './shelf.ts';

/** Fills `buffer`; the verified bytes are a part of it. */
const receive = async (
  shelf: Shelf,
  id: ChunkId,
  body: AsyncIterable<Uint8Array>,
  buffer: Uint8Array,
): Promise<Uint8Array> => {
  let length = 0;
  for await (const piece of body) {
    if (length + piece.length > buffer.length)
      throw new ShoalError(
        'TOO_LARGE',
        `Cannot receive ${shelf.name} ${id}: more than ${buffer.length} bytes came`,
      );
    buffer.set(piece, length);
    length += piece.length;
  }
  const bytes = buffer.subarray(0, length);
  if (shelf.isWhole(id, bytes)) return bytes;
  throw new ShoalError(
    'DAMAGED',
    `Cannot receive ${shelf.name} ${id}: the ${length} bytes that came are not it`,
  );
};

export interface Transfer {
  /** On the other host's disk when it resolves. Throws what `Bulk.request` and the other's `ChunkFiles.put` throw. */
  send(to: HostId, id: ChunkId, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * Verified. Throws NOT_FOUND or DAMAGED when that host has no good copy, STALE_LAYOUT when that means nothing for this
   * host may have asked the wrong one, and what `Bulk.request` throws.
   */
  get(from: HostId, id: ChunkId, signal: AbortSignal): Promise<Uint8Array>;
}

export const transfer = ({
  bulk,
  ring,
  shelf = chunkShelf,
}: {
  readonly bulk: Bulk;
  readonly ring: Pick<Ring, 'newest'>;
  readonly shelf?: Shelf;
}): Transfer => ({
  async send(to, id, bytes, signal) {
    const { body } = await bulk.request(to, 'PUT', `${shelf.name}/${id}`, {
      headers: { [layoutHeader]: String(ring.newest) },
      body: bytes,
      signal,
      timeoutMs: putTimeoutMs,
    });
    for await (const _ of body) {
      // The answer has no body; its end returns the connection.
    }
  },
  async get(from, id, signal) {
    const answer = await bulk.request(from, 'GET', `${shelf.name}/${id}`, {
      headers: { [layoutHeader]: String(ring.newest) },
      signal,
      timeoutMs: getTimeoutMs,
    });
    const told = Number(answer.headers['content-length'] ?? chunkBytesMax);
    const length = told >= 0 && told <= chunkBytesMax ? told : chunkBytesMax;
    return receive(shelf, id, answer.body, Buffer.allocUnsafeSlow(length));
  },
});

const parseVersion = (text: string | undefined): number => {
  if (text !== undefined && /^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new ShoalError(
    'BAD_REQUEST',
    `Cannot read ${JSON.stringify(text)} as a layout version: it is a whole number`,
  );
};

/** The other role. `missing` hears of chunks that were asked for here in vain. */
export const serveTransfer = ({
  bulk,
  ring,
  files,
  buffers,
  missing,
  shelf = chunkShelf,
}: {
  readonly bulk: Bulk;
  readonly ring: Pick<Ring, 'checkVersion'>;
  readonly files: ChunkFiles;
  readonly buffers: BufferPool;
  missing(id: ChunkId): void;
  readonly shelf?: Shelf;
}): void => {
  const places = gate(receiveInFlightMax);
  bulk.serve(shelf.name, async (request) => {
    const id = shelf.parse(request.path);
    if (request.method === 'PUT') {
      ring.checkVersion(request.from, parseVersion(request.headers[layoutHeader]));
      // A body is read only when it has a place: until then it waits in its socket, not in memory.
      await places.run(async () => {
        const buffer = buffers.take(chunkBytesMax);
        try {
          await files.put(id, await receive(shelf, id, request.body, buffer));
        } finally {
          buffers.give(buffer);
        }
      }, request.signal);
      return {};
    }
    if (request.method === 'GET') {
      const version = parseVersion(request.headers[layoutHeader]);
      try {
        const bytes = await files.read(id);
        if (bytes) return { body: bytes };
        missing(id);
        throw new ShoalError('NOT_FOUND', `Cannot send ${shelf.name} ${id}: it is not on this host`);
      } catch (thrown) {
        // A good copy is good under any layout; that there is none says something only to whoever knows whom to ask.
        ring.checkVersion(request.from, version);
        throw thrown;
      }
    }
    throw new ShoalError(
      'METHOD_NOT_ALLOWED',
      `Cannot ${request.method} a ${shelf.name}: only GET and PUT are served`,
    );
  });
};
