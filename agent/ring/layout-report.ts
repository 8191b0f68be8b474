/** The layout for operators: members with their loads, how far everyone is, what comes next, what was before. */
import type { HostId } from '../../proto/ids.ts';
import type { Layout, Wishes } from '../../proto/message/layout.ts';
import type { LayoutPlan, Layout as LayoutRest, LayoutVersion } from '../../proto/rest/cluster/layout.ts';
import { type Assignment, loadsOf } from './assign.ts';
import type { Balanced } from './balance.ts';
import { hostIdsOf } from './layout.ts';
import { type History, newestOf } from './layout-history.ts';
import type { Plan } from './layout-plan.ts';
import type { Moving } from './moving.ts';
import type { OwnerIndex } from './owner-index.ts';
import { pauseOf } from './wishes.ts';

/** As the operator API shows it, but for the names of hosts, which the ring does not keep. */
type Nameless<T> = Omit<T, 'name' | 'hostId'> & { readonly hostId: HostId };

/** `GET /cluster/v1/layout`, as far as this host knows it. */
export type LayoutDescription = Omit<LayoutRest, 'members' | 'progress' | 'moving'> & {
  readonly members: readonly Nameless<LayoutRest['members'][number]>[];
  readonly progress: readonly Nameless<LayoutRest['progress'][number]>[];
  /** To this host. */
  readonly moving: Moving | null;
};

/** `GET /cluster/v1/layout/plan`; rows and bytes are for whoever can ask all hosts. */
export type LayoutPlanDescription = {
  readonly next:
    | (Omit<NonNullable<LayoutPlan['next']>, 'members' | 'rowsToMove' | 'bytesToMove'> & {
        readonly members: readonly Nameless<NonNullable<LayoutPlan['next']>['members'][number]>[];
      })
    | null;
  readonly hold: string | null;
  readonly coming: readonly Nameless<LayoutPlan['coming'][number]>[];
  /** Pairs of partition and owner now. */
  readonly pairs: number;
};

/** `GET /cluster/v1/layout/history`. */
export type LayoutHistoryEntry = Nameless<LayoutVersion>;

const loads = (assignment: Assignment | undefined): ReadonlyMap<HostId, number> => {
  const counts = assignment && loadsOf(assignment);
  return new Map(assignment?.hosts.map((host, at) => [host, counts?.[at] ?? 0]));
};

export const reportLayout = (
  history: History,
  index: OwnerIndex,
  wishes: Wishes,
  moving: Moving | null,
): LayoutDescription => {
  const { live, progress } = history;
  const newest = newestOf(history);
  const held = loads(newest && index.assignment(newest.version));
  const hosts = [...new Set(live.flatMap(hostIdsOf))].sort();
  const pause = pauseOf(wishes);
  return {
    newest: newest?.version ?? 0,
    oldest: live[0]?.version ?? 0,
    partitionBits: newest?.partitionBits ?? 0,
    replicas: newest?.replicas ?? 0,
    replicasWanted: newest?.replicasWanted ?? 0,
    members: (newest?.members ?? []).map(({ hostId, zone, capacityBytes }) => ({
      ...{ hostId: hostId as HostId, zone, capacityBytes },
      partitions: held.get(hostId as HostId) ?? 0,
    })),
    progress: hosts.map((hostId) => ({
      hostId,
      ack: progress.ack[hostId] ?? 0,
      sync: progress.sync[hostId] ?? 0,
      syncAck: progress.syncAck[hostId] ?? 0,
    })),
    settled: live.length === 1,
    paused: pause ? { by: pause.by, atMs: pause.atMs } : null,
    moving,
  };
};

/** Pairs of partition and owner that are in `after` and were not in `before`: what has to be copied. */
export const countMoves = (before: Assignment, after: Assignment): number => {
  const place = new Map(before.hosts.map((host, at) => [host, at]));
  const was = after.hosts.map((host) => place.get(host) ?? -1);
  let moves = 0;
  for (let partition = 0; partition < after.partitions; partition++) {
    const held = before.owners.subarray(partition * before.replicas, (partition + 1) * before.replicas);
    for (let slot = partition * after.replicas; slot < (partition + 1) * after.replicas; slot++)
      if (!held.includes(was[after.owners[slot] as number] as number)) moves++;
  }
  return moves;
};

/** `balanced`: the plan's draft with its weights, where there is one. */
export const reportPlan = (
  newest: Layout,
  before: Assignment,
  plan: Plan,
  balanced: Balanced | undefined,
): LayoutPlanDescription => {
  const [now, then] = [loads(before), loads(balanced?.assignment)];
  const hosts = [...new Set([...before.hosts, ...then.keys()])].sort();
  return {
    next:
      plan.draft && balanced
        ? {
            version: newest.version + 1,
            reason: plan.draft.reason,
            replicas: balanced.assignment.replicas,
            members: hosts.map((hostId) => ({
              hostId,
              partitions: then.get(hostId) ?? 0,
              partitionsNow: now.get(hostId) ?? 0,
            })),
            partitionsToMove: countMoves(before, balanced.assignment),
          }
        : null,
    hold: plan.hold ?? null,
    coming: plan.coming,
    pairs: before.partitions * before.replicas,
  };
};

export const reportHistory = (kept: readonly Layout[], oldestLive: number): LayoutHistoryEntry[] =>
  kept.toReversed().map(({ version, reason, atMs, by, members, replicas, forced }) => ({
    ...{ version, reason, atMs, replicas },
    hostId: by as HostId,
    hosts: members.length,
    live: version >= oldestLive,
    forced: forced.length > 0,
  }));
