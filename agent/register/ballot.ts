/**
 * Ballots order all attempts to change one register. No two attempts may ever share one: the acceptors tell
 * values apart by their ballots alone.
 *
 * What makes a ballot unique: a process issues all its ballots, whatever the row, from one rising counter, and
 * draws `run` anew when it starts. A host that crashed and forgot its counter therefore cannot repeat itself,
 * without a disk write for each attempt and without trust in a clock (both were considered).
 */
import type { HostId } from '../../proto/ids.ts';

/** Plain data, it goes on disk and wire as it is. */
export interface Ballot {
  readonly round: number;
  readonly host: HostId;
  /** 48 random bits, drawn once by each start of the agent. */
  readonly run: number;
}

export const compareBallots = (a: Ballot, b: Ballot): number =>
  a.round - b.round || (a.host < b.host ? -1 : a.host > b.host ? 1 : a.run - b.run);

export const sameBallot = (a: Ballot | null, b: Ballot | null): boolean =>
  a === b || (a !== null && b !== null && compareBallots(a, b) === 0);

/** The higher one; null is below all. */
export const maxBallot = (a: Ballot | null, b: Ballot | null): Ballot | null =>
  a === null ? b : b === null || compareBallots(a, b) >= 0 ? a : b;

export interface BallotSource {
  /** One that was never issued before, above the given one and above all that this source has issued. */
  next(above?: Ballot | null): Ballot;
}

/** One a process. `random` is uniform in [0, 1). */
export const ballotSource = (host: HostId, random: () => number): BallotSource => {
  const run = Math.floor(random() * 2 ** 48);
  let last = 0;
  return {
    next(above = null) {
      last = Math.max(last, above?.round ?? 0) + 1;
      return { round: last, host, run };
    },
  };
};
