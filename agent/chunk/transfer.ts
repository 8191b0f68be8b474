/** The bytes of chunks and fragments between two hosts over the bulk channel, in both roles; verified by whoever receives them. */
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { layoutHeader, partHeader } from '../../proto/message/chunk.ts';
import type { Bulk, BulkAnswer, BulkBody, BulkRequest } from '../peer/port.ts';
import type { Ring } from '../ring/port.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { type Gate, gate } from './gate.ts';
import {
  chunkBytesMax,
  getTimeoutMs,
  putTimeoutMs,
  receiveInFlightMax,
  sendInFlightMax,
  sendPerHostMax,
  sendSliceBytes,
} from './limits.ts';
import { chunkShelf, type Shelf } from './shelf.ts';

/** Fills `buffer`; what came is a part of it. */
const fill = async (shelf: Shelf, id: ChunkId, body: BulkBody, buffer: Uint8Array): Promise<Uint8Array> => {
  if (body.fill) return buffer.subarray(0, await body.fill(buffer));
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
  return buffer.subarray(0, length);
};

/** As `fill`; the bytes are verified. */
const receive = async (
  shelf: Shelf,
  id: ChunkId,
  body: BulkBody,
  buffer: Uint8Array,
): Promise<Uint8Array> => {
  const bytes = await fill(shelf, id, body, buffer);
  if (shelf.isWhole(id, bytes)) return bytes;
  throw new ShoalError(
    'DAMAGED',
    `Cannot receive ${shelf.name} ${id}: the ${bytes.length} bytes that came are not it`,
  );
};

export interface Transfer {
  /** On the other host's disk when it resolves. Throws what `Bulk.request` and the other's `ChunkFiles.put` throw. */
  send(to: HostId, id: ChunkId, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * Verified. Throws NOT_FOUND or DAMAGED when that host has no good copy, STALE_LAYOUT when that means nothing for this
   * host may have asked the wrong one, and what `Bulk.request` throws.
   */
  get(from: HostId, id: ChunkId, signal: AbortSignal, buffers?: BufferPool): Promise<Uint8Array>;
  /**
   * Fills `into` from byte `at` on, as it lies there, not verified. False where that host gives no parts; throws NOT_FOUND where
   * it has none such, and what `Bulk.request` throws.
   */
  getPart(from: HostId, id: ChunkId, at: number, into: Uint8Array, signal: AbortSignal): Promise<boolean>;
}

const lengthOf = (headers: Readonly<Record<string, string>>): number => {
  const told = Number(headers['content-length'] ?? chunkBytesMax);
  return told >= 0 && told <= chunkBytesMax ? told : chunkBytesMax;
};

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
  async get(from, id, signal, buffers) {
    const answer = await bulk.request(from, 'GET', `${shelf.name}/${id}`, {
      headers: { [layoutHeader]: String(ring.newest) },
      signal,
      timeoutMs: getTimeoutMs,
    });
    const length = lengthOf(answer.headers);
    const buffer = buffers?.take(length) ?? Buffer.allocUnsafeSlow(length);
    try {
      return await receive(shelf, id, answer.body, buffer);
    } catch (thrown) {
      buffers?.give(buffer);
      throw thrown;
    }
  },
  async getPart(from, id, at, into, signal) {
    const answer = await bulk.request(from, 'GET', `${shelf.name}/${id}`, {
      headers: { [layoutHeader]: String(ring.newest), [partHeader]: `${at}-${at + into.length}` },
      signal,
      timeoutMs: getTimeoutMs,
    });
    // A host of an earlier version sends the whole, and is told to stop.
    if (lengthOf(answer.headers) === into.length)
      return (await fill(shelf, id, answer.body, into)).length === into.length;
    for await (const _ of answer.body) break;
    return false;
  },
});

const parseVersion = (text: string | undefined): number => {
  if (text !== undefined && /^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new ShoalError(
    'BAD_REQUEST',
    `Cannot read ${JSON.stringify(text)} as a layout version: it is a whole number`,
  );
};

const parsePart = (text: string): { readonly start: number; readonly end: number } => {
  const [, start = Number.NaN, end = Number.NaN] = (/^([0-9]{1,8})-([0-9]{1,8})$/.exec(text) ?? []).map(
    Number,
  );
  if (start < end && end <= chunkBytesMax) return { start, end };
  throw new ShoalError(
    'BAD_REQUEST',
    `Cannot read ${JSON.stringify(text)} as a part: it is START-END, the end excluded`,
  );
};

/** Each when the one before is with the system; then the buffer is given back. */
async function* lent(bytes: Uint8Array, letGo: () => void): AsyncGenerator<Uint8Array, void> {
  try {
    for (let at = 0; at < bytes.length; at += sendSliceBytes) yield bytes.subarray(at, at + sendSliceBytes);
  } finally {
    letGo();
  }
}

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
  const sending = gate(sendInFlightMax);
  /** By asking host: as many as the roster ever had. */
  const sendingTo = new Map<HostId, Gate>();
  /** The way out. */
  const enterToSend = async (to: HostId, signal: AbortSignal): Promise<() => void> => {
    const own = sendingTo.get(to) ?? gate(sendPerHostMax);
    sendingTo.set(to, own);
    const leaveOwn = await own.enter(signal);
    try {
      const leave = await sending.enter(signal);
      return () => {
        leave();
        leaveOwn();
      };
    } catch (thrown) {
      leaveOwn();
      throw thrown;
    }
  };
  const absent = (id: ChunkId): ShoalError => {
    missing(id);
    return new ShoalError('NOT_FOUND', `Cannot send ${shelf.name} ${id}: it is not on this host`);
  };
  const readPart = async (id: ChunkId, text: string): Promise<BulkAnswer> => {
    const { start, end } = parsePart(text);
    const bytes = Buffer.allocUnsafeSlow(end - start);
    if (!(await files.readPart(id, start, bytes)))
      throw new ShoalError('NOT_FOUND', `Cannot send a part of ${shelf.name} ${id}: it is not here`);
    return { body: bytes };
  };
  const readWhole = async (id: ChunkId, { from, signal }: BulkRequest): Promise<BulkAnswer> => {
    const leave = await enterToSend(from, signal);
    try {
      const bytes = await files.read(id, buffers);
      if (!bytes) throw absent(id);
      const letGo = (): void => {
        buffers.give(bytes);
        leave();
      };
      return { headers: { 'content-length': String(bytes.length) }, body: lent(bytes, letGo) };
    } catch (thrown) {
      leave();
      throw thrown;
    }
  };
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
      const part = request.headers[partHeader];
      try {
        return await (part === undefined ? readWhole(id, request) : readPart(id, part));
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
