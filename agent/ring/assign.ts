/**
 * Which hosts own which partitions: a pure function of the members, so a layout travels as its members alone.
 *
 *   members --> weighted rendezvous order --> fair shares --> caps --> stable matching --> owners
 *
 * Promises: owners in different zones, racks, hosts where there are enough; no host above 1.1 times its fair share
 * (or above the next whole partition, where shares are small); a host more or less moves little beyond its own
 * share; the order of the members means nothing. Sums and alternatives: docs/design/0004-layout.md.
 */
import type { HostId } from '../../proto/ids.ts';
import { fairShares } from './fair-share.ts';
import { match } from './matching.ts';
import { type Ranking, rank } from './ranking.ts';
import { parsePlace, spreadCaps } from './zone.ts';

export interface AssignMember {
  readonly hostId: HostId;
  /** 0: owns nothing. */
  readonly capacityBytes: number;
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

/** Below the promised 1.1: the last tenth of a percent of partitions may find all their hosts full. */
const overloadMax = 1.08;

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
  const stores = members
    .filter((member) => member.capacityBytes > 0)
    .sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
  const partitions = 2 ** partitionBits;
  const copies = Math.min(replicas, stores.length);
  const places = stores.map((member) => parsePlace(member.zone));
  const spread = spreadCaps(places, copies);
  const shares = fairShares(
    stores.map((member, index) => ({
      place: places[index] ?? parsePlace(member.zone),
      weight: member.capacityBytes,
    })),
    copies,
    partitions,
    spread,
  );
  const ranking = rank(
    stores.map((member) => ({ id: member.hostId, weight: member.capacityBytes })),
    partitions,
    previous?.ranking,
  );
  const owners = match(
    ranking,
    {
      zones: numbered(places.map((place) => place.zone)),
      racks: numbered(places.map((place) => place.rack)),
      // The small number absorbs the rounding of shares that should be whole.
      caps: Uint32Array.from(shares, (share) =>
        Math.min(partitions, Math.max(Math.ceil(share - 1e-6), Math.floor(share * overloadMax))),
      ),
      shares: Float64Array.from(shares),
    },
    copies,
    spread,
  );
  return { hosts: stores.map((member) => member.hostId), partitions, replicas: copies, owners, ranking };
};

/** Partitions that each host owns. */
export const loadsOf = (assignment: Assignment): ReadonlyMap<HostId, number> => {
  const loads = new Uint32Array(assignment.hosts.length);
  for (const owner of assignment.owners) loads[owner] = (loads[owner] as number) + 1;
  return new Map(assignment.hosts.map((host, index) => [host, loads[index] as number]));
};
