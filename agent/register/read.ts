/**
 * Reading without writing. When a quorum in each set holds the *same ballot* as its newest, the value of that
 * ballot is chosen and the read is linearizable:
 *
 *  - a change that ended before the read began is held by a quorum, which shares a host with the one that
 *    answered; that host would have shown a higher ballot, and the answers would not agree;
 *  - a later read meets one of these hosts in its turn, and a host's newest ballot only rises.
 *
 * The same holds for "nothing was ever accepted", which counts as a ballot below all.
 */
import type { HostId } from '../../proto/ids.ts';
import { sameContent } from './acceptor.ts';
import { compareBallots, sameBallot } from './ballot.ts';
import type { Accepted } from './message.ts';
import { hasQuorum, type QuorumSet } from './quorum.ts';

export type ReadDecision =
  | { readonly kind: 'wait' }
  /** null: the register was never written. */
  | { readonly kind: 'chosen'; readonly accepted: Accepted | null }
  /**
   * A quorum answered and does not agree: `newest` may or may not be chosen and must not be shown to anyone. More
   * answers may still settle it; a change that changes nothing (`changeRegister`) always does.
   */
  | { readonly kind: 'split'; readonly newest: Accepted };

/** `answers` holds one entry for each owner that answered; what others say does not count. */
export const decideRead = (
  sets: readonly QuorumSet[],
  answers: ReadonlyMap<HostId, Accepted | null>,
): ReadDecision => {
  if (!hasQuorum(sets, answers)) return { kind: 'wait' };
  let newest: Accepted | null = null;
  for (const accepted of answers.values()) {
    const ballot = accepted?.ballot ?? null;
    const agree = {
      has(host: HostId) {
        // Undefined (no answer) must not pass for null (an answer that holds nothing).
        const held = answers.get(host);
        if (held === undefined || !sameBallot(held?.ballot ?? null, ballot)) return false;
        // A proposer that lied gave one ballot two values: then nothing is chosen, and a full round settles it.
        return held === null || accepted === null || sameContent(held, accepted);
      },
    };
    if (hasQuorum(sets, agree)) return { kind: 'chosen', accepted };
    newest = newestOf(newest, accepted);
  }
  // Where all answers are null they agree, so a split has at least one value.
  return newest ? { kind: 'split', newest } : { kind: 'wait' };
};

export const newestOf = (a: Accepted | null, b: Accepted | null): Accepted | null =>
  a === null ? b : b === null || compareBallots(a.ballot, b.ballot) >= 0 ? a : b;
