/**
 * Where hosts stand: a zone (power, building) and, after a slash, a rack in it. Copies of one partition spread
 * over zones first, then racks, then hosts. As caps: at most so many copies in one zone and in one rack, the
 * smallest numbers under which all copies find a place. Caps (and not "the emptiest zone first") make the set of
 * allowed owner sets a matroid, which is what lets the assignment settle on one answer in any order.
 */
export interface Place {
  readonly zone: string;
  /** Unique over zones. */
  readonly rack: string;
}

/** `z1/r2` is rack `z1/r2` in zone `z1`; without a slash the zone is its own rack. */
export const parsePlace = (text: string): Place => {
  const slash = text.indexOf('/');
  return { zone: slash < 0 ? text : text.slice(0, slash), rack: text };
};

export interface SpreadCaps {
  /** Copies at most in one zone, in one rack. */
  readonly perZone: number;
  readonly perRack: number;
}

const smallest = (max: number, holds: (cap: number) => boolean): number => {
  for (let cap = 1; cap < max; cap++) if (holds(cap)) return cap;
  return max;
};
const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};

/** `places`: one a host that stores. `replicas` is at most their number. */
export const spreadCaps = (places: readonly Place[], replicas: number): SpreadCaps => {
  const racks = new Map<string, { readonly zone: string; hosts: number }>();
  for (const { zone, rack } of places) {
    const found = racks.get(rack) ?? { zone, hosts: 0 };
    found.hosts++;
    racks.set(rack, found);
  }
  /** Copies that find a place under these caps. */
  const room = (perZone: number, perRack: number): number => {
    const zones = new Map<string, number>();
    for (const { zone, hosts } of racks.values())
      zones.set(zone, (zones.get(zone) ?? 0) + Math.min(hosts, perRack));
    return sum([...zones.values()].map((copies) => Math.min(copies, perZone)));
  };
  const perZone = smallest(replicas, (cap) => room(cap, replicas) >= replicas);
  const perRack = smallest(replicas, (cap) => room(perZone, cap) >= replicas);
  return { perZone, perRack };
};
