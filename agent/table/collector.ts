/**
 * Collecting tombstones. A deleted row leaves one, or a copy that missed the deletion would bring the row back; it may go when no
 * such copy is left and none can come. That no owner has one is not enough: a put that hung for a while, an owner of the past
 * with its old disk, a disk that was lost, each knows of nothing newer once the tombstone is gone. So what is dropped leaves one
 * time a partition behind, the cutoff (`cutoff.ts`), below which owners take nothing that they lack.
 *
 *     heal ── epoch e ── fence F: all owners ── heal, twice ── has it stood? all ── decide e: F ── tell all ── each drops
 *             register   no news up to F        now all hold     no disk lost,      register
 *                                               the same to F    no new layout
 *
 *  - F is an hour ago by the slowest of the owners' clocks, so a fence meets stragglers only. New stamps go above it.
 *  - The decision is a change of the partition's register, from "epoch e is on" to "e has ended, at F". Whoever doubts begins
 *    the next epoch, and thereby learns whether e was decided, or that it never will be. So a round may die at any step, and
 *    two may race: an epoch has one collector, and an owner that missed the end asks the register, or adopts.
 *  - An owner whose fence is in doubt (a newer layout, a life more) shows its rows to no new owner and takes no copies up to
 *    F before it knows. So who takes over from owners takes over the cutoff as well.
 *  - Any owner of a settled layout may collect; the first that seems to be there does. One absent owner holds up all.
 *
 * Cost: one small put more for a deletion, some thirty messages a round and partition, and comparisons of roots.
 */

import type { HostId } from '../../proto/ids.ts';
import type { NamedGroup } from '../../proto/message/row.ts';
import { openNap } from '../base/nap.ts';
import type { Members } from '../membership/port.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { Clock, Log, Timers } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import {
  type CollectState,
  type Cutoffs,
  nothingCollected,
  readCutoff,
  settleFence,
  stateKey,
} from './cutoff.ts';
import type { Healer } from './healer.ts';
import { heirsToGrow } from './heirs.ts';
import type { FindPlace } from './keys.ts';
import type { Leaders } from './leaders.ts';
import { collectAgeMs, collectEveryMs, doubtRetryMs } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Registers } from './port.ts';
import { dropTombstones, oldestTombstone } from './tombstones.ts';

export interface CollectSettings {
  /** How old a tombstone must be. A write that takes longer from its stamp to its owners fails. Default an hour. */
  readonly collectAgeMs?: number;
  /** Between two looks at the oldest tombstones. */
  readonly collectEveryMs?: number;
}

export interface CollectorWorld {
  readonly self: HostId;
  readonly ring: Ring;
  readonly members: Pick<Members, 'isReachable'>;
  readonly leaders: Leaders;
  readonly outbox: Outbox;
  readonly healer: Pick<Healer, 'healAll'>;
  readonly cutoffs: Cutoffs;
  readonly keyValue: KeyValue;
  readonly findPlace: FindPlace;
  readonly states: Registers<CollectState>;
  /** Goes on with the split of a range that holds up its partition (`holds.ts`). */
  finish(hold: string): Promise<void>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

export interface Collector {
  start(): void;
  /** Somebody waits to know what became of this partition's fence. */
  doubt(partition: Partition): void;
  /** Its cutoff may have risen. */
  drop(partition: Partition): void;
  stop(): Promise<void>;
}

export const collector = (world: CollectorWorld, settings: CollectSettings = {}): Collector => {
  const { self, ring, members, keyValue, states, timers, log } = world;
  const ageMs = settings.collectAgeMs ?? collectAgeMs;
  const everyMs = settings.collectEveryMs ?? collectEveryMs;
  const stopping = new AbortController();
  const doubted = new Set<Partition>();
  const risen = new Set<Partition>();
  const nap = openNap(timers);
  let running: Promise<void> | undefined;

  /** Ends what is on in the partition, and begins the next epoch. */
  const nextEpoch = async (partition: Partition): Promise<CollectState> => {
    const state = await states.change(String(partition), stateKey, (now = nothingCollected) => ({
      ...now,
      epoch: now.epoch + 1,
    }));
    return state ?? nothingCollected;
  };
  const decide = async (partition: Partition, epoch: number, upTo: number): Promise<CollectState> => {
    const state = await states.change(String(partition), stateKey, (now) =>
      now?.epoch === epoch
        ? { ...now, epoch: epoch + 1, decided: epoch, cutoff: Math.max(upTo, now.cutoff) }
        : now,
    );
    return state ?? nothingCollected;
  };

  const dropAll = async (partition: Partition): Promise<void> => {
    const { cutoff } = readCutoff(keyValue, partition);
    // Nearly always there is nothing to drop: no commit for that.
    if (oldestTombstone(keyValue, partition, cutoff + 1) === undefined) return;
    for (let from: Uint8Array | undefined; !stopping.signal.aborted; ) {
      from = await dropTombstones(world, partition, from);
      if (!from) return;
    }
  };
  const resolveDoubt = async (partition: Partition): Promise<void> => {
    const state = await nextEpoch(partition);
    await keyValue.transact((writer) => settleFence(writer, world.findPlace, partition, state));
    await dropAll(partition);
  };

  const round = async (partition: Partition): Promise<void> => {
    const layout = ring.newest;
    const owners = ring.owners(partition);
    const others = owners.filter((owner) => owner !== self);
    type Wish = { readonly upTo: number; readonly isOld: boolean; readonly grows?: NamedGroup[] };
    const tell = ({ epoch, decided, cutoff }: CollectState, fence: Wish | null) =>
      Promise.all(
        owners.map((owner) =>
          world.outbox.ask<'collect'>(owner, layout, {
            ...{ do: 'collect', partition, state: { epoch, decided, cutoff } },
            fence: fence && { ...fence, layout },
          }),
        ),
      );
    const heal = async (): Promise<void> => {
      for (const other of others) {
        stopping.signal.throwIfAborted();
        await world.healer.healAll(other, [partition]);
      }
    };
    const clocks = await tell(nothingCollected, null);
    const upTo = Math.floor(Math.min(...clocks.map(({ wallMs }) => wallMs)) - ageMs);
    if (oldestTombstone(keyValue, partition, upTo + 1) === undefined) return;
    // Those that are born before they heal are so at all of them.
    const heirs = await heirsToGrow(world, partition, () => timers.sleep(0, stopping.signal));
    await heal();
    const begun = await nextEpoch(partition);
    const [hold] = begun.holds ?? [];
    if (hold !== undefined) return world.finish(hold);
    // An owner of the past, with rows of an heir that are gone, has to learn that by a cutoff above its own.
    const grows = upTo > begun.cutoff ? [...heirs] : [];
    const fenced = await tell(begun, { upTo, isOld: false, ...(grows.length > 0 && { grows }) });
    if (!fenced.every(({ stands }) => stands)) return;
    // What the last of them alone held has to reach the first as well.
    await heal();
    await heal();
    const stood = await tell(begun, { upTo, isOld: true });
    if (!stood.every(({ stands }) => stands)) return;
    const decided = await decide(partition, begun.epoch, upTo);
    // Another epoch may have come in between: then they need their fences no more.
    await tell(decided, null);
  };

  const isDue = (partition: Partition): boolean =>
    ring.newest === ring.oldest &&
    world.leaders.of({ partition }) === self &&
    oldestTombstone(keyValue, partition, world.clock.wallMs() - ageMs) !== undefined &&
    ring.owners(partition).every((owner) => owner === self || members.isReachable(owner));

  const attempt = async (what: string, partition: Partition, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (thrown) {
      // An owner that does not answer now will later.
      if (!stopping.signal.aborted) log.debug(`could not ${what}`, { partition, error: thrown });
      return false;
    }
  };

  const look = async (): Promise<void> => {
    for (let partition = 0; partition < ring.partitionCount && !stopping.signal.aborted; partition++) {
      if (!ring.owners(partition).includes(self)) continue;
      if (world.cutoffs.isInDoubt(keyValue, partition)) doubted.add(partition);
      else {
        await attempt('drop tombstones', partition, () => dropAll(partition));
        if (isDue(partition)) await attempt('collect tombstones', partition, () => round(partition));
      }
    }
  };
  const serve = async (): Promise<void> => {
    for (const partition of risen) {
      risen.delete(partition);
      await attempt('drop tombstones', partition, () => dropAll(partition));
    }
    for (const partition of doubted)
      if (await attempt('settle a fence', partition, () => resolveDoubt(partition)))
        doubted.delete(partition);
  };

  const run = async (): Promise<void> => {
    const nowMs = (): number => world.clock.monotonicMs();
    for (let lookAtMs = nowMs() + everyMs; !stopping.signal.aborted; ) {
      await serve();
      if (nowMs() >= lookAtMs) {
        await look();
        lookAtMs = nowMs() + everyMs;
      }
      const waitMs = Math.max(0, lookAtMs - nowMs());
      if (!stopping.signal.aborted && risen.size === 0)
        await nap.rest(doubted.size === 0 ? waitMs : Math.min(waitMs, doubtRetryMs));
    }
  };

  return {
    start() {
      running = run();
    },
    doubt(partition) {
      if (doubted.has(partition)) return;
      doubted.add(partition);
      nap.wake();
    },
    drop(partition) {
      risen.add(partition);
      nap.wake();
    },
    async stop() {
      stopping.abort();
      nap.wake();
      await running;
    },
  };
};
