/**
 * What a running host does for the roster by itself. It asks for a vote while there is room, or in the place of a voter
 * that is gone. As a voter it takes off who has expired: the first voter does that; each next one waits a turn longer,
 * in case those before it are gone.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Runtime } from '../runtime/ports.ts';
import { expiryTurnMs, rosterVotersMax, voterAfterMs, voterTurnsMax } from './limits.ts';
import type { OwnRoster } from './roster.ts';
import type { RosterState } from './roster-chain.ts';
import type { RosterVotes } from './roster-vote.ts';

/** Returns its own end. */
export const careForRoster = (world: {
  readonly runtime: Pick<Runtime, 'timers' | 'chance' | 'log'>;
  readonly self: HostId;
  readonly roster: OwnRoster;
  readonly votes: Pick<RosterVotes, 'change'>;
  readonly isGone: (host: HostId) => Promise<boolean>;
}): (() => void) => {
  const { roster, self, votes } = world;
  const { chance, log, timers } = world.runtime;

  /** Where this host may become a voter; undefined: nowhere. */
  const seat = async ({ voters }: RosterState): Promise<{ readonly instead: HostId | null } | undefined> => {
    for (const voter of voters) if (await world.isGone(voter)) return { instead: voter };
    return voters.length < rosterVotersMax ? { instead: null } : undefined;
  };

  const look = async (): Promise<void> => {
    const { voters, members } = roster.state();
    if (!roster.has(self)) return;
    if (!voters.includes(self)) {
      const { version } = roster.state();
      const free = await seat(roster.state());
      // On the roster that was looked at only: what is free on the next one is looked for again.
      if (free)
        await votes.change((state) =>
          state.version === version ? { kind: 'voter', hostId: self, ...free } : undefined,
        );
      return;
    }
    const turn = voters.indexOf(self);
    const expired = [...members.keys()].find((host) => !roster.has(host));
    if (turn < 0 || !expired) return;
    await timers.sleep(turn * expiryTurnMs);
    await votes.change(({ members: now }) =>
      now.has(expired) && !roster.has(expired) ? { kind: 'remove', hostId: expired } : undefined,
    );
  };

  /** Hosts without a vote that came before this one. */
  const othersBefore = (): number => {
    const { voters, members } = roster.state();
    if (voters.includes(self)) return 0;
    return Math.max(0, [...members.keys()].filter((host) => !voters.includes(host)).indexOf(self));
  };

  let isStopped = false;
  let cancel: () => void = () => {};
  const again = (): void => {
    cancel = timers.after(
      voterAfterMs * (0.5 + chance.random()) * (1 + Math.min(othersBefore(), voterTurnsMax)),
      () => {
        look()
          .catch((thrown) => log.debug('roster not cared for', { error: thrown }))
          .finally(() => {
            if (!isStopped) again();
          });
      },
    );
  };
  again();

  return () => {
    isStopped = true;
    cancel();
  };
};
