/**
 * What this host should hold and lacks, on disk: key chunk id, value why and since when. What could not be mended
 * rests for a while, in memory: after a restart everything is due.
 */
import { codec } from '../../proto/codec.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { repairRestMsMax, repairRestMsMin } from './limits.ts';

export type RepairCause = 'missing' | 'damaged';

interface Entry {
  readonly why: RepairCause;
  readonly sinceMs: number;
}

const entryCodec = codec<Entry>('repair entry');
/** An entry that cannot be read still says by its key what to fetch; it keeps no agent from starting. */
const whyOf = (bytes: Uint8Array): RepairCause => {
  try {
    return (entryCodec.decode(bytes) as Partial<Entry> | null)?.why === 'damaged' ? 'damaged' : 'missing';
  } catch {
    return 'missing';
  }
};

export interface RepairQueue {
  /** On disk when it resolves. An entry that stands keeps its date; damage outranks absence. */
  add(ids: readonly ChunkId[], why: RepairCause): Promise<void>;
  done(ids: readonly ChunkId[]): Promise<void>;
  /** The attempt failed: let it rest, longer each time. */
  rest(id: ChunkId): void;
  /** A host came back: nothing rests any longer. */
  wake(): void;
  /** Up to `limit` that do not rest, in turns over the whole queue. */
  due(limit: number): ChunkId[];
  readonly counts: Readonly<Record<RepairCause, number>>;
}

export const repairQueue = ({
  store,
  runtime,
}: {
  readonly store: KeyValue;
  readonly runtime: Pick<Runtime, 'clock' | 'chance'>;
}): RepairQueue => {
  const counts = { missing: 0, damaged: 0 };
  for (const { value } of store.range({})) counts[whyOf(value)] += 1;
  const resting = new Map<ChunkId, { readonly attempts: number; readonly untilMs: number }>();
  let position: Uint8Array | undefined;
  return {
    counts,
    async add(ids, why) {
      const value = entryCodec.encode({ why, sinceMs: runtime.clock.wallMs() });
      const change = await store.transact((writer) => {
        const change = { missing: 0, damaged: 0 };
        for (const id of ids) {
          const key = fromHex(id);
          const found = writer.get(key);
          const before = found && whyOf(found);
          if (before === why || before === 'damaged') continue;
          writer.put(key, value);
          change[why] += 1;
          if (before) change[before] -= 1;
        }
        return change;
      });
      counts.missing += change.missing;
      counts.damaged += change.damaged;
    },
    async done(ids) {
      const change = await store.transact((writer) => {
        const change = { missing: 0, damaged: 0 };
        for (const id of ids) {
          const found = writer.get(fromHex(id));
          if (!found) continue;
          change[whyOf(found)] += 1;
          writer.delete(fromHex(id));
        }
        return change;
      });
      counts.missing -= change.missing;
      counts.damaged -= change.damaged;
      for (const id of ids) resting.delete(id);
    },
    rest(id) {
      const attempts = resting.get(id)?.attempts ?? 0;
      const delayMs = backoffMs(attempts, {
        baseMs: repairRestMsMin,
        capMs: repairRestMsMax,
        random: runtime.chance.random,
      });
      resting.set(id, { attempts: attempts + 1, untilMs: runtime.clock.monotonicMs() + delayMs });
    },
    wake: () => resting.clear(),
    due(limit) {
      const nowMs = runtime.clock.monotonicMs();
      const ids: ChunkId[] = [];
      const collect = (range: { from?: Uint8Array; to?: Uint8Array }): void => {
        for (const { key } of store.range(range)) {
          if (ids.length >= limit) return;
          const id = toHex(key) as ChunkId;
          if ((resting.get(id)?.untilMs ?? 0) > nowMs) continue;
          ids.push(id);
          position = Uint8Array.from(key);
        }
      };
      const from = position;
      collect(from ? { from: new Uint8Array([...from, 0]) } : {});
      if (from) collect({ to: new Uint8Array([...from, 0]) });
      return [...new Set(ids)];
    },
  };
};
