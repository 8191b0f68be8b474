/**
 * Taking over: before a layout version counts as settled, this host fetches what was acknowledged in the older ones.
 * A write that was acknowledged there is on a quorum of their owners, so a quorum of each older owner set, this
 * host included where it is in it, holds it all. Merkle comparison makes it resumable: what is here is not fetched.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { DataSize, OwnerSet, Partition, Ring, Syncer } from '../ring/port.ts';
import type { Chance, Log, Timers } from '../runtime/ports.ts';
import type { Healer } from './healer.ts';
import { healPartitionsInFlightMax, syncBackoffBaseMs, syncBackoffCapMs } from './limits.ts';

export interface SyncerWorld {
  readonly self: HostId;
  readonly ring: Pick<Ring, 'partitionCount' | 'ownerSets'>;
  readonly healer: Healer;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly chance: Pick<Chance, 'random'>;
  readonly log: Log;
  /** Resolves when nothing that this host once vouched for is missing here. */
  whole(signal: AbortSignal): Promise<void>;
  /** About how many rows are here. */
  rows(): number;
}

/** How many rows are still to come: as many in each partition that differs as there were in those that are done. */
const forecast = () => {
  let [partitions, finished] = [0, 0];
  /** In finished partitions, and those taken already in the others. */
  let [rows, ahead] = [0, 0];
  return {
    /** Partitions in which another owner was found to differ. */
    differ(count: number): void {
      partitions += count;
    },
    /** Heals one of them. */
    async watch(heal: (progress: Progress) => Promise<unknown>): Promise<void> {
      let done = 0;
      const take = (count: number): void => {
        done += count;
        ahead += count;
      };
      try {
        await heal({ found: () => {}, done: take });
        finished++;
        rows += done;
      } finally {
        ahead -= done;
      }
    },
    /** undefined until one is done. */
    left(): DataSize | undefined {
      if (partitions > 0 && finished === 0) return undefined;
      const mean = finished > 0 ? rows / finished : 0;
      return { rows: Math.max(0, Math.round((partitions - finished) * mean - ahead)), bytes: 0 };
    },
  };
};
type Forecast = ReturnType<typeof forecast>;
type Progress = Omit<NonNullable<Parameters<Healer['heal']>[2]>, 'signal'>;

export const tableSyncer = (world: SyncerWorld): Syncer => {
  let running: Forecast | undefined;
  return {
    name: 'table',
    held: () => ({ rows: world.rows(), bytes: 0 }),
    progress: () => running?.left(),
    async sync(layoutVersion, signal) {
      await world.whole(signal);
      const wanted = new Map<Partition, readonly OwnerSet[]>();
      for (let partition = 0; partition < world.ring.partitionCount; partition++) {
        const sets = world.ring.ownerSets(partition);
        const older = sets.filter((set) => set.layoutVersion < layoutVersion);
        const mine = sets.find((set) => set.layoutVersion === layoutVersion);
        if (older.length > 0 && mine?.owners.includes(world.self)) wanted.set(partition, older);
      }
      running = forecast();
      try {
        await gather(world, wanted, signal, running);
      } finally {
        running = undefined;
      }
    },
  };
};

/**
 * Heals each partition with owners of each given set, until a quorum of it (this host counts where it is an owner)
 * has been heard. Goes on trying until the signal aborts.
 */
const gather = async (
  world: Omit<SyncerWorld, 'whole' | 'rows'>,
  wanted: ReadonlyMap<Partition, readonly OwnerSet[]>,
  signal: AbortSignal,
  progress: Forecast = forecast(),
): Promise<void> => {
  const heard = new Map<Partition, Set<HostId>>();
  /** How many others must be heard. */
  const need = (set: OwnerSet): number => set.quorum - Number(set.owners.includes(world.self));
  const isMissing = (partition: Partition, set: OwnerSet): boolean => {
    const hosts = heard.get(partition);
    return set.owners.filter((owner) => owner !== world.self && hosts?.has(owner)).length < need(set);
  };
  for (let attempt = 0; ; attempt++) {
    const missing = new Map<HostId, Partition[]>();
    for (const [partition, sets] of wanted)
      for (const set of sets) {
        if (!isMissing(partition, set)) continue;
        for (const owner of set.owners) {
          if (owner === world.self || heard.get(partition)?.has(owner)) continue;
          const list = missing.get(owner) ?? [];
          if (!list.includes(partition)) list.push(partition);
          missing.set(owner, list);
        }
      }
    if (missing.size === 0) {
      if ([...wanted].every(([partition, sets]) => sets.every((set) => !isMissing(partition, set)))) return;
      throw new ShoalError('QUORUM_MISSED', 'Cannot take over rows: their owners can never make a quorum');
    }
    let failure: unknown;
    for (const [host, partitions] of missing)
      try {
        const differing = await world.healer.compare(host, partitions);
        progress.differ(differing.length);
        const hear = (partition: Partition): void =>
          void heard.set(partition, (heard.get(partition) ?? new Set()).add(host));
        for (const partition of partitions) if (!differing.includes(partition)) hear(partition);
        const healOne = async (partition: Partition): Promise<void> => {
          await progress.watch((taken) => world.healer.heal(host, partition, { ...taken, signal }));
          hear(partition);
        };
        await mapLimit(differing, healPartitionsInFlightMax, healOne, signal);
      } catch (thrown) {
        signal.throwIfAborted();
        failure = thrown;
      }
    if (failure === undefined) continue;
    if (attempt % 10 === 0) world.log.info('rows to take over are not all reachable yet', { error: failure });
    const options = {
      ...{ baseMs: syncBackoffBaseMs, capMs: syncBackoffCapMs, random: () => world.chance.random() },
    };
    await world.timers.sleep(backoffMs(attempt, options), signal);
  }
};
