/**
 * The roster: which hosts are let in, as a chain of single changes. Each step names its predecessor by digest, is
 * signed by the host that was asked for it, and carries the votes that decided it (agent/peer/roster-chain.ts).
 *
 *   1: add founder <--previous-- 2: add B <--previous-- 3: voter B <--previous-- 4: remove founder
 *
 * Everything here may come from a hostile peer. Keys and signatures are base64url text: people can read the file.
 */
import { type Static, Type } from 'typebox';
import { Accepted, Ballot, RegisterRequest } from './register.ts';

const HostId = Type.String({ pattern: '^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$' });
const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });
const Digest = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
const TimeMs = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Version = Type.Integer({ minimum: 1, maximum: 2 ** 48 });
const Expiry = Type.Union([TimeMs, Type.Null()]);
export const HostName = Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$' });
const closed = { additionalProperties: false };

/** Hosts on one roster: as many as a layout may have. */
const membersMax = 10_000;
/** As in a layout: more make a change dearer and hardly safer. */
const votersMax = 7;
/** Steps in one message. */
const stepsMax = 1_024;

/** What one step does. */
export const RosterChange = Type.Union([
  /** `expiresAtMs`: until when it is let in, on each host's own clock; null: until it is removed. */
  Type.Object({ kind: Type.Literal('add'), hostId: HostId, name: HostName, expiresAtMs: Expiry }, closed),
  Type.Object({ kind: Type.Literal('remove'), hostId: HostId }, closed),
  Type.Object({ kind: Type.Literal('expire'), hostId: HostId, expiresAtMs: Expiry }, closed),
  /** The host runs and votes from the next step on: each says so for itself. `instead`: of a voter that is gone. */
  Type.Object(
    { kind: Type.Literal('voter'), hostId: HostId, instead: Type.Union([HostId, Type.Null()]) },
    closed,
  ),
]);
export type RosterChange = Static<typeof RosterChange>;

export const RosterStep = Type.Object(
  {
    version: Version,
    /** Null for the first. */
    previous: Type.Union([Digest, Type.Null()]),
    change: RosterChange,
    /** An operator gave up a host without the vote, for too few voters are left. */
    forced: Type.Boolean(),
    /** When, on the clock of the host that signed. Decides nothing. */
    atMs: TimeMs,
    by: HostId,
    signature: Signature,
    /** That a majority took it under one ballot. Not part of its digest; absent in the first and where it was forced. */
    proof: Type.Optional(
      Type.Object(
        {
          ballot: Ballot,
          votes: Type.Array(Type.Object({ host: HostId, signature: Signature }, closed), {
            maxItems: votersMax,
          }),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type RosterStep = Static<typeof RosterStep>;
export type RosterProof = NonNullable<RosterStep['proof']>;

export const RosterSteps = Type.Array(RosterStep, { maxItems: stepsMax });

/** What the chain came to at one version: for whoever does not know the steps before. */
export const RosterSnapshot = Type.Object(
  {
    version: Type.Integer({ minimum: 0, maximum: 2 ** 48 }),
    /** Of the step of this version; null before the first. */
    digest: Type.Union([Digest, Type.Null()]),
    members: Type.Array(
      Type.Object(
        { hostId: HostId, name: HostName, addedAtMs: TimeMs, addedBy: HostId, expiresAtMs: Expiry },
        closed,
      ),
      { maxItems: membersMax },
    ),
    voters: Type.Array(HostId, { maxItems: votersMax }),
  },
  closed,
);
export type RosterSnapshot = Static<typeof RosterSnapshot>;

/** All that a newcomer needs. */
export const RosterTale = Type.Object({ base: RosterSnapshot, steps: RosterSteps }, closed);
export type RosterTale = Static<typeof RosterTale>;

/** Where a host stands. */
export const RosterPosition = Type.Object({
  version: Type.Integer({ minimum: 0, maximum: 2 ** 48 }),
  digest: Type.Union([Digest, Type.Null()]),
});
export type RosterPosition = Static<typeof RosterPosition>;

/** `roster.json`. */
export const RosterFile = Type.Object(
  {
    /** Whose file it is: the votes of another host are not this one's. */
    host: HostId,
    ...RosterTale.properties,
    /** What this host promised and took in the vote on the next step. Values are base64url. */
    vote: Type.Union([
      Type.Object({
        promised: Type.Union([Ballot, Type.Null()]),
        accepted: Type.Union([
          Type.Object({
            ballot: Ballot,
            value: Type.Union([Type.String({ maxLength: 16_384 }), Type.Null()]),
            lineage: Accepted.properties.lineage,
          }),
          Type.Null(),
        ]),
      }),
      Type.Null(),
    ]),
  },
  closed,
);
export type RosterFile = Static<typeof RosterFile>;

/** rpc `roster.vote`: a message of the register that decides one step. Its value: the step as JSON, without proof. */
export const RosterVote = Type.Object({
  version: Version,
  /** Of the step before: who stands elsewhere does not vote. */
  previous: Digest,
  request: RegisterRequest,
});

/** The voter's signature under what it holds, where the answer tells of it. */
const vote = Type.Optional(Signature);
const held = Type.Union([Accepted, Type.Null()]);

/** Its answer. */
export const RosterReply = Type.Union([
  Type.Object({ kind: Type.Literal('state'), accepted: held, vote }),
  Type.Object({ kind: Type.Literal('promise'), ballot: Ballot, accepted: held, vote }),
  Type.Object({
    kind: Type.Literal('accepted'),
    ballot: Ballot,
    next: Type.Union([Ballot, Type.Null()]),
    vote,
  }),
  Type.Object({ kind: Type.Literal('conflict'), ballot: Ballot, promised: Ballot }),
]);
