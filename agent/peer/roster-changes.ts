/** What operators and joins ask of the roster. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { forcedAfterMs } from './limits.ts';
import type { OwnRoster } from './roster.ts';
import type { RosterVotes } from './roster-vote.ts';

export interface RemoveOptions {
  readonly force?: boolean;
  check?(isLeft: (host: HostId) => boolean): void;
}

export interface RosterChanges {
  /**
   * A no-op when it is in already. `expiresAtMs`: until when, on each host's own clock; null or absent: until it is
   * removed. Throws CONFLICT when another host has the name, QUORUM_MISSED, FORBIDDEN when this host is not on the roster.
   */
  add(hostId: HostId, name: string, expiresAtMs?: number | null): Promise<void>;
  /**
   * A no-op when it is not in. Its connections are closed, here before this resolves, elsewhere as soon as it is told.
   * `force`: where no majority of the voters answers, on this host's word. `check` throws where the others may not be left
   * alone: it is asked of the roster that the step is about to follow, so of two removals at once the later one sees the
   * first. Throws what it throws, QUORUM_MISSED, FORBIDDEN, CONFLICT.
   */
  remove(hostId: HostId, options?: RemoveOptions): Promise<void>;
  /** Throws NOT_FOUND when it is not in, and as `add`. */
  expire(hostId: HostId, expiresAtMs: number | null): Promise<void>;
}

export const rosterChanges = ({
  roster,
  votes,
}: {
  readonly roster: OwnRoster;
  readonly votes: RosterVotes;
}): RosterChanges => ({
  add: (hostId, name, expiresAtMs = null) =>
    votes.change(({ members }) => {
      if (!members.has(hostId)) return { kind: 'add', hostId, name, expiresAtMs };
      // Invited again after its time ran out, and before it was taken off.
      return !roster.isOver(hostId) ? undefined : { kind: 'expire', hostId, expiresAtMs };
    }),
  async remove(hostId, { force = false, check } = {}) {
    try {
      await votes.change(
        ({ members }) => {
          if (!members.has(hostId)) return undefined;
          check?.((host) => host !== hostId && members.has(host));
          return { kind: 'remove', hostId };
        },
        { ...(force && { withinMs: forcedAfterMs }) },
      );
    } catch (thrown) {
      if (!hasCode(thrown, 'QUORUM_MISSED', 'TIMEOUT', 'CONTENDED')) throw thrown;
      if (!force)
        throw new ShoalError(
          'QUORUM_MISSED',
          `Cannot remove host ${hostId}: too few of the ${roster.state().voters.length} hosts that vote on the roster answer; ` +
            'start them, or give up hosts that are gone for good by force',
          { cause: thrown },
        );
      await votes.forceOut(hostId);
    }
  },
  expire: (hostId, expiresAtMs) =>
    votes.change(({ members }) => {
      const member = members.get(hostId);
      if (!member)
        throw new ShoalError('NOT_FOUND', `Cannot set when host ${hostId} expires: it is not on the roster`);
      return member.expiresAtMs === expiresAtMs ? undefined : { kind: 'expire', hostId, expiresAtMs };
    }),
});
