/** From what this host sees to a version that is proposed: collects the facts, lets the plan decide, adds the weights. */
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import type { Members } from '../membership/port.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { balance } from './balance.ts';
import { hostIdsOf, isMember, nextLayout, replicasFor } from './layout.ts';
import { type History, waitedFor } from './layout-history.ts';
import { type Plan, type PlanHost, planLayout } from './layout-plan.ts';
import type { OwnerIndex } from './owner-index.ts';
import { presence } from './presence.ts';
import { proposer } from './proposer.ts';
import type { RingSettings } from './settings.ts';
import type { WishBook } from './wish-book.ts';

export interface PlannerWorld {
  readonly runtime: Pick<Runtime, 'clock' | 'chance'>;
  readonly log: Log;
  readonly self: HostId;
  readonly members: Members;
  readonly roster: {
    list(): readonly { readonly hostId: HostId }[];
    isOver?(host: HostId): boolean;
  };
  readonly index: OwnerIndex;
  readonly wishes: WishBook;
  history(): History;
  isRostered(host: HostId): boolean;
  isReachable(host: HostId): boolean;
  agree(previous: Layout, next: Layout, signal: AbortSignal): Promise<Layout>;
  agreed(layout: Layout): Promise<void>;
}

export const planner = (world: PlannerWorld, settings: RingSettings) => {
  const { runtime, log, self, members, roster, index, isRostered, isReachable, agree, agreed } = world;
  const seen = presence(members, runtime.clock);

  const propose = proposer(
    {
      ...{ runtime, log, self, isReachable, agree, agreed },
      complete(newest, { members: drafts, replicasWanted, reason }) {
        const balanced = balance(drafts, replicasFor(drafts, replicasWanted), {
          partitionBits: newest.partitionBits,
          before: newest.members,
          previous: index.assignment(newest.version),
        });
        const proposal = { atMs: runtime.clock.wallMs(), by: self };
        return nextLayout(newest, { members: balanced.members, replicasWanted, reason, ...proposal });
      },
    },
    settings,
  );

  const hostsOf = (newest: Layout): PlanHost[] => {
    const ids = new Set([self, ...roster.list().map(({ hostId }) => hostId), ...hostIdsOf(newest)]);
    return [...ids].map((hostId) => {
      const card = members.get(hostId)?.card;
      const isOver = roster.isOver?.(hostId) ?? false;
      return {
        hostId,
        isRostered: isRostered(hostId),
        isOver,
        ...seen.of(hostId),
        ...(card && { offer: card }),
      };
    });
  };
  const planNext = (newest: Layout): Plan => {
    const history = world.history();
    const blockers = waitedFor(history, 'syncAck');
    const isSettled = history.live.length === 1;
    const wishes = world.wishes.held;
    return planLayout({ newest, isSettled, blockers, hosts: hostsOf(newest), wishes }, settings);
  };

  return {
    planNext,
    /** Proposes what is due, when it is this host's turn. Is anything due, or will it be as time passes? */
    look(newest: Layout): boolean {
      const plan = isMember(newest, self) && isRostered(self) ? planNext(newest) : undefined;
      propose.look(newest, plan?.hold === undefined ? plan?.draft : undefined);
      return plan !== undefined && (plan.draft !== undefined || plan.coming.length > 0);
    },
    stop(): void {
      seen.stop();
      propose.stop();
    },
  };
};
