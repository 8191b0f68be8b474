/**
 * What this host should hold and lacks, on disk in the order in which it is mended: key danger and chunk id, value
 * why and since when. What could not be mended rests for a while, in memory: after a restart everything is due.
 */
import { codec } from '../../proto/codec.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import { concatBytes, fromHex, toHex } from '../base/bytes.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue, KeyValueReader } from '../store/key-value.ts';
import { repairLooksMax, repairRestMsMax, repairRestMsMin } from './limits.ts';

export type RepairCause = 'missing' | 'damaged';

/** Good copies on other owners. The order of repair: what is one fault from its end, then what nobody has looked at. */
export const dangers = ['one', 'unknown', 'several', 'none'] as const;
export type Danger = (typeof dangers)[number];

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

const keyBytes = 33;
const keyOf = (danger: Danger, id: ChunkId): Uint8Array =>
  concatBytes(Uint8Array.of(dangers.indexOf(danger)), fromHex(id));
/** Undefined for a key of another shape: whoever should hold that chunk finds it again by comparison. */
const readKey = (key: Uint8Array): { danger: Danger; id: ChunkId } | undefined => {
  const danger = key.length === keyBytes ? dangers[key[0] ?? dangers.length] : undefined;
  return danger && { danger, id: toHex(key.subarray(1)) as ChunkId };
};
const find = (
  reader: KeyValueReader,
  id: ChunkId,
): { readonly danger: Danger; readonly value: Uint8Array } | undefined => {
  for (const danger of dangers) {
    const value = reader.get(keyOf(danger, id));
    if (value) return { danger, value: Uint8Array.from(value) };
  }
  return undefined;
};

type Counts = Record<RepairCause | Danger, number>;
const noCounts = (): Counts => ({ missing: 0, damaged: 0, one: 0, unknown: 0, several: 0, none: 0 });

export interface RepairQueue {
  /** On disk when it resolves. An entry that stands keeps its date; damage outranks absence. */
  add(ids: readonly ChunkId[], why: RepairCause): Promise<void>;
  done(ids: readonly ChunkId[]): Promise<void>;
  /** How many copies others have was found out. */
  mark(found: ReadonlyMap<ChunkId, Danger>): Promise<void>;
  /** The attempt failed: let it rest, longer each time. */
  rest(id: ChunkId): void;
  /** A host came back: nothing rests any longer. */
  wake(): void;
  /**
   * Up to `limit` that do not rest, most endangered first; or only those of one danger. Of a queue in which very many rest a
   * part is looked at: its head, and on from where the last look ended.
   */
  due(limit: number, danger?: Danger): ChunkId[];
  readonly counts: Readonly<Counts>;
}

export const repairQueue = ({
  store,
  runtime,
}: {
  readonly store: KeyValue;
  readonly runtime: Pick<Runtime, 'clock' | 'chance'>;
}): RepairQueue => {
  const counts = noCounts();
  for (const { key, value } of store.range({})) {
    const entry = readKey(key);
    if (!entry) continue;
    counts[entry.danger] += 1;
    counts[whyOf(value)] += 1;
  }
  let resumeAt: Uint8Array | undefined;
  const resting = new Map<ChunkId, { readonly attempts: number; readonly untilMs: number }>();

  /** Counts change when the transaction is on disk, and by what it did. */
  const change = async (
    ids: Iterable<ChunkId>,
    next: (id: ChunkId, old: ReturnType<typeof find>) => { danger: Danger; value: Uint8Array } | undefined,
  ): Promise<void> => {
    const sums = await store.transact((writer) => {
      const sums = noCounts();
      const count = (entry: ReturnType<typeof find>, by: 1 | -1): void => {
        if (!entry) return;
        sums[entry.danger] += by;
        sums[whyOf(entry.value)] += by;
      };
      for (const id of ids) {
        const old = find(writer, id);
        const entry = next(id, old);
        count(old, -1);
        count(entry, 1);
        if (old && old.danger !== entry?.danger) writer.delete(keyOf(old.danger, id));
        if (entry) writer.put(keyOf(entry.danger, id), entry.value);
      }
      return sums;
    });
    for (const name of Object.keys(sums) as (keyof Counts)[]) counts[name] += sums[name];
  };

  return {
    counts,
    async add(ids, why) {
      const value = entryCodec.encode({ why, sinceMs: runtime.clock.wallMs() });
      await change(ids, (_, old) => {
        if (!old) return { danger: 'unknown', value };
        const before = whyOf(old.value);
        return before === why || before === 'damaged' ? old : { danger: old.danger, value };
      });
    },
    async done(ids) {
      await change(ids, () => undefined);
      for (const id of ids) resting.delete(id);
    },
    async mark(found) {
      await change(found.keys(), (id, old) => old && { ...old, danger: found.get(id) ?? old.danger });
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
    wake() {
      resting.clear();
      resumeAt = undefined;
    },
    due(limit, danger) {
      const ids = new Set<ChunkId>();
      const nowMs = runtime.clock.monotonicMs();
      /** Gives the key at which its bound ended it. */
      const look = (from: Uint8Array, to: Uint8Array): Uint8Array | undefined => {
        let looks = 0;
        for (const { key } of store.range({ from, to })) {
          if (ids.size >= limit) return undefined;
          if (looks++ >= repairLooksMax) return Uint8Array.from(key);
          const entry = readKey(key);
          if (entry && (resting.get(entry.id)?.untilMs ?? 0) <= nowMs) ids.add(entry.id);
        }
        return undefined;
      };
      const first = danger ? dangers.indexOf(danger) : 0;
      const end = Uint8Array.of(danger ? first + 1 : dangers.length);
      const stopped = look(Uint8Array.of(first), end);
      if (!danger) resumeAt = stopped && look(resumeAt ?? stopped, end);
      return [...ids];
    },
  };
};
