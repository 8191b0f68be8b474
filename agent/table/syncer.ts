/**
 * Taking over: before a layout version counts as settled, this host fetches what was acknowledged in the older ones.
 * A write that was acknowledged there is on a quorum of their owners, so a quorum of each older owner set, this
 * host included where it is in it, holds it all. Merkle comparison makes it resumable: what is here is not fetched.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import type { OwnerSet, Partition, Ring, Syncer } from '../ring/port.ts';
import type { Chance, Log, Timers } from '../runtime/ports.ts';
import type { Healer } from './healer.ts';
import { syncBackoffBaseMs, syncBackoffCapMs } from './limits.ts';

export interface SyncerWorld {
  readonly self: HostId;
  readonly ring: Pick<Ring, 'partitionCount' | 'ownerSets'>;
  readonly healer: Healer;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly chance: Pick<Chance, 'random'>;
  readonly log: Log;
  /** Resolves when nothing that this host once vouched for is missing here. */
  whole(signal: AbortSignal): Promise<void>;
}

export const tableSyncer = (world: SyncerWorld): Syncer => ({
  name: 'table',
  async sync(layoutVersion, signal) {
    await world.whole(signal);
    const wanted = new Map<Partition, readonly OwnerSet[]>();
    for (let partition = 0; partition < world.ring.partitionCount; partition++) {
      const sets = world.ring.ownerSets(partition);
      const older = sets.filter((set) => set.layoutVersion < layoutVersion);
      const mine = sets.find((set) => set.layoutVersion === layoutVersion);
      if (older.length > 0 && mine?.owners.includes(world.self)) wanted.set(partition, older);
    }
    await gather(world, wanted, signal);
  },
});

/**
 * Heals each partition with owners of each given set, until a quorum of it (this host counts where it is an owner)
 * has been heard. Goes on trying until the signal aborts.
 */
export const gather = async (
  world: Omit<SyncerWorld, 'whole'>,
  wanted: ReadonlyMap<Partition, readonly OwnerSet[]>,
  signal: AbortSignal,
  /** Of a set, how many others must be heard. */
  need = (set: OwnerSet): number => set.quorum - Number(set.owners.includes(world.self)),
): Promise<void> => {
  const heard = new Map<Partition, Set<HostId>>();
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
        await world.healer.healAll(host, partitions, { found: () => {}, done: () => {}, signal });
        for (const partition of partitions)
          heard.set(partition, (heard.get(partition) ?? new Set()).add(host));
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
