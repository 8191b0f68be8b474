/**
 * Small numbers for host ids, in the order in which they were first heard of, so that what is kept for each of
 * thousands of hosts is an entry in an array. Cores in one process (the simulator's) may share one.
 */
import type { HostId } from '../../proto/ids.ts';

export interface HostNumbers {
  /** A new one where there is none yet. */
  of(host: HostId): number;
  /** undefined: never heard of. */
  find(host: HostId): number | undefined;
  name(number: number): HostId | undefined;
}

export const hostNumbers = (): HostNumbers => {
  const numbers = new Map<HostId, number>();
  const names: HostId[] = [];
  return {
    of(host) {
      const found = numbers.get(host);
      if (found !== undefined) return found;
      numbers.set(host, names.length);
      return names.push(host) - 1;
    },
    find: (host) => numbers.get(host),
    name: (number) => names[number],
  };
};
