/** What only operators ask of a ring: to look ahead and back, to hold it, to shape it, and to override its voters. */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import { balance } from './balance.ts';
import { forcedLayout } from './forced.ts';
import { isMember, replicasFor } from './layout.ts';
import type { History } from './layout-history.ts';
import type { Plan } from './layout-plan.ts';
import {
  type LayoutDescription,
  type LayoutHistoryEntry,
  type LayoutPlanDescription,
  reportHistory,
  reportLayout,
  reportPlan,
} from './layout-report.ts';
import type { LayoutStore } from './layout-store.ts';
import type { Moving, moving } from './moving.ts';
import type { OwnerIndex } from './owner-index.ts';
import type { DataSize } from './port.ts';
import { needOf } from './spare.ts';
import type { WishBook } from './wish-book.ts';
import { drainOf } from './wishes.ts';

export interface RingOperator {
  describe(): LayoutDescription;
  /** What the next version would be, and what it waits for. Throws BUSY before a layout is known. */
  plan(): LayoutPlanDescription;
  /** Newest first, as far back as this host keeps them. */
  history(): readonly LayoutHistoryEntry[];
  /** What this host holds: an estimate. */
  held(): DataSize;
  /** What it has yet to fetch; null: nothing, or not known. */
  moving(): Moving | null;

  /**
   * The wishes: confirmed when a majority of the layout's voters has them on disk, kept over restarts of all hosts.
   * `by`: who asks, for people. All throw BUSY before a layout is known, QUORUM_MISSED when the majority is not there.
   *
   * Paused: no version is agreed but by force, and nothing is copied for one that settles.
   */
  pause(paused: boolean, by: string): Promise<void>;
  /** Copies of everything, 1 to 7; fewer while fewer hosts store. Throws BAD_REQUEST. */
  setReplicas(replicas: number, by: string): Promise<void>;
  /** The host takes no new load and leaves the next layout; it serves on. `false` takes it back. */
  drain(host: HostId, drained: boolean, by: string): Promise<void>;
  /** Why the live layouts cannot go on without it, where so many others are left; undefined: they can. */
  needOf(host: HostId, isLeft: (host: HostId) => boolean): string | undefined;
  /**
   * Before a host is taken off the roster, so that `isLeft` of the others are on it. Throws CONFLICT where the live layouts
   * need it: with it cut off they could never be followed, nor their rows be read.
   */
  checkSpare(host: HostId, isLeft: (host: HostId) => boolean): void;
  /**
   * Removes a host without the vote of the acceptors, for when too few of them will ever come back. Older owner
   * sets then count without it: what only that host held is given up. Throws NOT_FOUND, CONFLICT.
   */
  force(removeHost: HostId): Promise<void>;
}

const replicasMost = 7;

export const ringOperator = (world: {
  readonly self: HostId;
  readonly log: Log;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly store: LayoutStore;
  readonly index: OwnerIndex;
  readonly wishes: WishBook;
  readonly moving: ReturnType<typeof moving>;
  history(): History;
  newest(): Layout | undefined;
  planNext(newest: Layout): Plan;
  /** Takes a version over without votes; false when another one came first. */
  impose(layout: Layout): Promise<boolean>;
}): RingOperator => {
  const { self, index, wishes } = world;
  const need: RingOperator['needOf'] = (host, isLeft) => {
    const newest = world.newest();
    const partitions = newest ? 2 ** newest.partitionBits : 0;
    const sets = Array.from({ length: partitions }, (_, partition) => index.sets(partition)).flat();
    return newest && needOf(host, isLeft, newest, sets);
  };
  return {
    needOf: need,
    describe: () => reportLayout(world.history(), index, wishes.held, world.moving.now),
    plan() {
      const newest = world.newest();
      const before = newest && index.assignment(newest.version);
      if (!newest || !before) throw new ShoalError('BUSY', 'Cannot plan a layout: none is known here yet');
      const plan = world.planNext(newest);
      const { draft } = plan;
      const isPossible = draft?.members.some(({ capacityBytes }) => capacityBytes > 0);
      const balanced =
        draft && isPossible
          ? balance(draft.members, replicasFor(draft.members, draft.replicasWanted), {
              partitionBits: newest.partitionBits,
              before: newest.members,
              previous: before,
            })
          : undefined;
      return reportPlan(newest, before, plan, balanced);
    },
    history: () => reportHistory(world.store.kept(), world.history().live[0]?.version ?? 0),
    held: () => world.moving.held,
    moving: () => world.moving.now,
    pause: (paused, by) => wishes.wish('paused', Number(paused), by),
    async setReplicas(replicas, by) {
      if (!Number.isInteger(replicas) || replicas < 1 || replicas > replicasMost)
        throw new ShoalError(
          'BAD_REQUEST',
          `Cannot keep ${replicas} replicas: it is a whole number from 1 to ${replicasMost}`,
        );
      await wishes.wish('replicas', replicas, by);
    },
    drain: (host, drained, by) => wishes.wish(drainOf(host), Number(drained), by),
    checkSpare(host, isLeft) {
      const why = need(host, isLeft);
      if (why !== undefined)
        throw new ShoalError(
          'CONFLICT',
          `Cannot remove host ${host}: ${why}. Drain it first and wait until the layout has settled; where that cannot be, give it up by force`,
        );
    },
    async force(removeHost) {
      const newest = world.newest();
      const isLive = world.history().live.some((layout) => isMember(layout, removeHost));
      if (!newest || !isLive)
        throw new ShoalError('NOT_FOUND', `Cannot force "${removeHost}" out: no live layout has it`);
      const rest = newest.members.filter((member) => member.hostId !== removeHost);
      if (removeHost === self || !rest.some((member) => member.capacityBytes > 0))
        throw new ShoalError(
          'CONFLICT',
          `Cannot force "${removeHost}" out: no other host here would hold data`,
        );
      const proposal = { atMs: world.clock.wallMs(), by: self };
      const layout = forcedLayout(newest, removeHost, proposal, index.assignment(newest.version));
      world.log.error('layout FORCED by an operator: what only the removed host held is given up', {
        version: layout.version,
        removeHost,
      });
      if (!(await world.impose(layout)))
        throw new ShoalError(
          'CONFLICT',
          `Cannot force "${removeHost}" out: another layout came first, look again`,
        );
    },
  };
};
