/** How often, how fast: the clockwork of the benches. */
import { round } from './table.ts';

/** Runs `work` in so many lanes until the time is up; how often a second. */
export const rate = async (
  seconds: number,
  inFlight: number,
  work: (index: number) => unknown,
): Promise<number> => {
  const startMs = performance.now();
  let count = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < seconds * 1000) await work(count++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (count / (performance.now() - startMs)) * 1000;
};

export const share = (value: number, limit: number): string => `${round((100 * value) / limit)} %`;
