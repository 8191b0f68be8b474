/**
 * Weighted rendezvous hashing: each pair of host and partition has a number that both ends can compute, and a
 * partition prefers the hosts with the smallest ones. The number is an exponential variate -ln(u) / weight with u
 * the pair's hash, so a host is first with a chance in proportion to its weight, and whoever comes or goes moves
 * only what it wins or leaves (Schindelhauer and Schomaker 2005).
 *
 * Speed: a 32-bit mix per pair, and a logarithm only for pairs that can still win: 65,536 partitions x 1,000
 * hosts are 65 million pairs. Every host must come to the same owners, so nothing here is left to a library:
 * Math.log may differ between engines, sums and products of doubles may not.
 */

/** Murmur3's finalizer: every bit of the input changes every bit of the output with a chance of one half. */
const mix = (value: number): number => {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
};

/** FNV-1a, mixed. Two seeds a host, so that hosts whose first ones are alike differ in the second. */
const hashText = (text: string, seed: number): number => {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash);
};

export interface HostSeed {
  readonly first: number;
  readonly second: number;
}

export const seedOf = (host: string): HostSeed => ({
  first: hashText(host, 0x811c9dc5 | 0),
  second: hashText(host, 0x2f0b4c47) | 1,
});

export const seedOfPartition = (partition: number): number =>
  mix((Math.imul(partition, 0x9e3779b1) + 0x7f4a7c15) | 0);

/** 32 bits, as an unsigned number. `second` is odd, so the product loses nothing. */
export const hashPair = (partitionSeed: number, first: number, second: number): number =>
  mix(Math.imul(partitionSeed ^ first, second)) >>> 0;

/**
 * -ln((hash + 0.5) / 2^32), to some 1e-9; exact arithmetic only. With m in [1, 2) and t = (m - 1) / (m + 1):
 * ln m = 2 (t + t^3/3 + t^5/5 + ...).
 */
export const exponential = (hash: number): number => {
  const zeros = Math.clz32(hash);
  const exponent = 31 - zeros;
  const m = hash === 0 ? 1 : (hash + 0.5) / ((1 << exponent) >>> 0);
  const t = (m - 1) / (m + 1);
  const s = t * t;
  const series =
    1 +
    s *
      (1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s * (1 / 13 + s * (1 / 15 + s / 17)))))));
  // For 0 the exponent is that of 0.5: clz32 says 32, which makes it -1 by itself.
  return (32 - exponent) * Math.LN2 - 2 * t * series;
};

/** Names in rendezvous order for a subject, equal weights: who votes on a version, who proposes it first. */
export const rendezvousOrder = <Name extends string>(names: readonly Name[], subject: number): Name[] => {
  const seed = seedOfPartition(subject);
  return names
    .map((name) => {
      const { first, second } = seedOf(name);
      return { name, score: hashPair(seed, first, second) };
    })
    .sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
};
