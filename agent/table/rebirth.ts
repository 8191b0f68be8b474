/**
 * How a host that lost its disk becomes an owner again: the rebirth of an acceptor (design note 0007), for all rows of a
 * partition at once.
 *
 *   floor and life noted at owners - quorum + 1 others of each set ── their rows copied ── still in the same life?
 *     ── what a quorum of them does not hold alike is held under the floor, a ballot of this host ── own floor ── whole
 *
 * The floor is a `prepare` of every register of the partition. What of its rows is held under an older ballot may not be
 * taken as it is: a vote more for that ballot might make it look chosen after it was overtaken. This host is the
 * proposer of the floor, so it may take it under that. Rows where the last writer wins need only the lives: an
 * acknowledgement of before does not count with one of an owner that was asked and got the row after.
 */
import type { HostId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import { mapLimit } from '../base/map-limit.ts';
import { type Ballot, ballotSource, maxBallot } from '../register/ballot.ts';
import { type CountLives, countLives, type Lives, recallNeeded } from '../register/lives.ts';
import type { OwnerSet, Partition, Ring } from '../ring/port.ts';
import type { Chance, Log, Timers } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import type { Healer } from './healer.ts';
import type { FindPlace } from './keys.ts';
import { noteLife, noteLives, raiseFloor } from './life-notes.ts';
import { healPartitionsInFlightMax, syncBackoffBaseMs, syncBackoffCapMs } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { restamp } from './restamp.ts';

export interface RebirthWorld {
  readonly self: HostId;
  readonly ring: Pick<Ring, 'partitionCount' | 'ownerSets' | 'newest'>;
  readonly keyValue: KeyValue;
  readonly outbox: Outbox;
  readonly healer: Pick<Healer, 'compare' | 'copy'>;
  readonly findPlace: FindPlace;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly chance: Pick<Chance, 'random'>;
  readonly log: Log;
}

/** One try to get a partition back, with all owners that were heard for it. */
interface Try {
  readonly counts: CountLives;
  readonly told: Lives[];
  readonly heard: Set<HostId>;
}

/** Live sets up to a version in which this host has company. */
export const setsAtStake = (
  { self, ring }: Pick<RebirthWorld, 'self' | 'ring'>,
  partition: Partition,
  upTo = Number.POSITIVE_INFINITY,
): readonly OwnerSet[] =>
  ring
    .ownerSets(partition)
    .filter(
      ({ owners, layoutVersion }) => layoutVersion <= upTo && owners.length > 1 && owners.includes(self),
    );

/** Resolves when this host holds all that it can have vouched for in an earlier life. Rejects when the signal aborts. */
export const rebirth = async (world: RebirthWorld, life: number, signal: AbortSignal): Promise<void> => {
  const { self, ring, keyValue, outbox, healer } = world;
  const random = (): number => world.chance.random();
  const ballots = ballotSource(self, random);
  let above: Ballot | null = null;
  await keyValue.transact((writer) => noteLife(writer, self, life));
  const newest = ring.newest;
  const all = Array.from({ length: ring.partitionCount }, (_, partition) => partition);
  const left = new Set<Partition>(all);

  const recall = async (host: HostId, ballot: Ballot, tries: ReadonlyMap<Partition, Try>) => {
    const asked = [...tries].map(async ([partition, { counts, told }]): Promise<Partition[]> => {
      const ask = { do: 'recall' as const, partition, life, ballot };
      const { promised } = await outbox.ask<'recall'>(host, ring.newest, ask, (from, lives = {}) => {
        told.push(lives);
        return counts(from, lives);
      });
      if (!promised) return [partition];
      above = maxBallot(above, promised as Ballot);
      return [];
    });
    return (await Promise.all(asked)).flat();
  };

  const hear = async (host: HostId, ballot: Ballot, tries: ReadonlyMap<Partition, Try>): Promise<void> => {
    const some = (partitions: readonly Partition[]) =>
      new Map([...tries].filter(([partition]) => partitions.includes(partition)));
    const noted = await recall(host, ballot, tries);
    const differing = await healer.compare(host, noted);
    const copy = (partition: Partition): Promise<void> => healer.copy(host, partition, signal);
    await mapLimit(differing, healPartitionsInFlightMax, copy, signal);
    // Had it died meanwhile, what was copied would not be what it told.
    for (const partition of await recall(host, ballot, some(noted))) tries.get(partition)?.heard.add(host);
  };

  /** The hosts that hold just what this one holds, by partition. */
  const equals = async (tries: ReadonlyMap<Partition, Try>): Promise<ReadonlyMap<Partition, Set<HostId>>> => {
    const equal = new Map([...tries.keys()].map((partition) => [partition, new Set<HostId>()]));
    for (const host of new Set([...tries.values()].flatMap(({ heard }) => [...heard]))) {
      const heard = [...tries].flatMap(([partition, each]) => (each.heard.has(host) ? partition : []));
      const differing = new Set(await healer.compare(host, heard));
      for (const partition of heard) if (!differing.has(partition)) equal.get(partition)?.add(host);
    }
    return equal;
  };

  const finish = async (partition: Partition, ballot: Ballot, told: readonly Lives[]): Promise<void> => {
    await keyValue.transact((writer) => {
      for (const lives of told) noteLives(writer, lives);
      raiseFloor(writer, partition, ballot);
    });
    left.delete(partition);
  };

  for (let attempt = 0; ; attempt++) {
    const ballot: Ballot = ballots.next(above);
    const tries = new Map<Partition, Try>();
    const byHost = new Map<HostId, Map<Partition, Try>>();
    for (const partition of left) {
      const sets = setsAtStake(world, partition, newest);
      if (sets.length === 0) left.delete(partition);
      for (const owner of new Set(sets.flatMap(({ owners }) => owners))) {
        if (owner === self) continue;
        const each = tries.get(partition) ?? { counts: countLives(), told: [], heard: new Set() };
        tries.set(partition, each);
        byHost.set(owner, (byHost.get(owner) ?? new Map()).set(partition, each));
      }
    }
    let cause: unknown;
    for (const [host, shared] of byHost)
      try {
        await hear(host, ballot, shared);
      } catch (thrown) {
        signal.throwIfAborted();
        cause = thrown;
      }
    const isIn = (partition: Partition, hosts: ReadonlySet<HostId> | undefined, need: typeof recallNeeded) =>
      setsAtStake(world, partition, newest).every(
        ({ owners, quorum }) => owners.filter((owner) => hosts?.has(owner)).length >= need(owners, quorum),
      );
    for (const [partition, { heard }] of tries)
      if (!isIn(partition, heard, recallNeeded)) tries.delete(partition);
    const equal = await equals(tries).catch(() => undefined);
    for (const [partition, { told }] of tries) {
      // What a quorum of the others holds is chosen: one more that holds it changes nothing.
      const isChosen = isIn(partition, equal?.get(partition), (_owners, quorum) => quorum);
      if (!isChosen) await restamp(world, partition, ballot);
      await finish(partition, ballot, told);
    }
    signal.throwIfAborted();
    if (left.size === 0) return;
    const why = cause instanceof Error ? cause.message : 'too few other owners told theirs';
    const message = 'rows of a lost disk are not all back yet';
    if (attempt % 10 === 0) world.log.warn(message, { partitions: left.size, why });
    const waitMs = backoffMs(attempt, { baseMs: syncBackoffBaseMs, capMs: syncBackoffCapMs, random });
    await world.timers.sleep(waitMs, signal);
  }
};
