/** Layouts for tests, with what does not matter there filled in. */
import { type Assignment, loadsOf } from '../../agent/ring/assign.ts';
import { foundLayout, nextLayout } from '../../agent/ring/layout.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout, LayoutMember } from '../../proto/message/layout.ts';
import { hostId } from '../membership/fake-network.ts';

const proposal = { atMs: 1_700_000_000_000, by: hostId(1) };

export const memberOf = (host: HostId, capacityBytes = 1e12): LayoutMember => ({
  hostId: host,
  zone: 'z',
  capacityBytes,
  weight: capacityBytes,
});

export const firstLayout = (member: LayoutMember, partitionBits: number): Layout =>
  foundLayout(member, partitionBits, proposal);

export const layoutAfter = (
  previous: Layout,
  members: readonly LayoutMember[],
  reason: string,
  forced: readonly HostId[] = [],
): Layout => nextLayout(previous, { members, reason, forced, ...proposal });

/** Partitions that a host owns. */
export const loadOf = (assignment: Assignment, host: string | undefined): number =>
  loadsOf(assignment)[assignment.hosts.indexOf(host as HostId)] ?? 0;
