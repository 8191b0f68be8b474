/**
 * What an owner keeps of the collection of tombstones, for each partition (the protocol: `collector.ts`):
 *
 *   cutoff   of what is stamped up to here this owner holds all there is; what it lacks is gone. Only rises.
 *   fence    up to here it takes no news, so that all owners can come to hold the same, until it is known what became of
 *            that round: the cutoff rises to it, or it is dropped.
 *
 *               puts, repairs by readers      copies from other owners
 *   ─ cutoff ── never ──────────────────────── never, and that is no failure: it is gone
 *   ─ fence ─── not yet ────────────────────── yes: what one of the fenced has all of them may have;
 *   ─ now ───── yes                            not while it is in doubt who they are: the layout, or a lost disk
 *
 * An owner with a lower cutoff than another holds rows that are gone: it was away, has come back to the owners, or lost its
 * disk. It *adopts* the other's (`healer.ts`): what differs up to there it takes as the other has it.
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Lives } from '../register/lives.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { KeyValue, KeyValueReader, KeyValueWriter } from '../store/key-value.ts';
import { cutoffKey } from './keys.ts';
import { readLives } from './life-notes.ts';

/** The partition's register: which round is on, the last one that came to its end, and up to where that collected. */
export interface CollectState {
  readonly epoch: number;
  readonly decided: number;
  readonly cutoff: number;
}
export const nothingCollected: CollectState = { epoch: 0, decided: 0, cutoff: 0 };

interface Fence {
  readonly epoch: number;
  readonly upTo: number;
  /** Who the owners were, and in which lives. */
  readonly layout: number;
  readonly lives: Lives;
}
export interface Cutoff {
  readonly cutoff: number;
  readonly fence: Fence | null;
}
const codecOfCutoff = codec<Cutoff>('table cutoff');
const none: Cutoff = { cutoff: 0, fence: null };

export const readCutoff = (reader: KeyValueReader, partition: Partition): Cutoff => {
  const bytes = reader.get(cutoffKey(partition));
  return bytes ? codecOfCutoff.decode(bytes) : none;
};
const writeCutoff = (writer: KeyValueWriter, partition: Partition, next: Cutoff): void =>
  writer.put(cutoffKey(partition), codecOfCutoff.encode(next));

/** Never lowers it. A fence that it has reached has done its work. */
export const raiseCutoff = (writer: KeyValueWriter, partition: Partition, upTo: number): void => {
  const { cutoff, fence } = readCutoff(writer, partition);
  const next = Math.max(cutoff, upTo);
  writeCutoff(writer, partition, { cutoff: next, fence: fence && fence.upTo > next ? fence : null });
};

/** What became of the round that this owner's fence was for. True where tombstones may go. */
export const settleFence = (writer: KeyValueWriter, partition: Partition, state: CollectState): boolean => {
  const { cutoff, fence } = readCutoff(writer, partition);
  if (!fence || fence.epoch >= state.epoch) return false;
  const isDecided = fence.epoch === state.decided;
  if (isDecided) raiseCutoff(writer, partition, Math.min(fence.upTo, state.cutoff));
  else writeCutoff(writer, partition, { cutoff, fence: null });
  return isDecided;
};

export type News = 'put' | 'copy' | 'adopted';
export type Verdict = 'taken' | 'gone' | 'refused';

export interface Cutoffs {
  /** May a row that is news here be taken? */
  judge(reader: KeyValueReader, partition: Partition, wallMs: number, how: News): Verdict;
  /** Throws BUSY to a new owner while it is not known here what was collected before it came. */
  check(partition: Partition, from: HostId): void;
  /** Takes the fence of a round, or says whether it has stood. */
  fence(
    writer: KeyValueWriter,
    partition: Partition,
    epoch: number,
    wish: { readonly layout: number; readonly upTo: number; readonly isOld: boolean },
  ): boolean;
  isInDoubt(reader: KeyValueReader, partition: Partition): boolean;
  /** While it runs no rows but those adopted are taken up to there. */
  whileAdopting<T>(partition: Partition, upTo: number, work: () => Promise<T>): Promise<T>;
}

export const openCutoffs = (world: {
  readonly ring: Pick<Ring, 'newest' | 'ownerSets'>;
  readonly keyValue: KeyValue;
  /** Somebody waits for a fence in doubt. */
  doubted(partition: Partition): void;
}): Cutoffs => {
  const { ring, keyValue } = world;
  const adopting = new Map<Partition, number>();

  const doubts = (reader: KeyValueReader, fence: Fence): boolean => {
    if (fence.layout !== ring.newest) return true;
    const lives = readLives(reader);
    return Object.entries(lives).some(([host, life]) => life !== fence.lives[host as HostId]);
  };

  return {
    judge(reader, partition, wallMs, how) {
      const { cutoff, fence } = readCutoff(reader, partition);
      if (wallMs <= cutoff) return 'gone';
      if (how === 'adopted') return 'taken';
      if (wallMs <= (adopting.get(partition) ?? 0)) return 'refused';
      if (!fence || wallMs > fence.upTo) return 'taken';
      const inDoubt = doubts(reader, fence);
      if (inDoubt) world.doubted(partition);
      return how === 'copy' && !inDoubt ? 'taken' : 'refused';
    },
    check(partition, from) {
      const { fence } = readCutoff(keyValue, partition);
      if (!fence || fence.layout === ring.newest) return;
      const isOld = ring
        .ownerSets(partition)
        .some(({ layoutVersion, owners }) => layoutVersion <= fence.layout && owners.includes(from));
      if (isOld) return;
      world.doubted(partition);
      throw new ShoalError(
        'BUSY',
        `Cannot show partition ${partition}: what was collected there is being settled`,
      );
    },
    fence(writer, partition, epoch, { layout, upTo, isOld }) {
      const { cutoff, fence } = readCutoff(writer, partition);
      if (layout !== ring.newest) return false;
      if (isOld)
        return fence !== null && fence.epoch === epoch && fence.upTo === upTo && !doubts(writer, fence);
      if (fence && fence.epoch >= epoch) return false;
      writeCutoff(writer, partition, { cutoff, fence: { epoch, upTo, layout, lives: readLives(writer) } });
      return true;
    },
    isInDoubt(reader, partition) {
      const { fence } = readCutoff(reader, partition);
      return fence !== null && doubts(reader, fence);
    },
    async whileAdopting(partition, upTo, work) {
      adopting.set(partition, Math.max(upTo, adopting.get(partition) ?? 0));
      try {
        return await work();
      } finally {
        adopting.delete(partition);
      }
    },
  };
};
