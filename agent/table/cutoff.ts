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
import type { NamedGroup } from '../../proto/message/row.ts';
import type { Lives } from '../register/lives.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { KeyValue, KeyValueReader, KeyValueWriter } from '../store/key-value.ts';
import { grow, isGrowing } from './heirs.ts';
import { cutoffKey, type FindPlace, type Place } from './keys.ts';
import { readLives } from './life-notes.ts';

/** The partition's register: which round is on, the last one that came to its end, and up to where that collected. */
export interface CollectState {
  readonly epoch: number;
  readonly decided: number;
  readonly cutoff: number;
  /** Ranges of the partition that are being split: while there are any, nothing is collected (`holds.ts`). */
  readonly holds?: readonly string[];
}
export const nothingCollected: CollectState = { epoch: 0, decided: 0, cutoff: 0 };
/** The sort key of the one register of a partition. */
export const stateKey = 'collection';

interface Fence {
  readonly epoch: number;
  readonly upTo: number;
  /** Who the owners were, and in which lives. */
  readonly layout: number;
  readonly lives: Lives;
  /** Heirs that are grown when the round comes to its end, and who collects. */
  readonly grows?: readonly NamedGroup[];
  readonly by?: HostId;
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
export const settleFence = (
  writer: KeyValueWriter,
  findPlace: FindPlace,
  partition: Partition,
  state: Pick<CollectState, 'epoch' | 'decided' | 'cutoff'>,
): boolean => {
  const { cutoff, fence } = readCutoff(writer, partition);
  if (!fence || fence.epoch >= state.epoch) return false;
  const isDecided = fence.epoch === state.decided;
  if (isDecided) {
    raiseCutoff(writer, partition, Math.min(fence.upTo, state.cutoff));
    if (fence.by) grow(writer, findPlace, fence.grows ?? [], { wallMs: fence.upTo, by: fence.by });
  } else writeCutoff(writer, partition, { cutoff, fence: null });
  return isDecided;
};

/** `repair`: by a reader, of what it has found here; `moved`: by a copier, to an heir that is not born yet. */
export type News = 'put' | 'repair' | 'copy' | 'adopted' | 'moved';
export type Verdict = 'taken' | 'gone' | 'refused';

interface FenceWish {
  readonly layout: number;
  readonly upTo: number;
  readonly isOld: boolean;
  readonly grows?: readonly NamedGroup[] | undefined;
  readonly by: HostId;
}

export interface Cutoffs {
  /** May a row that is news here be taken? */
  judge(reader: KeyValueReader, place: Place, wallMs: number, how: News): Verdict;
  /** Throws BUSY to a new owner while it is not known here what was collected before it came. */
  check(partition: Partition, from: HostId): void;
  /** Takes the fence of a round, or says whether it has stood. */
  fence(writer: KeyValueWriter, partition: Partition, epoch: number, wish: FenceWish): boolean;
  isInDoubt(reader: KeyValueReader, partition: Partition): boolean;
  /** While it runs no rows but those adopted are taken up to there. */
  whileAdopting<T>(partition: Partition, upTo: number, work: () => Promise<T>): Promise<T>;
}

export const openCutoffs = (world: {
  readonly ring: Pick<Ring, 'newest' | 'ownerSets'>;
  readonly keyValue: KeyValue;
  readonly findPlace: FindPlace;
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
    judge(reader, place, wallMs, how) {
      if (how === 'moved') return 'taken';
      const { partition } = place;
      const { cutoff, fence } = readCutoff(reader, partition);
      // What its owners have brought to an heir of late may be of any age. What writers bring is as new as ever.
      const grows = how !== 'put' && isGrowing(reader, world.findPlace, place);
      if (wallMs <= cutoff && !grows) return 'gone';
      if (how === 'adopted') return 'taken';
      if (wallMs <= (adopting.get(partition) ?? 0) && !grows) return 'refused';
      if (!fence || wallMs > fence.upTo) return 'taken';
      const inDoubt = doubts(reader, fence);
      if (inDoubt) world.doubted(partition);
      const isCopy = how === 'copy' || (how === 'repair' && grows);
      return isCopy && !inDoubt ? 'taken' : 'refused';
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
    fence(writer, partition, epoch, { layout, upTo, isOld, grows = [], by }) {
      const { cutoff, fence } = readCutoff(writer, partition);
      if (layout !== ring.newest) return false;
      if (isOld)
        return fence !== null && fence.epoch === epoch && fence.upTo === upTo && !doubts(writer, fence);
      if (fence && fence.epoch >= epoch) return false;
      const fresh = { epoch, upTo, layout, lives: readLives(writer), ...(grows.length > 0 && { grows, by }) };
      writeCutoff(writer, partition, { cutoff, fence: fresh });
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
