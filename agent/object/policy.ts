/** The storage policy, of which there is one, and an account's sums. */
import { ShoalError } from '../../proto/error.ts';
import type { Containers } from './containers.ts';

/** Three copies, or as many as there are hosts below three. */
export const policyName = 'replica-3';

/** Throws BAD_REQUEST on a policy that is not served. */
export const checkPolicyName = (name: string | undefined): void => {
  if (name === undefined || name === '' || name.toLowerCase() === policyName) return;
  throw new ShoalError(
    'BAD_REQUEST',
    `Invalid X-Storage-Policy ${JSON.stringify(name)}: there is ${policyName}`,
  );
};

export interface AccountSums {
  readonly containers: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Asks for the counters of all containers: exact, in time that grows with their number. */
export const accountSums = async (containers: Containers, project: string): Promise<AccountSums> => {
  const tallies = await containers.tallies(containers.walk(project));
  return {
    containers: tallies.length,
    objects: tallies.reduce((sum, tally) => sum + tally.rows, 0),
    bytes: tallies.reduce((sum, tally) => sum + tally.weight, 0),
  };
};
