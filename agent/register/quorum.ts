/** Joint quorums: while layouts change there are several sets of owners, and a majority of *each* must agree. */
import type { HostId } from '../../proto/ids.ts';

/** The ring's `OwnerSet` is one. Any two quorums of a set must share a host. */
export interface QuorumSet {
  readonly owners: readonly HostId[];
  readonly quorum: number;
}

type Hosts = { has(host: HostId): boolean };

/** Do these hosts hold a quorum in every set? Never where there is no set: nobody owns the register then. */
export const hasQuorum = (sets: readonly QuorumSet[], hosts: Hosts): boolean => {
  for (const { owners, quorum } of sets) {
    let count = 0;
    for (const owner of owners) if (hosts.has(owner)) count++;
    if (count < quorum) return false;
  }
  return sets.length > 0;
};

/** All owners, each once, in order of the sets. */
export const ownersOf = (sets: readonly QuorumSet[]): readonly HostId[] =>
  sets.length === 1 ? (sets[0]?.owners ?? []) : [...new Set(sets.flatMap((set) => set.owners))];
