/**
 * Uploads: one pass over the bytes, in bounded memory.
 *
 *     source --> cut (4 MiB) --> digests (worker) --> packed? --> sealed? --> 3 (24 over all) on their way: owners, debt + reference
 *
 * The debt is on disk before the reference, so an upload that dies anywhere is given back, with a claim up to its row
 * (`debt.ts`). Reference and bytes are written side by side; an owner counts when it has the bytes after the reference stands
 * (`put-chunk.ts`).
 */
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { BufferPool } from './buffer-pool.ts';
import { chunkIdOf } from './chunk-name.ts';
import { abortReason, cut } from './cut.ts';
import type { DigestPool } from './digest-pool.ts';
import { gate } from './gate.ts';
import type { Kept } from './keepers.ts';
import {
  chunkBytesMax,
  chunksInFlightMax,
  inlineBytesDefault,
  stripeBytesMin,
  uploadBuffersMax,
  uploadChunksInFlightMax,
} from './limits.ts';
import { pack } from './pack.ts';
import { type Content, contentLength, type Piece, type WriteOptions, type Written } from './port.ts';
import { stripeIdOf } from './stripe/name.ts';
import { uploadBuffers } from './upload-buffers.ts';

interface Cut {
  readonly bytes: Uint8Array;
  /** Its sender needs the bytes no more. */
  readonly letGo: () => void;
  readonly leave: () => void;
}

/** Runs `last` at the last of so many calls. */
const after = (calls: number, last: () => void): (() => void) => {
  let left = calls;
  return () => {
    left -= 1;
    if (left === 0) last();
  };
};

/** Counts before it hands on: what is too long is refused before it is cut, hashed or sent. */
async function* bounded(
  source: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const piece of source) {
    length += piece.length;
    if (length > bytesMax)
      throw new ShoalError('TOO_LARGE', `Cannot store more than ${bytesMax} bytes here`, {
        details: { bytesMax },
      });
    yield piece;
  }
}

/** `stop` ends it from without, and is aborted where it fails. Throws TOO_LARGE, ABORTED, what its source throws and what puts throw. */
export const contentWriter = ({
  clock,
  timers,
  buffers,
  digestPool,
  copies,
  stripes,
  giveBack,
}: {
  readonly clock: Runtime['clock'];
  readonly timers: Runtime['timers'];
  readonly buffers: BufferPool;
  readonly digestPool: DigestPool;
  readonly copies: Kept;
  readonly stripes: Kept;
  giveBack(kept: Kept, user: string): Promise<void>;
}): ((
  source: AsyncIterable<Uint8Array>,
  options: WriteOptions,
  stop: AbortController,
) => Promise<Written>) => {
  const kinds = [copies, stripes];
  const long = uploadBuffers(buffers, gate(uploadBuffersMax));
  const places = gate(chunksInFlightMax);
  return async (
    source: AsyncIterable<Uint8Array>,
    options: WriteOptions,
    stop: AbortController,
  ): Promise<Written> => {
    const { user, bytesMax, inlineBytesMax = inlineBytesDefault, vault, code, claim } = options;
    const digests = digestPool.start(options.digests);
    // Equal chunks of one upload (a disk image is full of zeros) travel once.
    const stored = new Map(kinds.map((kept) => [kept, new Map<ChunkId, Promise<void>>()]));
    const used = (): Kept[] => kinds.filter((kept) => stored.get(kept)?.size);
    const pending = new Set<Promise<void>>();
    const store = (kept: Kept, id: ChunkId, bytes: Uint8Array, letGo: () => void): Promise<void> => {
      const before = stored.get(kept)?.get(id);
      if (before) {
        letGo();
        return before;
      }
      const refer = async (): Promise<void> => {
        await kept.debts.add(user, [id], claim);
        await kept.references.add([{ id, length: bytes.length }], user, claim);
      };
      const referring = refer();
      pending.add(referring);
      const put = kept.put(id, bytes, stop.signal, referring, letGo);
      const done = Promise.all([put, referring]).then(() => {
        pending.delete(referring);
      });
      stored.get(kept)?.set(id, done);
      return done;
    };
    let inline: Uint8Array | undefined;
    const inside = new Set<() => void>();
    const held = new Set<Uint8Array>();
    async function* pieces(): AsyncGenerator<Cut, void> {
      let isFirst = true;
      const world = { buffers: long, clock, timers };
      for await (const bytes of cut(bounded(source, bytesMax), chunkBytesMax, stop.signal, world)) {
        held.add(bytes);
        // The digest's and the sender's.
        const letGo = after(2, () => {
          held.delete(bytes);
          long.give(bytes);
        });
        await digests.update(bytes, letGo);
        if (isFirst && bytes.length <= inlineBytesMax && bytes.length < chunkBytesMax) {
          // Shorter than a chunk, so it is also the last.
          inline = bytes;
          return;
        }
        isFirst = false;
        // One cut piece waits here; what is on its way is bounded over all uploads.
        const leave = await places.enter(stop.signal).catch(() => Promise.reject(abortReason(stop.signal)));
        inside.add(leave);
        yield { bytes, letGo, leave };
      }
    }
    const send = async ({ bytes, letGo, leave }: Cut): Promise<Piece> => {
      const { length } = bytes;
      const packed = await pack(bytes);
      const plain = packed ?? bytes;
      const sealed = vault?.seal(plain);
      const kept = sealed?.bytes ?? plain;
      const isOther = kept !== bytes;
      if (isOther) letGo();
      const isStripe = code !== undefined && kept.length >= stripeBytesMin;
      const id = isStripe ? stripeIdOf(kept, code) : chunkIdOf(kept);
      await store(isStripe ? stripes : copies, id, kept, isOther ? () => {} : letGo).catch(
        (thrown: unknown) => {
          // The source may hang; it must not hold up the news.
          stop.abort(asShoalError(thrown));
          throw thrown;
        },
      );
      leave();
      inside.delete(leave);
      return {
        ...{ id, length },
        ...(packed && { zstdBytes: packed.length }),
        ...(isStripe && { isStripe }),
        ...(sealed && { iv: sealed.iv }),
      };
    };
    try {
      const chunks = await mapLimit(pieces(), uploadChunksInFlightMax, send);
      if (chunks.length === 0 && inlineBytesMax > 0) inline ??= new Uint8Array();
      const content: Content = inline
        ? { kind: 'inline', ...(vault?.seal(inline) ?? { bytes: inline }) }
        : { kind: 'chunks', chunks };
      const texts = await digests.finish();
      if (!claim) for (const { debts } of used()) await debts.forgive(user);
      return { content, length: contentLength(content), digests: texts };
    } catch (thrown) {
      digests.abort();
      stop.abort(asShoalError(thrown));
      // A reference that is still being written would outlive its own deletion.
      await Promise.allSettled(pending);
      for (const kept of used()) await giveBack(kept, user);
      for (const bytes of held) long.drop(bytes);
      throw thrown;
    } finally {
      for (const leave of inside) leave();
    }
  };
};
