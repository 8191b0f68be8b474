/**
 * What makes a layout version more than one host's word: a majority of the acceptors took it under one ballot, and each
 * signed that. Whoever is told of a version checks it, so one host that lies cannot lead another astray; and two
 * versions of one number, each with its proof, would need acceptors that voted twice.
 *
 * Under *one* ballot: acceptances of one value under several ballots can add up to a majority though another value
 * was chosen in between.
 *
 * A version that an operator forced has no votes, for too few voters are left. It is taken where it does nothing
 * but leave out hosts that are off the roster here, too: that change is signed and everyone sees it.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Layout, LayoutProof } from '../../proto/message/layout.ts';
import { toBase64Url } from '../base/bytes.ts';
import type { Ballot } from '../register/ballot.ts';
import { forcedLayout } from './forced.ts';
import { acceptorsOf, digestOf } from './layout.ts';
import { quorumOf } from './owner-index.ts';

/** The host's own key, and everyone's: a HostId is a public key. */
export interface VoteSigner {
  sign(bytes: Uint8Array): Uint8Array;
  verify(host: HostId, bytes: Uint8Array, signature: Uint8Array): boolean;
}

const voteBytes = (layout: Layout, { round, host, run }: Ballot): Uint8Array =>
  Buffer.from(`shoal layout vote\n${JSON.stringify([layout.version, digestOf(layout), round, host, run])}`);

/** "I took this layout under this ballot": given out only when it is on disk. */
export const signVote = (signer: VoteSigner, layout: Layout, ballot: Ballot): string =>
  toBase64Url(signer.sign(voteBytes(layout, ballot)));

export const isVote = (
  signer: VoteSigner,
  layout: Layout,
  ballot: Ballot,
  { host, signature }: LayoutProof['votes'][number],
): boolean => signer.verify(host as HostId, voteBytes(layout, ballot), Buffer.from(signature, 'base64url'));

const isAgreed = (signer: VoteSigner, previous: Layout, layout: Layout): boolean => {
  const { proof } = layout;
  if (!proof) return false;
  const acceptors = acceptorsOf(previous);
  const ballot = proof.ballot as Ballot;
  const votes = proof.votes.filter(
    (vote) => acceptors.includes(vote.host as HostId) && isVote(signer, layout, ballot, vote),
  );
  return new Set(votes.map(({ host }) => host)).size >= quorumOf(acceptors.length);
};

const isForcedRightly = (
  previous: Layout,
  layout: Layout,
  isRostered: (host: HostId) => boolean,
): boolean => {
  const [host, ...more] = layout.forced as HostId[];
  if (host === undefined || more.length > 0 || isRostered(host)) return false;
  const right = forcedLayout(previous, host, { atMs: layout.atMs, by: layout.by as HostId });
  return digestOf(right) === digestOf(layout);
};

/** May `layout` take the place after `previous`, whoever tells of it? */
export const isProven = (
  signer: VoteSigner,
  previous: Layout,
  layout: Layout,
  isRostered: (host: HostId) => boolean,
): boolean => isAgreed(signer, previous, layout) || isForcedRightly(previous, layout, isRostered);
