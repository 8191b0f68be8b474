/**
 * What a host of the cluster may ask of an acceptor. Whoever changes registers may propose any value, but it may not
 * speak for another proposer (two values under one ballot would never heal), nor take a ballot that nobody could
 * go above.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { ceiling } from '../base/ceiling.ts';
import { type AcceptorState, sameContent } from './acceptor.ts';
import { type Ballot, compareBallots, sameBallot } from './ballot.ts';
import type { Accepted, Reply, Request } from './message.ts';

/** A process issues its ballots one by one for all registers: a thousand in a ms is beyond any machine. */
const roundsPerMs = 1_024;

const isHigh = (ballot: Ballot | null | undefined, wallMs: number): boolean =>
  (ballot?.round ?? 0) > ceiling(wallMs, roundsPerMs);

const refuse = (why: string): never => {
  throw new ShoalError('BAD_REQUEST', `Cannot take a register's message: ${why}`);
};

/** Throws BAD_REQUEST; nothing was changed then. */
export const checkRequest = (from: HostId, request: Request, wallMs: number): void => {
  if (request.kind === 'read') return;
  const ballot = request.kind === 'prepare' ? request.ballot : request.accepted.ballot;
  const next = request.kind === 'accept' ? request.next : null;
  if (ballot.host !== from || (next && next.host !== from)) refuse(`its ballot is not one of ${from}`);
  if (isHigh(ballot, wallMs) || isHigh(next, wallMs))
    refuse('its ballot is beyond all that can have been issued');
  if (next && compareBallots(ballot, next) >= 0)
    refuse('the ballot to promise next is not above the accepted one');
};

/** A proposer that sends a second value under one ballot: in the core that is a bug, from outside a lie. Throws BAD_REQUEST. */
export const checkOneValue = ({ accepted: held }: AcceptorState, request: Request): void => {
  if (request.kind !== 'accept' || !held || !sameBallot(held.ballot, request.accepted.ballot)) return;
  if (!sameContent(held, request.accepted)) refuse('its ballot carries one value, and that is another');
};

/** A copy from another owner: the ballot is its proposer's, not the sender's. Throws BAD_REQUEST. */
export const checkCopy = (accepted: Accepted | null, wallMs: number): void => {
  if (isHigh(accepted?.ballot, wallMs)) refuse('its ballot is beyond all that can have been issued');
};

/** The other way round: an acceptor that answers so would lead a proposer's own ballots beyond the end. */
export const isSound = (reply: Reply, wallMs: number): boolean =>
  reply.kind === 'conflict'
    ? !isHigh(reply.promised, wallMs)
    : reply.kind === 'accepted' || !isHigh(reply.accepted?.ballot, wallMs);
