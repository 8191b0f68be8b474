/** An account's sums. */
import type { Containers } from './containers.ts';
import { policyDefault, policyOf } from './policy.ts';

export interface Sums {
  readonly containers: number;
  readonly objects: number;
  readonly bytes: number;
}

export interface AccountSums extends Sums {
  /** Of those that a container has; the default's in any case. */
  readonly byPolicy: ReadonlyMap<string, Sums>;
}

const none: Sums = { containers: 0, objects: 0, bytes: 0 };
const plus = (a: Sums, b: Sums): Sums => ({
  containers: a.containers + b.containers,
  objects: a.objects + b.objects,
  bytes: a.bytes + b.bytes,
});

/** Asks for the counters of all containers: exact, in time that grows with their number. */
export const accountSums = async (containers: Containers, project: string): Promise<AccountSums> => {
  const policies: string[] = [];
  async function* counted() {
    for await (const container of containers.walk(project)) {
      policies.push(policyOf(container));
      yield container;
    }
  }
  const tallies = await containers.tallies(counted());
  const byPolicy = new Map([[policyDefault, none]]);
  let sums = none;
  tallies.forEach(({ rows, weight }, at) => {
    const policy = policies[at] ?? policyDefault;
    const one = { containers: 1, objects: rows, bytes: weight };
    byPolicy.set(policy, plus(byPolicy.get(policy) ?? none, one));
    sums = plus(sums, one);
  });
  return { ...sums, byPolicy };
};
