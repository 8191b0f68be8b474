/** The layout for operators: members with their loads, and how far everyone is. */
import type { HostId } from '../../proto/ids.ts';
import type { Layout as LayoutRest } from '../../proto/rest/cluster.ts';
import { loadsOf } from './assign.ts';
import { hostIdsOf } from './layout.ts';
import { type History, newestOf } from './layout-history.ts';
import type { OwnerIndex } from './owner-index.ts';

type MemberReport = Omit<LayoutRest['members'][number], 'name' | 'hostId'> & { readonly hostId: HostId };

/** `GET /cluster/v1/layout` without the members' names. */
export type LayoutDescription = Omit<LayoutRest, 'members' | 'progress'> & {
  readonly members: readonly MemberReport[];
  readonly progress: readonly (Omit<LayoutRest['progress'][number], 'hostId'> & {
    readonly hostId: HostId;
  })[];
};

export const reportLayout = (history: History, index: OwnerIndex): LayoutDescription => {
  const { live, progress } = history;
  const newest = newestOf(history);
  const assignment = newest && index.assignment(newest.version);
  const loads = assignment ? loadsOf(assignment) : new Map<HostId, number>();
  const hosts = [...new Set(live.flatMap(hostIdsOf))].sort();
  return {
    newest: newest?.version ?? 0,
    oldest: live[0]?.version ?? 0,
    partitionBits: newest?.partitionBits ?? 0,
    replicas: newest?.replicas ?? 0,
    members: (newest?.members ?? []).map((member) => {
      const hostId = member.hostId as HostId;
      return { ...member, hostId, partitions: loads.get(hostId) ?? 0 };
    }),
    progress: hosts.map((hostId) => ({
      hostId,
      ack: progress.ack[hostId] ?? 0,
      sync: progress.sync[hostId] ?? 0,
      syncAck: progress.syncAck[hostId] ?? 0,
    })),
    settled: live.length === 1,
  };
};
