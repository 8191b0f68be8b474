/** Seeded chance: sfc32 (Doty-Humphrey), which passes PractRand and is as fast as Math.random. One seed, one run. */
export interface Prng {
  /** Uniform in [0, 1). */
  random(): number;
  /** Uniform integer in [0, below). */
  int(below: number): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** `count` different items, in random order. */
  sample<T>(items: readonly T[], count: number): T[];
  /** Exponentially distributed: waits between events that know nothing of each other. */
  exponential(mean: number): number;
  /** A stream of its own, so that one part's draws do not shift another's. */
  fork(): Prng;
}

export const prng = (seed: number): Prng => {
  let [a, b, c, counter] = [seed | 0, Math.floor(seed / 2 ** 32) | 0, 0x9e3779b9 | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // Neighbouring seeds start alike; after a dozen rounds they have nothing in common.
  for (let round = 0; round < 12; round++) next();

  const random = (): number => next() / 2 ** 32;
  const int = (below: number): number => Math.floor(random() * below);
  return {
    random,
    int,
    between: (low, high) => low + random() * (high - low),
    chance: (probability) => random() < probability,
    pick: (items) => {
      const item = items[int(items.length)];
      if (item === undefined) throw new Error('cannot pick from nothing');
      return item;
    },
    sample(items, count) {
      const left = [...items];
      return Array.from({ length: Math.min(count, left.length) }, () =>
        left.splice(int(left.length), 1),
      ).flat();
    },
    exponential: (mean) => -mean * Math.log(1 - random()),
    fork: () => prng(next() * 2 ** 20 + (next() >>> 12)),
  };
};
