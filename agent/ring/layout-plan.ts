/** What the next version should be, if any: a pure look at who is there. */
import type { HostId } from '../../proto/ids.ts';
import type { Layout, LayoutMember } from '../../proto/message/layout.ts';
import { hostIdsOf, nextLayout } from './layout.ts';

export interface PlanHost {
  readonly hostId: HostId;
  readonly isRostered: boolean;
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

/** A first host that is due waits at most this many times `joinStableMs` for others that are about to be. */
const companyPatience = 3;
/** A card that tells less of a change than this moves no data. */
const capacityChangeMin = 0.1;

export interface PlanWorld {
  readonly newest: Layout;
  /** Is the newest version the only live one? */
  readonly isSettled: boolean;
  /** Whom the newest version still waits for. */
  readonly blockers: readonly HostId[];
  /** All on the roster or in the newest version. */
  readonly hosts: readonly PlanHost[];
}

const isGone = (host: PlanHost | undefined, settings: PlanSettings): boolean =>
  !host?.isRostered || host.deadForMs >= settings.deadRemoveMs;

/** What a member's card says now, where it matters. */
const renewed = (member: LayoutMember, host: PlanHost | undefined, settings: PlanSettings): LayoutMember => {
  if (!host?.offer || host.aliveForMs < settings.joinStableMs) return member;
  const { zone, capacityBytes } = host.offer;
  const isChanged =
    zone !== member.zone ||
    Math.abs(capacityBytes - member.capacityBytes) > capacityChangeMin * member.capacityBytes;
  return isChanged ? { hostId: member.hostId, zone, capacityBytes } : member;
};

export const planLayout = (world: PlanWorld, settings: PlanSettings): Layout | undefined => {
  const { newest, isSettled, blockers } = world;
  const byId = new Map(world.hosts.map((host) => [host.hostId as string, host]));
  const nameOf = (id: string): string => byId.get(id)?.offer?.name ?? id;

  const gone = hostIdsOf(newest).filter((id) => isGone(byId.get(id), settings));
  // An unsettled version is left alone, unless it waits for a host that will not come.
  if (!isSettled && !gone.some((id) => blockers.includes(id))) return undefined;

  const kept = newest.members.filter((member) => !gone.includes(member.hostId as HostId));
  const candidates = world.hosts.filter(
    (host) =>
      isSettled &&
      host.isRostered &&
      host.offer &&
      host.aliveForMs > 0 &&
      !newest.members.some((member) => member.hostId === host.hostId),
  );
  const due = candidates.filter((host) => host.aliveForMs >= settings.joinStableMs);
  const isCompanyNear =
    due.length < candidates.length &&
    due.every((host) => host.aliveForMs < companyPatience * settings.joinStableMs);
  const joining = isCompanyNear ? [] : due;

  const staying = isSettled ? kept.map((member) => renewed(member, byId.get(member.hostId), settings)) : kept;
  const changed = staying.filter((member, at) => member !== kept[at]);
  const members = [
    ...staying,
    ...joining.flatMap(({ hostId, offer }) =>
      offer ? [{ hostId, zone: offer.zone, capacityBytes: offer.capacityBytes }] : [],
    ),
  ];
  if (gone.length + joining.length + changed.length === 0) return undefined;
  if (!members.some((member) => member.capacityBytes > 0)) return undefined;
  const parts = [
    ['joined', joining.map((host) => host.hostId as string)],
    ['removed', gone as string[]],
    ['changed', changed.map((member) => member.hostId)],
  ] as const;
  const reason = parts
    .filter(([, ids]) => ids.length > 0)
    .map(([what, ids]) => `${what}: ${ids.map(nameOf).join(', ')}`)
    .join('; ');
  return nextLayout(newest, members, reason.slice(0, 1024));
};
