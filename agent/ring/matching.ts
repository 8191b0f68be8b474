/**
 * Who gets which partitions when nobody may hold more than its cap: deferred acceptance (Gale and Shapley 1962).
 * A partition proposes to hosts in its rendezvous order; a full host keeps the best scores and refuses the worst,
 * which then goes on proposing. Both sides judge by the same score, so there is exactly one stable outcome,
 * whatever the order of proposals: every host computes the same owners, and a host more or less disturbs
 * only those pairs that it outbids or leaves behind.
 *
 * Rejected: giving the overflow of full hosts away partition by partition (consistent hashing with bounded
 * loads): depends on the order, and one host more shifts a cascade of partitions behind it.
 */
import { type Ranking, rankAll, rankedHosts } from './ranking.ts';
import type { SpreadCaps } from './zone.ts';

export interface MatchHosts {
  /** Per host, as numbers. */
  readonly zones: Uint16Array;
  readonly racks: Uint16Array;
  /** Partitions at most. */
  readonly caps: Uint32Array;
  /** Partitions in proportion: who is emptiest when all are full. */
  readonly shares: Float64Array;
}

/** `replicas` owners for each partition as indexes of hosts, best score first. */
export const match = (
  ranking: Ranking,
  hosts: MatchHosts,
  replicas: number,
  spread: SpreadCaps,
): Uint16Array => {
  const { partitions } = ranking;
  const nobody = 0xffff;
  const owners = new Uint16Array(partitions * replicas).fill(nobody);
  const ownerScores = new Float64Array(partitions * replicas);
  const held = new Uint8Array(partitions);
  const wholeOrders = new Map<number, ReturnType<typeof rankAll>>();

  // Each host's partitions: a heap with the worst score on top, in one flat stretch a host.
  const offsets = new Uint32Array(hosts.caps.length + 1);
  hosts.caps.forEach((cap, host) => {
    offsets[host + 1] = (offsets[host] as number) + cap;
  });
  const loads = new Uint32Array(hosts.caps.length);
  const heap = new Uint32Array(offsets[hosts.caps.length] as number);
  const heapScores = new Float64Array(heap.length);

  const isWorse = (a: number, b: number): boolean => {
    const [scoreA, scoreB] = [heapScores[a] as number, heapScores[b] as number];
    return scoreA > scoreB || (scoreA === scoreB && (heap[a] as number) > (heap[b] as number));
  };
  const swap = (a: number, b: number): void => {
    const [partition, score] = [heap[a] as number, heapScores[a] as number];
    heap[a] = heap[b] as number;
    heapScores[a] = heapScores[b] as number;
    heap[b] = partition;
    heapScores[b] = score;
  };
  const push = (host: number, partition: number, score: number): void => {
    const base = offsets[host] as number;
    let at = loads[host] as number;
    heap[base + at] = partition;
    heapScores[base + at] = score;
    loads[host] = at + 1;
    for (let parent = (at - 1) >> 1; at > 0 && isWorse(base + at, base + parent); parent = (at - 1) >> 1) {
      swap(base + at, base + parent);
      at = parent;
    }
  };
  const replaceWorst = (host: number, partition: number, score: number): void => {
    const base = offsets[host] as number;
    const size = loads[host] as number;
    heap[base] = partition;
    heapScores[base] = score;
    for (let at = 0; ; ) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < size && isWorse(base + child, base + worst)) worst = child;
      if (worst === at) return;
      swap(base + at, base + worst);
      at = worst;
    }
  };

  /** May this partition have a copy there, next to those it has? */
  const fits = (partition: number, host: number): boolean => {
    const start = partition * replicas;
    let inZone = 0;
    let inRack = 0;
    for (let slot = start; slot < start + (held[partition] as number); slot++) {
      const owner = owners[slot] as number;
      if (owner === host) return false;
      if (hosts.zones[owner] === hosts.zones[host]) inZone++;
      if (hosts.racks[owner] === hosts.racks[host]) inRack++;
    }
    return inZone < spread.perZone && inRack < spread.perRack;
  };
  const hold = (partition: number, host: number, score: number): void => {
    const start = partition * replicas;
    let slot = start + (held[partition] as number);
    for (; slot > start && (ownerScores[slot - 1] as number) > score; slot--) {
      owners[slot] = owners[slot - 1] as number;
      ownerScores[slot] = ownerScores[slot - 1] as number;
    }
    owners[slot] = host;
    ownerScores[slot] = score;
    held[partition] = (held[partition] as number) + 1;
  };
  const release = (partition: number, host: number): void => {
    const start = partition * replicas;
    const end = start + (held[partition] as number);
    let slot = start;
    while (owners[slot] !== host) slot++;
    for (; slot < end - 1; slot++) {
      owners[slot] = owners[slot + 1] as number;
      ownerScores[slot] = ownerScores[slot + 1] as number;
    }
    owners[end - 1] = nobody;
    held[partition] = (held[partition] as number) - 1;
  };

  const waiting: number[] = [];
  /** True when it found its place with this host. */
  const propose = (partition: number, host: number, score: number): void => {
    if (!fits(partition, host)) return;
    if ((loads[host] as number) < (hosts.caps[host] as number)) push(host, partition, score);
    else {
      const base = offsets[host] as number;
      const worst = heap[base] as number;
      const worstScore = heapScores[base] as number;
      if (score > worstScore || (score === worstScore && partition > worst)) return;
      replaceWorst(host, partition, score);
      release(worst, host);
      waiting.push(worst);
    }
    hold(partition, host, score);
  };
  const settle = (partition: number): void => {
    const start = partition * rankedHosts;
    const end = start + (ranking.lengths[partition] as number);
    for (let at = start; at < end && (held[partition] as number) < replicas; at++)
      propose(partition, ranking.indexes[at] as number, ranking.scores[at] as number);
    if (held[partition] === replicas || end - start === ranking.hosts.length) return;
    const whole = wholeOrders.get(partition) ?? rankAll(ranking, partition);
    wholeOrders.set(partition, whole);
    for (let at = end - start; at < whole.length && (held[partition] as number) < replicas; at++) {
      const { index, score } = whole[at] as { index: number; score: number };
      propose(partition, index, score);
    }
  };

  for (let partition = 0; partition < partitions; partition++) {
    settle(partition);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) settle(next);
  }

  // All allowed hosts are full: the emptiest takes one more. The spread comes before the balance.
  for (let partition = 0; partition < partitions; partition++)
    while ((held[partition] as number) < replicas) {
      let best: { readonly index: number; readonly score: number; readonly fullness: number } | undefined;
      for (const { index, score } of rankAll(ranking, partition)) {
        if (!fits(partition, index)) continue;
        const fullness = ((loads[index] as number) + 1) / (hosts.shares[index] as number);
        if (!best || fullness < best.fullness) best = { index, score, fullness };
      }
      if (!best) throw new Error(`no host may take partition ${partition}: the spread caps are wrong`);
      loads[best.index] = (loads[best.index] as number) + 1;
      hold(partition, best.index, best.score);
    }
  return owners;
};
