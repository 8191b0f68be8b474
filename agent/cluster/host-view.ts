/** A member as the operator API shows it. */
import type { HostId } from '../../proto/ids.ts';
import type { Host } from '../../proto/rest/cluster/host.ts';
import type { Member } from '../membership/port.ts';
import type { LayoutDescription } from '../ring/layout-report.ts';

export const hostView = (member: Member, layout: LayoutDescription, self: HostId): Host => {
  const { hostId, name, state, incarnation, card, vitals } = member;
  return {
    hostId,
    name,
    zone: card?.zone ?? '',
    state,
    incarnation,
    version: card?.version ?? '',
    apiUrl: card?.apiUrl ?? '',
    s3Url: card?.s3Url ?? null,
    bulkAddress: card?.bulkAddress ?? '',
    capacityBytes: card?.capacityBytes ?? 0,
    partitions: layout.members.find((owner) => owner.hostId === hostId)?.partitions ?? 0,
    self: hostId === self,
    vitals: vitals ? { ...vitals, hypervisors: [...vitals.hypervisors] } : null,
  };
};
