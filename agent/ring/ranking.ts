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
 * Of many hosts about s times their weight have a score below s, so nobody needs a look beyond this many: a list
 * without its last places, here and there, is as exact as a full one.
 */
const expectedHosts = 24;

/** Where many weights change, lists lose their ends by as much as the largest one grows; who grows by more competes anew ... */
const gainMax = 1.25;
/** ... and where less than this is left of them on average, all do: looking beyond the lists would cost more. */
const placesMin = rankedHosts / 2;

/**
 * Puts a host among the places from `start` up to `end`, which it may take. Among 65 million pairs some scores are
 * equal: then the order of ids decides, whoever was ranked first.
 */
const insert = (
  { indexes, scores }: Ranking,
  start: number,
  end: number,
  score: number,
  index: number,
): void => {
  let place = end;
  while (place > start) {
    const ahead = scores[place - 1] as number;
    if (ahead < score || (ahead === score && (indexes[place - 1] as number) < index)) break;
    scores[place] = ahead;
    indexes[place] = indexes[place - 1] as number;
    place--;
  }
  scores[place] = score;
  indexes[place] = index;
};

/**
 * Lets the hosts at `candidates` (indexes, ascending) compete for every partition's places with scores below `beyond`.
 * A host is out without a logarithm when 1 - u >= bound * weight, for -ln(u) is at least 1 - u.
 */
const compete = (
  ranking: Ranking,
  candidates: readonly number[],
  isComplete: boolean,
  beyond = Infinity,
): void => {
  const { lengths, indexes, scores } = ranking;
  const first = Int32Array.from(candidates, (index) => ranking.firsts[index] as number);
  const second = Int32Array.from(candidates, (index) => ranking.seconds[index] as number);
  const weight = Float64Array.from(candidates, (index) => ranking.hosts[index]?.weight ?? 0);
  const scaled = weight.map((value) => value * 2 ** 32);
  const places = Uint16Array.from(candidates);
  /** Smaller hashes are beyond in every partition: nearly all of them, told by one comparison of integers. */
  const least = Uint32Array.from(scaled, (value) => Math.max(0, Math.floor(2 ** 32 - 0.5 - beyond * value)));
  for (let partition = 0; partition < ranking.partitions; partition++) {
    const seed = seedOfPartition(partition);
    const start = partition * rankedHosts;
    let end = start + (lengths[partition] as number);
    const full = start + rankedHosts;
    // An incomplete list must not grow at its end: better hosts may be missing there.
    const last = isComplete ? full : end;
    let bound = end < full && isComplete ? beyond : end > start ? (scores[end - 1] as number) : 0;
    for (let at = 0; at < places.length; at++) {
      const hash = hashPair(seed, first[at] as number, second[at] as number);
      if (hash < (least[at] as number) || 2 ** 32 - 0.5 - hash >= bound * (scaled[at] as number)) continue;
      const score = exponential(hash) / (weight[at] as number);
      const index = places[at] as number;
      const isOut =
        score >= beyond || score > bound || (score === bound && index > (indexes[end - 1] as number));
      if (isOut) continue;
      insert(ranking, start, end < full ? end++ : end - 1, score, index);
      if (end >= last) bound = scores[end - 1] as number;
    }
    lengths[partition] = end - start;
  }
};

/** What an earlier ranking says about these hosts. */
interface Inheritance {
  /** By index of the earlier ranking: the index now, -1 for hosts that are gone or compete anew. */
  readonly moved: Int32Array;
  readonly fresh: readonly number[];
  /** The largest growth of a weight among those that keep their places. */
  readonly gain: number;
}

/** Hosts that are new compete anew, and those whose weight grew by more than `gainMax`. */
const inherit = (hosts: readonly RankedHost[], previous: Ranking, gainMax: number): Inheritance => {
  const before = new Map(previous.hosts.map((host, index) => [host.id, { index, weight: host.weight }]));
  const moved = new Int32Array(previous.hosts.length).fill(-1);
  let gain = 0;
  const fresh = [...hosts.keys()].filter((index) => {
    const { id, weight } = hosts[index] as RankedHost;
    const old = before.get(id);
    if (!old || (weight !== old.weight && weight > old.weight * gainMax)) return true;
    gain = Math.max(gain, weight / old.weight);
    moved[old.index] = index;
    return false;
  });
  return { moved, fresh, gain };
};

/** The lists without the hosts that are gone or compete anew; nobody else's weight has changed. */
const copyPlaces = (ranking: Ranking, previous: Ranking, { moved }: Inheritance): void => {
  const { lengths, indexes, scores } = ranking;
  for (let partition = 0; partition < ranking.partitions; partition++) {
    const start = partition * rankedHosts;
    const end = start + (previous.lengths[partition] as number);
    let to = start;
    for (let from = start; from < end; from++) {
      const index = moved[previous.indexes[from] as number] as number;
      if (index < 0) continue;
      indexes[to] = index;
      scores[to] = previous.scores[from] as number;
      to++;
    }
    lengths[partition] = to - start;
  }
};

/**
 * The lists under other weights: whoever was on none was behind its last place, and now is behind that place divided
 * by the largest gain, up to where the list stays exact. Says how many places are left.
 */
const weighAnew = (ranking: Ranking, previous: Ranking, { moved, gain }: Inheritance): number => {
  const { lengths } = ranking;
  let places = 0;
  for (let partition = 0; partition < ranking.partitions; partition++) {
    const start = partition * rankedHosts;
    const end = start + (previous.lengths[partition] as number);
    // Less what the division may have been rounded up by.
    const bound = end > start ? ((previous.scores[end - 1] as number) / gain) * (1 - 1e-12) : 0;
    let to = start;
    for (let from = start; from < end; from++) {
      const index = moved[previous.indexes[from] as number] as number;
      if (index < 0) continue;
      // From the hash, not from the score of before: every host must come to the same bits.
      const score = scoreOf(ranking, partition, index);
      if (score < bound) insert(ranking, start, to++, score, index);
    }
    lengths[partition] = to - start;
    places += to - start;
  }
  return places;
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
  const isMany = (candidates: readonly number[]): boolean => candidates.length * 4 > hosts.length;
  const rankAnew = (): Ranking => {
    ranking.lengths.fill(0);
    const weight = hosts.reduce((total, host) => total + host.weight, 0);
    compete(ranking, everyone, true, hosts.length > rankedHosts ? expectedHosts / weight : Infinity);
    return ranking;
  };
  // Where every host was ranked and stays or goes, the list is complete still.
  const wasComplete = previous !== undefined && previous.hosts.length <= rankedHosts;
  if (previous?.partitions !== partitions || (wasComplete && hosts.length > rankedHosts)) return rankAnew();

  const changed = inherit(hosts, previous, 0);
  if (!isMany(changed.fresh)) {
    copyPlaces(ranking, previous, changed);
    compete(ranking, changed.fresh, wasComplete);
    return ranking;
  }
  const grown = inherit(hosts, previous, gainMax);
  if (wasComplete || isMany(grown.fresh)) return rankAnew();
  if (weighAnew(ranking, previous, grown) < placesMin * partitions) return rankAnew();
  compete(ranking, grown.fresh, false);
  return ranking;
};

/** The smaller the better. */
export const scoreOf = ({ hosts, firsts, seconds }: Ranking, partition: number, host: number): number => {
  const hash = hashPair(seedOfPartition(partition), firsts[host] as number, seconds[host] as number);
  return exponential(hash) / (hosts[host] as RankedHost).weight;
};
