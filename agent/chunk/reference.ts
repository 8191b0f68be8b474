/**
 * Who uses which chunk: rows `(chunk, user)`. Their owners follow from the table's name as well, so they are others than the chunk's.
 * A chunk may go when no row stands under it (`collect.ts`).
 */
import { hasCode } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { deadline } from '../base/deadline.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Timers } from '../runtime/ports.ts';
import type { LedKeys, Rows, Tables } from '../table/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { referenceRetryMs, referencesInFlightMax, referencesPageRows, referenceTimeoutMs } from './limits.ts';
import type { Claim } from './port.ts';

const chunkIdPattern = /^[0-9a-f]{64}$/;

export interface Reference {
  readonly length: number;
  /** Where the row will stand that it is for, and the host that makes that. Absent: an earlier build, or nobody said. */
  readonly claim?: Claim;
  readonly by?: HostId;
}

export interface References {
  /** Durable when it resolves. Owners that are silent for a while cost no long upload: it is tried for `referenceTimeoutMs`. */
  add(
    chunks: readonly { readonly id: ChunkId; readonly length: number }[],
    user: string,
    claim?: Claim,
  ): Promise<void>;
  remove(ids: readonly ChunkId[], user: string): Promise<void>;
  /** Does anyone use it? Linearizable: a reference acknowledged before the call is seen. */
  any(id: ChunkId): Promise<boolean>;
  /** With their users. */
  of(id: ChunkId): AsyncIterable<readonly [user: string, reference: Reference]>;
  /** Chunks of this kind whose references it is for this host to look after. */
  led(): AsyncIterable<ChunkId>;
}

export interface ReferenceRows {
  readonly rows: Rows<Reference>;
  /** Partition keys that this host leads. */
  keys(): AsyncIterable<string>;
}
const name = 'chunk-ref';
export const referenceRows = (tables: Tables & LedKeys): ReferenceRows => ({
  rows: tables.rows<Reference>({ name, weight: ({ length }) => length }),
  keys: () => tables.keysLed(name),
});

export const references = ({
  self,
  rows: { rows, keys },
  timers,
  prefix = '',
}: {
  readonly self: HostId;
  readonly rows: ReferenceRows;
  readonly timers: Timers;
  /** Of the partition key, before the id; default none. */
  readonly prefix?: string;
}): References => {
  const keyOf = (id: ChunkId): string => prefix + id;
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
    async add(chunks, user, claim) {
      const made = claim && { claim, by: self };
      const unique = new Map(chunks.map(({ id, length }) => [id, length]));
      await mapLimit(unique, referencesInFlightMax, async ([id, length]) => {
        using limit = deadline(`refer to chunk ${id}`, referenceTimeoutMs, undefined, timers.after);
        const late = Promise.withResolvers<never>();
        limit.signal.addEventListener('abort', () => late.reject(limit.signal.reason));
        await Promise.race([put(id, user, { length, ...made }, limit.signal), late.promise]);
      });
    },
    async remove(ids, user) {
      await mapLimit(new Set(ids), referencesInFlightMax, (id) => rows.delete(keyOf(id), user));
    },
    any: async (id) => (await rows.range(keyOf(id), { limit: 1 })).entries.length > 0,
    async *of(id) {
      for await (const { sortKey, row } of walkRows(rows, keyOf(id), { limit: referencesPageRows }))
        yield [sortKey, row];
    },
    async *led() {
      for await (const key of keys()) {
        const id = key.slice(prefix.length);
        if (key.startsWith(prefix) && chunkIdPattern.test(id)) yield id as ChunkId;
      }
    },
  };
};
