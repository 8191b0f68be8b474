/**
 * Who uses which chunk: rows `(chunk, user)`, owned by the chunk's own owners because the partition key is its id.
 * A chunk may go when no row stands under it (`collect.ts`).
 */
import { hasCode } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { deadline } from '../base/deadline.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Timers } from '../runtime/ports.ts';
import type { Rows, Tables } from '../table/port.ts';
import { referenceRetryMs, referencesInFlightMax, referenceTimeoutMs } from './limits.ts';

interface Reference {
  readonly length: number;
}

export interface References {
  /** Durable when it resolves. Owners that are silent for a while cost no long upload: it is tried for `referenceTimeoutMs`. */
  add(chunks: readonly { readonly id: ChunkId; readonly length: number }[], user: string): Promise<void>;
  remove(ids: readonly ChunkId[], user: string): Promise<void>;
  /** Does anyone use it? Linearizable: a reference acknowledged before the call is seen. */
  any(id: ChunkId): Promise<boolean>;
}

export type ReferenceRows = Rows<Reference>;
export const referenceRows = (tables: Tables): ReferenceRows =>
  tables.rows<Reference>({ name: 'chunk-ref', weight: ({ length }) => length });

export const references = ({
  rows,
  timers,
  keyOf = (id) => id,
}: {
  readonly rows: ReferenceRows;
  readonly timers: Timers;
  /** Default the id: the owners of a chunk own its rows. */
  keyOf?(id: ChunkId): string;
}): References => {
  /** Once more is the same. */
  const put = async (id: ChunkId, user: string, row: Reference, signal: AbortSignal): Promise<void> => {
    for (;;) {
      try {
        return await rows.put(keyOf(id), user, row);
      } catch (thrown) {
        if (!hasCode(thrown, 'QUORUM_MISSED') || signal.aborted) throw thrown;
        await timers.sleep(referenceRetryMs, signal);
      }
    }
  };
  return {
    async add(chunks, user) {
      const unique = new Map(chunks.map(({ id, length }) => [id, length]));
      await mapLimit(unique, referencesInFlightMax, async ([id, length]) => {
        using limit = deadline(`refer to chunk ${id}`, referenceTimeoutMs, undefined, timers.after);
        const late = Promise.withResolvers<never>();
        limit.signal.addEventListener('abort', () => late.reject(limit.signal.reason));
        await Promise.race([put(id, user, { length }, limit.signal), late.promise]);
      });
    },
    async remove(ids, user) {
      await mapLimit(new Set(ids), referencesInFlightMax, (id) => rows.delete(keyOf(id), user));
    },
    any: async (id) => (await rows.range(keyOf(id), { limit: 1 })).entries.length > 0,
  };
};
