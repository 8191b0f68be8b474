/**
 * The roster's chain, pure: what a step does to the roster before it, and why a step is believed.
 *
 *   version 8, voters A B C ── step 9 "remove D", by A, votes of A and C ──> version 9
 *
 * A step counts because a majority of the voters of the version before took it under one ballot and signed that; a
 * liar alone can make none, an old one leads nowhere, and two of one version would need voters that voted twice.
 * No clock has a word in it. Voters are the first seven hosts that came up: each asks for it when its agent runs,
 * for a host that joined and never started would only be missing in every vote. Where one of them is gone, a host
 * that is there may take its place; the others vote for that only if they miss it too.
 *
 * A forced step has no votes, for too few voters are left. Whoever is told of it asks for itself whether the host
 * that it gives up is gone (`isGone` of `learn`, in roster.ts).
 */
import { createHash } from 'node:crypto';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import type { RosterProof, RosterSnapshot, RosterStep } from '../../proto/message/roster.ts';
import { toBase64Url } from '../base/bytes.ts';
import type { Ballot } from '../register/ballot.ts';
import { type HostKey, verifySignature } from './host-key.ts';
import { rosterMembersMax, rosterVotersMax } from './limits.ts';

export interface RosterMember {
  readonly hostId: HostId;
  readonly name: string;
  readonly addedAtMs: number;
  readonly addedBy: HostId;
  /** On each host's own clock; null: until it is removed. */
  readonly expiresAtMs: number | null;
}

export interface RosterState {
  /** 0 before the founder's step. */
  readonly version: number;
  readonly digest: string | null;
  readonly members: ReadonlyMap<HostId, RosterMember>;
  /** In the order in which they came up. */
  readonly voters: readonly HostId[];
}

export const emptyRoster: RosterState = { version: 0, digest: null, members: new Map(), voters: [] };

/** What is signed, and what the digest is of: every field in one order. The cluster is one of them. */
const stepBytes = (clusterId: ClusterId, step: Omit<RosterStep, 'signature' | 'proof'>): Uint8Array => {
  const { version, previous, change, forced, atMs, by } = step;
  const name = change.kind === 'add' ? change.name : null;
  const expiresAtMs = 'expiresAtMs' in change ? change.expiresAtMs : null;
  const fields = [
    clusterId,
    version,
    previous,
    change.kind,
    change.hostId,
    name,
    change.kind === 'voter' ? change.instead : null,
    expiresAtMs,
    forced,
    atMs,
    by,
  ];
  return Buffer.from(`shoal roster step\n${JSON.stringify(fields)}`);
};

export const stepDigest = (clusterId: ClusterId, step: RosterStep): string =>
  createHash('sha256').update(stepBytes(clusterId, step)).digest('base64url');

export const signStep = (
  key: HostKey,
  clusterId: ClusterId,
  step: Omit<RosterStep, 'signature' | 'proof' | 'by'>,
): RosterStep => {
  const unsigned = { ...step, by: key.hostId };
  return { ...unsigned, signature: toBase64Url(key.sign(stepBytes(clusterId, unsigned))) };
};

const isSigned = (clusterId: ClusterId, step: RosterStep): boolean =>
  verifySignature(step.by as HostId, stepBytes(clusterId, step), Buffer.from(step.signature, 'base64url'));

/** Why the step cannot follow; undefined when it can. Says nothing about votes. */
export const faultOf = (clusterId: ClusterId, state: RosterState, step: RosterStep): string | undefined => {
  const { change, by } = step;
  const host = change.hostId as HostId;
  const { members, voters } = state;
  if (step.version !== state.version + 1) return `step ${step.version} does not follow ${state.version}`;
  if (step.previous !== state.digest) return `it follows another step ${state.version}`;
  const isFirst = state.version === 0;
  if (isFirst ? change.kind !== 'add' || host !== by : !members.has(by as HostId))
    return `${by} is not on the roster`;
  if (step.forced && (change.kind !== 'remove' || host === by))
    return 'only the removal of another is forced';
  if (change.kind === 'add') {
    if (members.has(host)) return `${host} is on the roster already`;
    for (const member of members.values())
      if (member.name === change.name) return `host ${member.hostId} has the name ${change.name}`;
    if (members.size >= rosterMembersMax) return `there are ${rosterMembersMax} hosts already`;
  } else if (!members.has(host)) return `${host} is not on the roster`;
  if (change.kind === 'remove' && members.size === 1) return 'it would leave nobody';
  if (change.kind === 'voter') {
    if (host !== by) return 'a host becomes a voter by its own word only';
    const { instead } = change;
    const hasRoom = instead === null ? voters.length < rosterVotersMax : voters.includes(instead as HostId);
    if (voters.includes(host) || !hasRoom) return 'there is no room for this voter';
  }
  return isSigned(clusterId, step) ? undefined : 'its signature is wrong';
};

/** After `faultOf` had nothing to say, or for a step of this host's own disk. */
export const applyStep = (clusterId: ClusterId, state: RosterState, step: RosterStep): RosterState => {
  const { change, version } = step;
  const host = change.hostId as HostId;
  const members = new Map(state.members);
  let voters = state.voters;
  if (change.kind === 'add') {
    const { name, expiresAtMs } = change;
    members.set(host, { hostId: host, name, addedAtMs: step.atMs, addedBy: step.by as HostId, expiresAtMs });
    if (version === 1) voters = [host];
  } else if (change.kind === 'remove') {
    members.delete(host);
    voters = voters.filter((voter) => voter !== host);
    // Only voters have left so far: the eldest of the others takes over.
    if (voters.length === 0) voters = [...members.keys()].slice(0, 1);
  } else if (change.kind === 'voter') voters = [...voters.filter((voter) => voter !== change.instead), host];
  else {
    const member = members.get(host);
    if (member) members.set(host, { ...member, expiresAtMs: change.expiresAtMs });
  }
  return { version, digest: stepDigest(clusterId, step), members, voters };
};

/** Any two majorities share a voter. */
export const rosterQuorum = (voters: readonly HostId[]): number => Math.floor(voters.length / 2) + 1;

const voteBytes = (clusterId: ClusterId, step: RosterStep, { round, host, run }: Ballot): Uint8Array => {
  const fields = [clusterId, step.version, stepDigest(clusterId, step), round, host, run];
  return Buffer.from(`shoal roster vote\n${JSON.stringify(fields)}`);
};

/** "I took this step under this ballot": given out only when it is on disk. */
export const signRosterVote = (
  key: Pick<HostKey, 'sign'>,
  clusterId: ClusterId,
  step: RosterStep,
  ballot: Ballot,
): string => toBase64Url(key.sign(voteBytes(clusterId, step, ballot)));

export const isRosterVote = (
  clusterId: ClusterId,
  step: RosterStep,
  ballot: Ballot,
  { host, signature }: RosterProof['votes'][number],
): boolean =>
  verifySignature(host as HostId, voteBytes(clusterId, step, ballot), Buffer.from(signature, 'base64url'));

/** Has a majority of the voters before it taken the step? The first one is the founder's own word. */
export const isVoted = (
  clusterId: ClusterId,
  { version, voters }: RosterState,
  step: RosterStep,
): boolean => {
  if (step.forced) return false;
  if (version === 0) return true;
  const { proof } = step;
  if (!proof) return false;
  const by = new Set<string>();
  for (const vote of proof.votes)
    if (voters.includes(vote.host as HostId) && isRosterVote(clusterId, step, proof.ballot as Ballot, vote))
      by.add(vote.host);
  return by.size >= rosterQuorum(voters);
};

export const snapshotOf = ({ version, digest, members, voters }: RosterState): RosterSnapshot => ({
  version,
  digest,
  members: [...members.values()],
  voters: [...voters],
});

/** Undefined for one that nobody can have come to. */
export const stateOf = (snapshot: RosterSnapshot): RosterState | undefined => {
  const members = new Map(
    snapshot.members.map((member) => [member.hostId as HostId, member as RosterMember]),
  );
  const voters = snapshot.voters as HostId[];
  const isSound =
    members.size === snapshot.members.length &&
    new Set(voters).size === voters.length &&
    voters.every((voter) => members.has(voter)) &&
    (snapshot.version === 0
      ? members.size === 0 && snapshot.digest === null
      : voters.length > 0 && snapshot.digest !== null);
  return isSound ? { version: snapshot.version, digest: snapshot.digest, members, voters } : undefined;
};
