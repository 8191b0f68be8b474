/**
 * Hosts whose time on the roster has run out, and that stay for now: without them the layouts that are live could not go on, and the
 * others would be shut in with that. They are drained (agent/ring/planner.ts), so none stays for long, unless it is dead and too few
 * are left to vote without it: then an operator forces it out.
 *
 * One after the other, in the order in which their time ran out: each is asked about among those who are left.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import { expiryLookMs } from './limits.ts';
import type { RosterMember } from './roster-chain.ts';

/** May the host not go, where so many are left? */
export type IsNeeded = (host: HostId, isLeft: (host: HostId) => boolean) => boolean;

export const isOver = ({ expiresAtMs }: RosterMember, nowMs: number): boolean =>
  expiresAtMs !== null && expiresAtMs <= nowMs;

export const overstaying = (
  members: ReadonlyMap<HostId, RosterMember>,
  nowMs: number,
  isNeeded: IsNeeded,
): ReadonlySet<HostId> => {
  const over = [...members.values()]
    .filter((member) => isOver(member, nowMs))
    .toSorted((a, b) => Number(a.expiresAtMs) - Number(b.expiresAtMs) || (a.hostId < b.hostId ? -1 : 1));
  const left = new Set(members.keys());
  for (const { hostId } of over)
    if (!isNeeded(hostId, (host) => host !== hostId && left.has(host))) left.delete(hostId);
  return new Set(over.flatMap(({ hostId }) => (left.has(hostId) ? hostId : [])));
};

/** Asked anew once a second, and where the roster or the clock is another. */
export const overstays = (
  clock: Clock,
  members: () => ReadonlyMap<HostId, RosterMember>,
): { readonly has: (host: HostId) => boolean; setNeeded(isNeeded: IsNeeded): void } => {
  let isNeeded: IsNeeded = () => false;
  let known = {
    members: new Map() as ReturnType<typeof members>,
    atMs: 0,
    wallMs: 0,
    hosts: new Set<HostId>() as ReadonlySet<HostId>,
  };
  return {
    has(host) {
      const [now, wallMs] = [clock.monotonicMs(), clock.wallMs()];
      const isFresh = now - known.atMs < expiryLookMs && Math.abs(wallMs - known.wallMs) < expiryLookMs;
      if (!isFresh || known.members !== members())
        known = { members: members(), atMs: now, wallMs, hosts: overstaying(members(), wallMs, isNeeded) };
      return known.hosts.has(host);
    },
    setNeeded(given) {
      isNeeded = given;
      known = { ...known, members: new Map() };
    },
  };
};
