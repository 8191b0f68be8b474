/**
 * For each partition its best hosts in rendezvous order: an exact beginning of the full order, at most
 * `rankedHosts` long. It depends on nothing but the hosts and their weights, so what an earlier layout computed
 * serves the next: only pairs with hosts that are new are looked at again. Whoever needs to see further down asks
 * for the whole order of one partition.
 */
import type { HostId } from '../../proto/ids.ts';
import { exponential, hashPair, seedOf, seedOfPartition } from './rendezvous.ts';

export interface RankedHost {
  readonly id: HostId;
  readonly weight: number;
}

export interface Ranking {
  readonly hosts: readonly RankedHost[];
  /** The hosts' seeds (`rendezvous.ts`), flat for the inner loops. */
  readonly firsts: Int32Array;
  readonly seconds: Int32Array;
  readonly partitions: number;
  /** How many hosts are ranked for each partition. */
  readonly lengths: Uint8Array;
  /** `rankedHosts` places a partition: indexes into `hosts`, best first, and the scores. */
  readonly indexes: Uint16Array;
  readonly scores: Float64Array;
}

/** With three zones, 20 lack one of them for 0.1 % of the partitions: rare enough to order those in full. */
export const rankedHosts = 20;

/**
 * Lets the hosts at `candidates` (indexes, ascending) compete for every partition's places.
 * A host is out without a logarithm when 1 - u >= bound * weight, for -ln(u) is at least 1 - u.
 */
const compete = (ranking: Ranking, candidates: readonly number[], isComplete: boolean): void => {
  const { lengths, indexes, scores } = ranking;
  const first = Int32Array.from(candidates, (index) => ranking.firsts[index] as number);
  const second = Int32Array.from(candidates, (index) => ranking.seconds[index] as number);
  const weight = Float64Array.from(candidates, (index) => ranking.hosts[index]?.weight ?? 0);
  const scaled = weight.map((value) => value * 2 ** 32);
  const places = Uint16Array.from(candidates);
  // Among 65 million pairs some scores are equal: the order of ids decides, whoever was ranked first.
  const isBehind = (place: number, score: number, index: number): boolean =>
    (scores[place] as number) > score || (scores[place] === score && (indexes[place] as number) > index);
  for (let partition = 0; partition < ranking.partitions; partition++) {
    const seed = seedOfPartition(partition);
    const start = partition * rankedHosts;
    let end = start + (lengths[partition] as number);
    const full = start + rankedHosts;
    // An incomplete list must not grow at its end: better hosts may be missing there.
    const last = isComplete ? full : end;
    let bound = end < full && isComplete ? Infinity : end > start ? (scores[end - 1] as number) : 0;
    for (let at = 0; at < places.length; at++) {
      const hash = hashPair(seed, first[at] as number, second[at] as number);
      if (2 ** 32 - 0.5 - hash >= bound * (scaled[at] as number)) continue;
      const score = exponential(hash) / (weight[at] as number);
      const index = places[at] as number;
      const isOut = score > bound || (score === bound && index > (indexes[end - 1] as number));
      if (isOut) continue;
      let place = end < full ? end++ : end - 1;
      while (place > start && isBehind(place - 1, score, index)) {
        scores[place] = scores[place - 1] as number;
        indexes[place] = indexes[place - 1] as number;
        place--;
      }
      scores[place] = score;
      indexes[place] = index;
      if (end >= last) bound = scores[end - 1] as number;
    }
    lengths[partition] = end - start;
  }
};

/** Hosts in order of their ids. The result is the same with and without `previous`, as far as it reaches. */
export const rank = (hosts: readonly RankedHost[], partitions: number, previous?: Ranking): Ranking => {
  const seeds = hosts.map(({ id }) => seedOf(id));
  const ranking: Ranking = {
    hosts,
    firsts: Int32Array.from(seeds, ({ first }) => first),
    seconds: Int32Array.from(seeds, ({ second }) => second),
    partitions,
    lengths: new Uint8Array(partitions),
    indexes: new Uint16Array(partitions * rankedHosts),
    scores: new Float64Array(partitions * rankedHosts),
  };
  const everyone = [...hosts.keys()];
  if (previous?.partitions !== partitions) {
    compete(ranking, everyone, true);
    return ranking;
  }
  const before = new Map(previous.hosts.map((host, index) => [host.id, { index, weight: host.weight }]));
  const moved = new Int32Array(previous.hosts.length).fill(-1);
  const fresh = everyone.filter((index) => {
    const host = hosts[index] as RankedHost;
    const old = before.get(host.id);
    if (old?.weight !== host.weight) return true;
    moved[old.index] = index;
    return false;
  });
  // Where every host was ranked and stays or goes, the list is complete still.
  const wasComplete = previous.hosts.length <= rankedHosts;
  if ((wasComplete && hosts.length > rankedHosts) || fresh.length * 4 > hosts.length) {
    compete(ranking, everyone, true);
    return ranking;
  }
  for (let partition = 0; partition < partitions; partition++) {
    const start = partition * rankedHosts;
    const end = start + (previous.lengths[partition] as number);
    let to = start;
    for (let from = start; from < end; from++) {
      const index = moved[previous.indexes[from] as number] as number;
      if (index < 0) continue;
      ranking.indexes[to] = index;
      ranking.scores[to] = previous.scores[from] as number;
      to++;
    }
    ranking.lengths[partition] = to - start;
  }
  compete(ranking, fresh, wasComplete);
  return ranking;
};

/** The smaller the better. */
export const scoreOf = ({ hosts, firsts, seconds }: Ranking, partition: number, host: number): number => {
  const hash = hashPair(seedOfPartition(partition), firsts[host] as number, seconds[host] as number);
  return exponential(hash) / (hosts[host] as RankedHost).weight;
};
