/** Owners by partition, for the hot path: assigned once a version, each partition's sets built once and kept. */
import type { HostId } from '../../proto/ids.ts';
import { type Assignment, assign } from './assign.ts';
import { digestOf } from './layout.ts';
import { completeVersion, forcedOut, type History } from './layout-history.ts';
import type { OwnerSet, Partition, WideOwners } from './port.ts';

export const quorumOf = (owners: number): number => Math.floor(owners / 2) + 1;

interface Sets {
  readonly sets: readonly OwnerSet[];
  readonly owners: readonly HostId[];
}

export const ownerIndex = (self: HostId) => {
  const assignments = new Map<string, Assignment>();
  let history: History | undefined;
  let cache: (Sets | undefined)[] = [];

  /** Assignments of live versions stay; a new one builds on the one before it. `width`: owners, in place of the layout's. */
  const assignmentOf = (at: number, width?: number): Assignment | undefined => {
    const layout = history?.live[at];
    if (!layout) return undefined;
    const digest = digestOf(layout);
    const key = width === undefined ? digest : `${digest} ${width}`;
    const held = assignments.get(key);
    if (held) return held;
    const previous = assignments.get(digest) ?? [...assignments.values()].at(-1);
    const members = layout.members.map((member) => ({ ...member, hostId: member.hostId as HostId }));
    const fresh = assign(members, width ?? layout.replicas, layout.partitionBits, previous);
    assignments.set(key, fresh);
    return fresh;
  };

  const ownersIn = (assignment: Assignment, partition: Partition): HostId[] => {
    const start = partition * assignment.replicas;
    return Array.from(
      assignment.owners.subarray(start, start + assignment.replicas),
      (index) => assignment.hosts[index] as HostId,
    );
  };

  const build = (partition: Partition): Sets => {
    const sets: OwnerSet[] = [];
    const complete = history && completeVersion(history, self);
    history?.live.forEach(({ version }, at) => {
      const assignment = assignmentOf(at);
      const gone = history ? forcedOut(history, version) : [];
      const owners = assignment ? ownersIn(assignment, partition).filter((host) => !gone.includes(host)) : [];
      if (owners.length === 0) return;
      const set = { layoutVersion: version, owners, quorum: quorumOf(owners.length) };
      sets.push(version === complete ? { ...set, complete: true } : set);
    });
    return { sets, owners: [...new Set(sets.flatMap((set) => set.owners))] };
  };

  const at = (partition: Partition): Sets => {
    const held = cache[partition];
    if (held) return held;
    const sets = build(partition);
    cache[partition] = sets;
    return sets;
  };

  return {
    update(next: History): void {
      history = next;
      cache = [];
      const digests = new Set<string>(next.live.map(digestOf));
      next.live.forEach((_, index) => void assignmentOf(index));
      for (const key of assignments.keys())
        if (!digests.has(key.split(' ')[0] ?? '')) assignments.delete(key);
    },
    sets: (partition: Partition): readonly OwnerSet[] => at(partition).sets,
    owners: (partition: Partition): readonly HostId[] => at(partition).owners,
    /** Not kept by partition: they are asked for per chunk, and walked for all partitions. */
    wide: (partition: Partition, width: number): WideOwners[] =>
      (history?.live ?? []).flatMap(({ version }, at) => {
        const assignment = assignmentOf(at, width);
        const owners = assignment ? ownersIn(assignment, partition) : [];
        const forced = history ? forcedOut(history, version) : [];
        const gone = owners.filter((host) => forced.includes(host));
        return owners.length > 0 ? [{ layoutVersion: version, owners, gone }] : [];
      }),
    /** Of one live version, whatever was forced out since. */
    assignment(version: number): Assignment | undefined {
      const index = history?.live.findIndex((layout) => layout.version === version) ?? -1;
      return index < 0 ? undefined : assignmentOf(index);
    },
  };
};

export type OwnerIndex = ReturnType<typeof ownerIndex>;
