/**
 * Asking owners until a quorum of each live owner set has answered.
 *
 *  - `all`: everybody at once. For writes: the third copy must be written anyway, and a dead owner costs nothing.
 *  - `nearest`: as few as make a quorum, this host first, then the quickest of late; the others only when one fails
 *    or takes longer than `hedgeMs`. For reads: a host that has just been killed costs one hedge.
 *
 * Hosts that membership calls dead are asked only where the others cannot make a quorum: the members are gossip, and
 * may be wrong.
 */

import { hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Members } from '../membership/port.ts';
import { type CountLives, countLives } from '../register/lives.ts';
import { hasQuorum, ownersOf, type QuorumSet } from '../register/quorum.ts';
import type { Clock, Timers } from '../runtime/ports.ts';
import { hedgeMs } from './limits.ts';
import { slowness } from './slowness.ts';

interface PollOptions<Answer> {
  /** For messages: `read row "a" of table "object"`. */
  readonly action: () => string;
  readonly sets: readonly QuorumSet[];
  readonly ask: (host: HostId, counts: CountLives) => Promise<Answer>;
  readonly order: 'all' | 'nearest';
  /** Where the answers count together with those of another poll. */
  readonly counts?: CountLives;
}

export interface Poller {
  /** At least a quorum in each set. Throws QUORUM_MISSED, or STALE_LAYOUT or RANGE_MOVED where an owner said so and it was decisive. */
  poll<Answer>(options: PollOptions<Answer>): Promise<ReadonlyMap<HostId, Answer>>;
}

export const poller = (world: {
  readonly self: HostId;
  readonly members: Pick<Members, 'isReachable'>;
  readonly timers: Pick<Timers, 'after'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}): Poller => {
  const slow = slowness(world.clock);
  const isHere = (host: HostId): boolean => host === world.self || world.members.isReachable(host);
  const distance = (host: HostId): number =>
    host === world.self ? -1 : (isHere(host) ? 0 : 1e9) + slow.of(host);
  const byDistance = (hosts: readonly HostId[]): readonly HostId[] =>
    hosts
      .map((host) => ({ host, far: distance(host) }))
      .sort((a, b) => a.far - b.far)
      .map(({ host }) => host);

  return {
    // Every read and write of a row comes through here, several for each call of an API: it makes few objects.
    poll<Answer>({ action, sets, ask, order, counts = countLives() }: PollOptions<Answer>) {
      const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<HostId, Answer>>();
      const owners = order === 'all' ? ownersOf(sets) : byDistance(ownersOf(sets));
      const here = owners.every(isHere) ? owners : owners.filter(isHere);
      const answers = new Map<HostId, Answer>();
      const failures = new Map<HostId, unknown>();
      const asked: HostId[] = [];
      let cancelHedge: (() => void) | undefined;

      const finish = (): void => {
        cancelHedge?.();
        if (hasQuorum(sets, answers)) resolve(answers);
        else reject(missed(action(), sets, failures));
      };
      const start = (hosts: readonly HostId[]): void => {
        for (const host of hosts) {
          if (asked.includes(host)) continue;
          asked.push(host);
          const question = slow.ask(host);
          ask(host, counts).then(
            (answer) => {
              slow.answered(question);
              answers.set(host, answer);
              if (hasQuorum(sets, answers)) finish();
            },
            (thrown) => {
              slow.failed(question);
              failures.set(host, thrown);
              widen();
            },
          );
        }
      };
      /** After a failure: everybody who is there, then, where they can't make a quorum any more, everybody. */
      const widen = (): void => {
        const possible = (hosts: readonly HostId[]) => ({
          has: (host: HostId) => hosts.includes(host) && !failures.has(host),
        });
        start(here);
        if (!hasQuorum(sets, possible(here))) start(owners);
        if (!hasQuorum(sets, possible(owners))) finish();
      };

      if (here !== owners && !hasQuorum(sets, new Set(here))) start(owners);
      else start(order === 'all' ? here : fewest(sets, here));
      if (owners.length === 0) finish();
      else if (asked.length < here.length) cancelHedge = world.timers.after(hedgeMs, () => start(here));
      return promise;
    },
  };
};

/** The shortest beginning of the list that holds a quorum in each set, without those that add nothing to it. */
const fewest = (sets: readonly QuorumSet[], hosts: readonly HostId[]): readonly HostId[] => {
  const [only] = sets;
  if (only && sets.length === 1) return hosts.slice(0, only.quorum);
  const chosen: HostId[] = [];
  for (const host of hosts) {
    const needed = sets.some(
      ({ owners, quorum }) =>
        owners.includes(host) && owners.filter((owner) => chosen.includes(owner)).length < quorum,
    );
    if (needed) chosen.push(host);
  }
  return chosen;
};

const missed = (
  action: string,
  sets: readonly QuorumSet[],
  failures: ReadonlyMap<HostId, unknown>,
): ShoalError => {
  const causes = [...failures.values()];
  const decisive = causes.find((cause) => hasCode(cause, 'STALE_LAYOUT', 'RANGE_MOVED', 'DISK_FULL'));
  if (decisive) return decisive as ShoalError;
  const last = causes.at(-1);
  const need = sets.map(({ owners, quorum }) => `${quorum} of ${owners.length}`).join(' and ');
  return new ShoalError(
    'QUORUM_MISSED',
    `Cannot ${action}: ${need || 'known'} owners are needed, ${failures.size} failed` +
      (last instanceof Error ? ` (${last.message})` : ''),
    { details: { failed: [...failures.keys()] }, cause: last },
  );
};
