/**
 * How many partitions each host should hold: in proportion to its capacity, as far as the spread allows (no host
 * holds two copies of a partition, no rack or zone more than its cap). What a small host, rack or zone cannot
 * take flows to the others: filling with water, level by level.
 */
import type { Place, SpreadCaps } from './zone.ts';

export interface ShareHost {
  readonly place: Place;
  readonly weight: number;
}

interface Vessel {
  readonly weight: number;
  readonly max: number;
}

/** Splits `total` by weight; none gets more than its max. Sorted by fullness, so one pass settles it. */
export const fill = (total: number, vessels: readonly Vessel[]): number[] => {
  const order = vessels
    .map((vessel, index) => ({ ...vessel, index }))
    .sort((a, b) => a.max / a.weight - b.max / b.weight || a.index - b.index);
  const shares = vessels.map(() => 0);
  let left = total;
  let weight = order.reduce((sum, vessel) => sum + vessel.weight, 0);
  for (const vessel of order) {
    const share = Math.min(vessel.max, weight > 0 ? (left * vessel.weight) / weight : 0);
    shares[vessel.index] = share;
    left -= share;
    weight -= vessel.weight;
  }
  return shares;
};

const groupBy = <T>(items: readonly T[], key: (item: T) => string): T[][] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return [...groups.values()];
};

/** Partitions for each host, fractions included; they sum to `replicas * partitions`. */
export const fairShares = (
  hosts: readonly ShareHost[],
  replicas: number,
  partitions: number,
  caps: SpreadCaps,
): number[] => {
  const shares = hosts.map(() => 0);
  const weightOf = (members: readonly number[]): number =>
    members.reduce((sum, index) => sum + (hosts[index]?.weight ?? 0), 0);
  const rackMax = (members: readonly number[]): number => Math.min(members.length, caps.perRack) * partitions;
  const racksOf = (members: readonly number[]) => groupBy(members, (index) => hosts[index]?.place.rack ?? '');

  const zones = groupBy([...hosts.keys()], (index) => hosts[index]?.place.zone ?? '');
  const zoneShares = fill(
    replicas * partitions,
    zones.map((zone) => ({
      weight: weightOf(zone),
      max: Math.min(
        caps.perZone * partitions,
        racksOf(zone).reduce((sum, rack) => sum + rackMax(rack), 0),
      ),
    })),
  );
  zones.forEach((zone, at) => {
    const racks = racksOf(zone);
    const rackShares = fill(
      zoneShares[at] ?? 0,
      racks.map((rack) => ({ weight: weightOf(rack), max: rackMax(rack) })),
    );
    racks.forEach((rack, rackAt) => {
      const hostShares = fill(
        rackShares[rackAt] ?? 0,
        rack.map((index) => ({ weight: hosts[index]?.weight ?? 0, max: partitions })),
      );
      rack.forEach((index, hostAt) => {
        shares[index] = hostShares[hostAt] ?? 0;
      });
    });
  });
  return shares;
};
