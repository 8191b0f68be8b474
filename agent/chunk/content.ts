/** Content of any length over chunks, kept as copies or as stripes: written, read, shared and given back. */
import { hasCode } from '../../proto/error.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import type { BufferPool } from './buffer-pool.ts';
import { chunkReader } from './chunk-reader.ts';
import { abortReason } from './cut.ts';
import type { DigestPool } from './digest-pool.ts';
import { gate } from './gate.ts';
import type { Kept } from './keepers.ts';
import { readChunksMax, readChunksProven, readCutsInFlightMax } from './limits.ts';
import { unpack } from './pack.ts';
import { isPlain, type Part, partsOf, unsealed } from './part.ts';
import { type ContentStore, contentLength, type Judge, type Piece } from './port.ts';
import { contentWriter } from './write-content.ts';

async function* once(read: () => Uint8Array): AsyncGenerator<Uint8Array, void> {
  const bytes = read();
  if (bytes.length > 0) yield bytes;
}

export const contentStore = ({
  runtime: { clock, timers },
  log,
  buffers,
  digestPool,
  copies,
  stripes,
  codes,
  rekeep,
  judges,
  uploads,
}: {
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>;
  readonly log: Log;
  readonly buffers: BufferPool;
  readonly digestPool: DigestPool;
  readonly copies: Kept;
  readonly stripes: Kept;
  readonly codes: ContentStore['codes'];
  readonly rekeep: ContentStore['rekeep'];
  readonly judges: Map<string, Judge>;
  /** Users with a claim, from their first reference until their caller says what became of it. */
  readonly uploads: Set<string>;
}): ContentStore => {
  const kinds = [copies, stripes];
  const keptAs = ({ isStripe }: Pick<Piece, 'isStripe'>): Kept => (isStripe ? stripes : copies);
  /** The pieces that are kept in one way, each way that there is. */
  const byKind = (pieces: readonly Piece[]): [Kept, Piece[]][] =>
    kinds
      .map((kept): [Kept, Piece[]] => [kept, pieces.filter((piece) => keptAs(piece) === kept)])
      .filter(([, own]) => own.length > 0);
  const hold = (user: string): void => {
    for (const { debts } of kinds) debts.hold(user);
  };
  const letGo = (user: string): void => {
    for (const { debts } of kinds) debts.letGo(user);
  };
  const readChunks = chunkReader<Part>(
    {
      ...{ places: gate(readChunksMax), provenPlaces: readChunksProven, cuts: gate(readCutsInFlightMax) },
      ...{ buffers, clock, timers },
    },
    {
      async whole(part, signal) {
        const kept = await keptAs(part).get.anywhere(part.id, signal, buffers);
        let bytes: Uint8Array | undefined;
        try {
          bytes = await unpack(part, unsealed(part, kept, part.vault));
          return bytes;
        } finally {
          if (bytes?.buffer !== kept.buffer) buffers.give(kept);
        }
      },
      slice: async (part, at, into, signal) => isPlain(part) && copies.get.part(part.id, at, into, signal),
    },
  );
  async function* readParts(parts: Iterator<Part, void>, signal?: AbortSignal) {
    const stop = new AbortController();
    const abort = (): void => stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      yield* readChunks(parts, stop.signal);
    } finally {
      stop.abort();
      signal?.removeEventListener('abort', abort);
    }
  }
  const giveBack = async ({ debts }: Kept, user: string): Promise<void> => {
    await debts
      .pay(user)
      .catch((thrown: unknown) => log.info('references are given back later', { user, thrown }));
  };

  const write = contentWriter({ clock, timers, buffers, digestPool, copies, stripes, giveBack });

  return {
    codes,
    async rekeep(content, user, code, signal, claim) {
      if (claim) uploads.add(user);
      return rekeep(content, user, code, signal, claim).catch((thrown: unknown) => {
        uploads.delete(user);
        throw thrown;
      });
    },
    async write(source, options) {
      const stop = new AbortController();
      const abort = (): void => stop.abort(options.signal?.reason);
      if (options.signal?.aborted) abort();
      options.signal?.addEventListener('abort', abort, { once: true });
      hold(options.user);
      if (options.claim) uploads.add(options.user);
      try {
        const written = await write(source, options, stop);
        if (written.content.kind === 'inline') uploads.delete(options.user);
        return written;
      } catch (thrown) {
        uploads.delete(options.user);
        throw options.signal?.aborted && !hasCode(thrown, 'TOO_LARGE') ? abortReason(options.signal) : thrown;
      } finally {
        letGo(options.user);
        options.signal?.removeEventListener('abort', abort);
      }
    },
    // No generator itself: that would hold the whole list of chunks for as long as its reader takes.
    read: (content, { start = 0, end = contentLength(content), vault, signal } = {}) =>
      content.kind === 'inline'
        ? once(() => unsealed(content, content.bytes, vault).subarray(start, end))
        : readParts(partsOf(content.chunks, start, end, vault), signal),
    async claim(user, claim) {
      for (const { debts } of kinds) await debts.claim(user, claim);
    },
    async keep(user) {
      // Of what is inline nothing is owed.
      if (!uploads.delete(user)) return;
      for (const { debts } of kinds) await debts.forgive(user);
    },
    end: (user) => void uploads.delete(user),
    judgeBy: (of, judge) => void judges.set(of, judge),
    async release(content, user) {
      uploads.delete(user);
      if (content.kind === 'inline') return;
      const ways = byKind(content.chunks);
      for (const [{ debts }, pieces] of ways) await debts.add(user, [...new Set(pieces.map(({ id }) => id))]);
      for (const [kept] of ways) await giveBack(kept, user);
    },
    async retain(content, user, claim) {
      if (content.kind === 'inline') return;
      const ways = byKind(content.chunks);
      hold(user);
      if (claim) uploads.add(user);
      try {
        for (const [{ debts, references }, pieces] of ways) {
          await debts.add(user, [...new Set(pieces.map(({ id }) => id))], claim);
          await references.add(
            pieces.map(({ id, length, zstdBytes }) => ({ id, length: zstdBytes ?? length })),
            user,
            claim,
          );
        }
        if (!claim) for (const [{ debts }] of ways) await debts.forgive(user);
      } catch (thrown) {
        uploads.delete(user);
        for (const [kept] of ways) await giveBack(kept, user);
        throw thrown;
      } finally {
        letGo(user);
      }
    },
  };
};
