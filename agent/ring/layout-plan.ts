/** What the next version should be, if any, and what it waits for: a pure look at who is there and what is wished. */
import type { HostId } from '../../proto/ids.ts';
import type { Layout, LayoutMember, Wishes } from '../../proto/message/layout.ts';
import type { Draft } from './balance.ts';
import { hostIdsOf } from './layout.ts';
import { isDrained, pauseOf, replicasOf } from './wishes.ts';

export interface PlanHost {
  readonly hostId: HostId;
  readonly isRostered: boolean;
  /** Its time on the roster has run out: it leaves as one that is drained, for it is needed until then. */
  readonly isOver?: boolean;
  /** Without a break, as this host has seen it; 0 when it is not so. */
  readonly aliveForMs: number;
  readonly deadForMs: number;
  /** Absent until its card has come. */
  readonly offer?: { readonly name: string; readonly zone: string; readonly capacityBytes: number };
}

export interface PlanSettings {
  readonly joinStableMs: number;
  readonly deadRemoveMs: number;
}

export interface PlanWorld {
  readonly newest: Layout;
  /** Is the newest version the only live one? */
  readonly isSettled: boolean;
  /** Whom the newest version still waits for. */
  readonly blockers: readonly HostId[];
  /** All on the roster or in the newest version. */
  readonly hosts: readonly PlanHost[];
  readonly wishes: Wishes;
}

/** A version without its weights: those take a moment to compute, and only who proposes it needs them. */
export interface LayoutDraft {
  readonly members: readonly Draft[];
  readonly replicasWanted: number;
  readonly reason: string;
}

export interface Plan {
  /** The next version; absent while all is as it should be. */
  readonly draft?: LayoutDraft;
  /** Why it is not proposed now. */
  readonly hold?: string;
  /** Hosts whose time to join or to be given up has not come. */
  readonly coming: readonly {
    readonly hostId: HostId;
    readonly change: 'join' | 'leave';
    readonly dueInMs: number;
  }[];
}

/** A first host that is due waits at most this many times `joinStableMs` for others that are about to be. */
const companyPatience = 3;
/** A card that tells less of a change than this moves no data. */
const capacityChangeMin = 0.1;
const reasonCharsMax = 1024;

const isGone = (host: PlanHost | undefined, settings: PlanSettings): boolean =>
  !host?.isRostered || host.deadForMs >= settings.deadRemoveMs;

/** What a member's card says now, where it matters. */
const renewed = (member: Draft, host: PlanHost | undefined, settings: PlanSettings): Draft => {
  if (!host?.offer || host.aliveForMs < settings.joinStableMs) return member;
  const { zone, capacityBytes } = host.offer;
  const isChanged =
    zone !== member.zone ||
    Math.abs(capacityBytes - member.capacityBytes) > capacityChangeMin * member.capacityBytes;
  return isChanged ? { hostId: member.hostId, zone, capacityBytes } : member;
};

const bare = ({ hostId, zone, capacityBytes }: LayoutMember): Draft => ({ hostId, zone, capacityBytes });

export const planLayout = (world: PlanWorld, settings: PlanSettings): Plan => {
  const { newest, isSettled, blockers, wishes } = world;
  const byId = new Map(world.hosts.map((host) => [host.hostId as string, host]));
  const nameOf = (id: string): string => byId.get(id)?.offer?.name ?? id;
  const list = (ids: readonly string[]): string => ids.map(nameOf).join(', ');

  const before = newest.members.map(bare);
  const memberIds = new Set(before.map(({ hostId }) => hostId));
  const gone = hostIdsOf(newest).filter((id) => isGone(byId.get(id), settings));
  // An unsettled version is left alone, unless it waits for a host that will not come: then that one only goes.
  const isUrgent = !isSettled && gone.some((id) => blockers.includes(id));
  const isLeaving = (id: HostId): boolean => isDrained(wishes, id) || byId.get(id)?.isOver === true;
  const drained = isUrgent ? [] : hostIdsOf(newest).filter((id) => !gone.includes(id) && isLeaving(id));
  const kept = before.filter(({ hostId }) => ![...gone, ...drained].includes(hostId as HostId));

  const candidates = world.hosts.filter(
    ({ hostId, isRostered, offer, aliveForMs }) =>
      isRostered && offer && aliveForMs > 0 && !isLeaving(hostId) && !memberIds.has(hostId),
  );
  const due = candidates.filter((host) => host.aliveForMs >= settings.joinStableMs);
  const isCompanyNear =
    due.length < candidates.length &&
    due.every((host) => host.aliveForMs < companyPatience * settings.joinStableMs);
  const joining = isUrgent || isCompanyNear ? [] : due;

  const staying = isUrgent ? kept : kept.map((member) => renewed(member, byId.get(member.hostId), settings));
  const changed = staying.filter((member, at) => member !== kept[at]);
  const members = [
    ...staying,
    ...joining.flatMap(({ hostId, offer }) =>
      offer ? [{ hostId, zone: offer.zone, capacityBytes: offer.capacityBytes }] : [],
    ),
  ];
  const replicasWanted = (isUrgent ? undefined : replicasOf(wishes)) ?? newest.replicasWanted;

  const leaving = world.hosts.filter(
    (host) => host.deadForMs > 0 && !gone.includes(host.hostId) && memberIds.has(host.hostId),
  );
  const coming: Plan['coming'] = [
    ...candidates
      .filter((host) => !joining.includes(host))
      .map(({ hostId, aliveForMs }) => ({
        hostId,
        change: 'join' as const,
        dueInMs: Math.max(0, settings.joinStableMs - aliveForMs),
      })),
    ...leaving.map(({ hostId, deadForMs }) => ({
      hostId,
      change: 'leave' as const,
      dueInMs: settings.deadRemoveMs - deadForMs,
    })),
  ];

  const parts = [
    ['joined', list(joining.map(({ hostId }) => hostId))],
    ['removed', list(gone)],
    ['drained', list(drained)],
    ['changed', list(changed.map(({ hostId }) => hostId))],
    ['replicas', replicasWanted === newest.replicasWanted ? '' : String(replicasWanted)],
  ] as const;
  const reason = parts
    .filter(([, what]) => what !== '')
    .map(([verb, what]) => `${verb}: ${what}`)
    .join('; ');
  if (reason === '') return { coming };

  const pause = pauseOf(wishes);
  const hold = pause
    ? `paused by ${pause.by}`
    : !members.some(({ capacityBytes }) => capacityBytes > 0)
      ? 'no other host would hold the data'
      : !isSettled && !isUrgent
        ? `version ${newest.version} settles first, it waits for ${list(blockers) || 'nobody'}`
        : undefined;
  const draft = { members, replicasWanted, reason: reason.slice(0, reasonCharsMax) };
  return hold === undefined ? { draft, coming } : { draft, hold, coming };
};
