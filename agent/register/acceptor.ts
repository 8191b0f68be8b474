/**
 * The acceptor half of CASPaxos (Rystsov, arXiv:1802.07000): the memory of one register on one host.
 *
 * Pure: each function gives the state to keep and the reply to send. The shell's whole duty is the order:
 *
 *     load state -> decide -> make the new state durable (fsync) -> only then send the reply
 *
 * and one request at a time for a register. A reply that outruns its state is a promise that a crash forgets, and
 * two proposers then choose two values. Where the returned state is the same object nothing needs writing.
 *
 * An acceptor that has lost its disk must not start again from `emptyState`: it comes back under a new identity
 * or copies from a quorum of the others first. A copy is `accept` without more: to the protocol it is the proposer's
 * own message, come late. Refused under a promise, it is replaced by a full round.
 */
import assert from 'node:assert/strict';
import { type Ballot, compareBallots, sameBallot } from './ballot.ts';
import type { Accepted, Reply, Request } from './message.ts';

/** Plain data. Invariant: what was accepted is never above what was promised. */
export interface AcceptorState {
  readonly promised: Ballot | null;
  readonly accepted: Accepted | null;
}

export interface Answer {
  readonly state: AcceptorState;
  readonly reply: Reply;
}

export const emptyState: AcceptorState = { promised: null, accepted: null };

const isBelow = (ballot: Ballot, promised: Ballot | null): promised is Ballot =>
  promised !== null && compareBallots(ballot, promised) < 0;

/** An equal ballot is the same request once more: it gets the same answer and changes nothing. */
export const prepare = (state: AcceptorState, ballot: Ballot): Answer => {
  if (isBelow(ballot, state.promised))
    return { state, reply: { kind: 'conflict', ballot, promised: state.promised } };
  return {
    state: sameBallot(state.promised, ballot) ? state : { ...state, promised: ballot },
    reply: { kind: 'promise', ballot, accepted: state.accepted },
  };
};

export const accept = (state: AcceptorState, accepted: Accepted, next: Ballot | null = null): Answer => {
  const { ballot } = accepted;
  if (next) assert(compareBallots(ballot, next) < 0, 'the ballot to promise next is above the accepted one');
  const reply = (promised: Ballot | null): Reply => ({
    kind: 'accepted',
    ballot,
    next: next && sameBallot(next, promised) ? next : null,
  });
  if (state.accepted && sameBallot(state.accepted.ballot, ballot)) {
    // The request came twice. That it was accepted stays true, even when a higher ballot was promised since:
    // refusing it now would tell a proposer whose first reply was lost that it failed where it did not.
    assert(sameContent(state.accepted, accepted), 'a ballot carries one value');
    return { state, reply: reply(state.promised) };
  }
  if (isBelow(ballot, state.promised))
    return { state, reply: { kind: 'conflict', ballot, promised: state.promised } };
  const promised = next ?? ballot;
  return { state: { promised, accepted }, reply: reply(promised) };
};

export const handleRequest = (state: AcceptorState, request: Request): Answer => {
  switch (request.kind) {
    case 'read':
      return { state, reply: { kind: 'state', accepted: state.accepted } };
    case 'prepare':
      return prepare(state, request.ballot);
    case 'accept':
      return accept(state, request.accepted, request.next);
  }
};

/** Equal ballots have equal content, unless a proposer lied. */
export const sameContent = (a: Accepted, b: Accepted): boolean =>
  a.lineage[0] === b.lineage[0] &&
  (a.value === null || b.value === null ? a.value === b.value : Buffer.compare(a.value, b.value) === 0);
