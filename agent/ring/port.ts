/**
 * Which hosts own what. The key space has 2^p partitions; each live layout version gives a partition its owners.
 * While a newer version settles there are two or more live versions, and a write must reach a quorum of each.
 */
import type { HostId } from '../../proto/ids.ts';

/** 0 to 2^p - 1. */
export type Partition = number;

export interface OwnerSet {
  readonly layoutVersion: number;
  /** In rendezvous order: the first live one is asked first. */
  readonly owners: readonly HostId[];
  /** Answers that make a read or write count: floor(owners / 2) + 1. */
  readonly quorum: number;
  /**
   * Its owners are known to hold everything, and every host still writes to it: a read may use this set alone.
   * At most one set has it; where none has, a read needs a quorum of every set, as a write always does.
   */
  readonly complete?: true;
}

export interface WideOwners extends Pick<OwnerSet, 'layoutVersion' | 'owners'> {
  /** Those of them that were removed by force since: what they hold is given up. */
  readonly gone: readonly HostId[];
}

/** Rows and bytes of a part's data. Estimates, for people. */
export interface DataSize {
  readonly rows: number;
  readonly bytes: number;
}

/** A part of the agent that must hold its share of the data before the layout counts as settled here. */
export interface Syncer {
  readonly name: string;
  /**
   * Fetch from the owners of the older live versions all that this host owns under `layoutVersion`.
   * Resolves when it holds everything that was acknowledged before it was called.
   */
  sync(layoutVersion: number, signal: AbortSignal): Promise<void>;
  /** While `sync` runs: what it has yet to fetch, as far as it can tell; undefined until it can. */
  progress?(): DataSize | undefined;
  /** What this host holds. */
  held?(): DataSize;
}

export interface Ring {
  readonly self: HostId;
  readonly partitionCount: number;
  /** BLAKE3 of the key, its first p bits. */
  partitionOf(key: string): Partition;
  /** One per live version, oldest first. Never empty once the host has joined. */
  ownerSets(partition: Partition): readonly OwnerSet[];
  /** All owners over all live versions, without repeats, oldest version first. */
  owners(partition: Partition): readonly HostId[];
  /**
   * As `ownerSets` for what is spread over more hosts than rows are: `width` of them a version, or all where there are
   * fewer. A host keeps its place in the order while its version lives, also when it was removed by force.
   */
  wideOwners(partition: Partition, width: number): readonly WideOwners[];
  /** Newest version this host knows, and the oldest that is still live. */
  readonly newest: number;
  readonly oldest: number;
  /**
   * An owner calls it before it serves a message that works on owner sets; the sender names the newest version it
   * knew *when it took the sets*. Throws STALE_LAYOUT when that is older than the newest here: an owner that knows
   * of version v + 1 must take no more writes from one that does not, or those writes could miss the new owners.
   * The sender is sent the newer layouts at once; it takes its sets anew and tries again. When the peer is the
   * newer one its layouts are fetched in the background.
   */
  checkVersion(from: HostId, layoutVersion: number): void;
  addSyncer(syncer: Syncer): void;
  /**
   * Of this host's store: 0 in its first, higher after each time that it was lost. undefined until it is known which
   * layouts this host can have served before that loss: it may answer for nothing then that a layout gives it.
   */
  readonly life: number | undefined;
  /** Called after each change of the live versions or of `life`. Returns its own cancellation. */
  onChange(listener: () => void): () => void;
}
