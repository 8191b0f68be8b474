/**
 * Which hosts to ask for room, best first. Pure: filters drop hosts that cannot, weighers order those that can. What
 * gossip tells may be seconds old, so this is advice; the claim at the host decides.
 */
import type { Member } from '../../membership/port.ts';
import type { Room } from '../claims.ts';

export interface Placement extends Room {
  /** Only hosts of this zone. Null: any. */
  readonly zone: string | null;
}

/** Room that was promised since a host's last vitals: servers of one request must not all see the same emptiness. */
export type Promised = ReadonlyMap<string, Room>;

export interface Candidate {
  readonly hostId: string;
  readonly free: Room;
}

interface Filter {
  /** Why a host that fails it is left out. */
  readonly why: string;
  passes(member: Member, placement: Placement, free: Room): boolean;
}

/** A fault is read by a person: hosts of one cloud mostly refuse for the same reason. */
const refusalsShownMax = 3;

const nothing: Room = { vcpus: 0, memoryMiB: 0, diskGiB: 0 };

const freeOf = ({ hostId, vitals }: Member, promised: Promised): Room => {
  if (!vitals) return nothing;
  const more = promised.get(hostId) ?? nothing;
  return {
    vcpus: vitals.vcpusTotal - vitals.vcpusClaimed - more.vcpus,
    memoryMiB: vitals.memoryTotalMiB - vitals.memoryClaimedMiB - more.memoryMiB,
    diskGiB: vitals.diskTotalGiB - vitals.diskClaimedGiB - more.diskGiB,
  };
};

const filters: readonly Filter[] = [
  { why: 'are not alive', passes: ({ state }) => state === 'alive' },
  { why: 'lie in another zone', passes: ({ card }, { zone }) => zone === null || card?.zone === zone },
  { why: 'have no hypervisor', passes: ({ vitals }) => (vitals?.hypervisors.length ?? 0) > 0 },
  { why: 'lack vCPUs', passes: (_, { vcpus }, free) => free.vcpus >= vcpus },
  { why: 'lack memory', passes: (_, { memoryMiB }, free) => free.memoryMiB >= memoryMiB },
  { why: 'lack disk', passes: (_, { diskGiB }, free) => free.diskGiB >= diskGiB },
];

export interface Ranking {
  readonly candidates: readonly Candidate[];
  /** `2 of 3 hosts lack memory; 1 of 3 hosts have no hypervisor; qemu-img not found`: for the fault when none is left. */
  readonly reasons: string;
}

/**
 * Spread: most free memory first. `random`, uniform in [0, 1), orders equals, so that agents that place at the same
 * moment do not all ask the same host.
 */
export const rankHosts = (
  members: readonly Member[],
  placement: Placement,
  promised: Promised,
  random: () => number,
): Ranking => {
  const lost = new Map<string, number>();
  const passing: { candidate: Candidate; tie: number }[] = [];
  for (const member of members) {
    const free = freeOf(member, promised);
    const failed = filters.find((filter) => !filter.passes(member, placement, free));
    if (failed) lost.set(failed.why, (lost.get(failed.why) ?? 0) + 1);
    else passing.push({ candidate: { hostId: member.hostId, free }, tie: random() });
  }
  passing.sort((a, b) => b.candidate.free.memoryMiB - a.candidate.free.memoryMiB || a.tie - b.tie);
  const refusals = new Set(members.flatMap(({ vitals }) => vitals?.computeRefusal ?? []));
  const reasons = [...lost].map(([why, count]) => `${count} of ${members.length} hosts ${why}`);
  if (refusals.size > 0) reasons.push(...[...refusals].slice(0, refusalsShownMax));
  return { candidates: passing.map(({ candidate }) => candidate), reasons: reasons.join('; ') };
};
