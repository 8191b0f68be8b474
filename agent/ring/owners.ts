/**
 * The owners of each partition: the first hosts in its rendezvous order that the spread allows, greedily. The allowed
 * sets (so many in a zone, a rack, once a host) are a matroid, so greedy finds the best set, always a full one, and
 * a host more or less exchanges at most one owner of a partition: what a newcomer wins is all that moves.
 */
import { type Ranking, rankedHosts, scoreOf } from './ranking.ts';
import type { SpreadCaps } from './zone.ts';

export interface OwnerPlaces {
  /** Per host, as numbers from 0. */
  readonly zones: Uint16Array;
  readonly racks: Uint16Array;
}

const hostsByZone = (zones: Uint16Array): readonly (readonly number[])[] => {
  const groups: number[][] = [];
  zones.forEach((zone, host) => {
    const group = groups[zone];
    if (group) group.push(host);
    else groups[zone] = [host];
  });
  return groups;
};

/** `replicas` owners for each partition as indexes of hosts, in rendezvous order. */
export const chooseOwners = (
  ranking: Ranking,
  { zones, racks }: OwnerPlaces,
  replicas: number,
  spread: SpreadCaps,
): Uint16Array => {
  const { partitions } = ranking;
  const owners = new Uint16Array(partitions * replicas);
  const groups = hostsByZone(zones);

  /** May a copy stand there, next to the `held` ones that begin at `start`? */
  const fits = (start: number, held: number, host: number): boolean => {
    let inZone = 0;
    let inRack = 0;
    for (let slot = start; slot < start + held; slot++) {
      const owner = owners[slot] as number;
      if (owner === host) return false;
      if (zones[owner] === zones[host]) inZone++;
      if (racks[owner] === racks[host]) inRack++;
    }
    return inZone < spread.perZone && inRack < spread.perRack;
  };

  /** The list has ended: the best of the hosts in zones that have room. Few, where a small zone is wanted. */
  const bestBeyond = (partition: number, start: number, held: number): number => {
    let best = -1;
    let bestScore = Number.POSITIVE_INFINITY;
    for (const group of groups) {
      let inZone = 0;
      for (let slot = start; slot < start + held; slot++)
        if (zones[owners[slot] as number] === zones[group[0] as number]) inZone++;
      if (inZone >= spread.perZone) continue;
      for (const host of group) {
        const score = scoreOf(ranking, partition, host);
        if ((score < bestScore || (score === bestScore && host < best)) && fits(start, held, host)) {
          best = host;
          bestScore = score;
        }
      }
    }
    if (best < 0) throw new Error(`no host may take partition ${partition}: the spread caps are wrong`);
    return best;
  };

  for (let partition = 0; partition < partitions; partition++) {
    const start = partition * replicas;
    let held = 0;
    let at = partition * rankedHosts;
    const end = at + (ranking.lengths[partition] as number);
    for (; at < end && held < replicas; at++) {
      const host = ranking.indexes[at] as number;
      if (fits(start, held, host)) owners[start + held++] = host;
    }
    while (held < replicas) owners[start + held] = bestBeyond(partition, start, held++);
  }
  return owners;
};
