/**
 * Which hosts own which partitions: a pure function of the members and their weights, so a layout travels as those.
 *
 *   members --> weighted rendezvous order --> greedy choice under the spread --> owners
 *
 * Promises: owners in different zones, racks, hosts where there are enough; whoever comes moves only what it wins,
 * whoever goes only what it held; the order of the members means nothing. That no host has too much is the business
 * of the weights: `balance.ts`. Sums and alternatives: docs/design/0004-layout.md.
 */
import type { HostId } from '../../proto/ids.ts';
import { chooseOwners } from './owners.ts';
import { type Ranking, rank } from './ranking.ts';
import { parsePlace, spreadCaps } from './zone.ts';

export interface AssignMember {
  readonly hostId: HostId;
  /** 0: owns nothing. Only proportions mean anything. */
  readonly weight: number;
  readonly zone: string;
}

export interface Assignment {
  /** Those that store, in order of their ids. */
  readonly hosts: readonly HostId[];
  readonly partitions: number;
  /** Copies of each partition: what was asked for, or as many as hosts store. */
  readonly replicas: number;
  /** `replicas` indexes into `hosts` a partition, in rendezvous order. */
  readonly owners: Uint16Array;
  /** For the next assignment's speed; says nothing else. */
  readonly ranking: Ranking;
}

const numbered = (names: readonly string[]): Uint16Array => {
  const numbers = new Map<string, number>();
  return Uint16Array.from(names, (name) => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  });
};

/** With `previous` (any earlier assignment) it is faster, the owners are the same. */
export const assign = (
  members: readonly AssignMember[],
  replicas: number,
  partitionBits: number,
  previous?: Assignment,
): Assignment => {
  const stores = members.filter((member) => member.weight > 0).sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
  const partitions = 2 ** partitionBits;
  const copies = Math.min(replicas, stores.length);
  const places = stores.map((member) => parsePlace(member.zone));
  const ranking = rank(
    stores.map((member) => ({ id: member.hostId, weight: member.weight })),
    partitions,
    previous?.ranking,
  );
  const owners = chooseOwners(
    ranking,
    {
      zones: numbered(places.map((place) => place.zone)),
      racks: numbered(places.map((place) => place.rack)),
    },
    copies,
    spreadCaps(places, copies),
  );
  return { hosts: stores.map((member) => member.hostId), partitions, replicas: copies, owners, ranking };
};

/** Partitions of each host, in the order of `assignment.hosts`. */
export const loadsOf = (assignment: Assignment): Uint32Array => {
  const loads = new Uint32Array(assignment.hosts.length);
  for (const owner of assignment.owners) loads[owner] = (loads[owner] as number) + 1;
  return loads;
};
