/**
 * The layout: which hosts share the key space, as one version of a chain. Each version names its predecessor by
 * digest; owners are a pure function of the record (agent/ring/assign.ts), so only members and weights travel.
 *
 *   v1 <--previous-- v2 <--previous-- v3
 */
import { type Static, Type } from 'typebox';
import { Accepted, Ballot, RegisterRequest } from './register.ts';

/** Owners are numbered by 16 bits in an assignment; 10,000 members of 100 bytes are a record of 1 MB. */
const membersMax = 10_000;

const HostId = Type.String({ pattern: '^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$' });
const Version = Type.Integer({ minimum: 1, maximum: 2 ** 48 });
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' });

const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });

/** As many as 7: beyond, a write costs more than what it saves is worth. */
const Replicas = Type.Integer({ minimum: 1, maximum: 7 });

export const LayoutMember = Type.Object({
  hostId: HostId,
  /** Zone, and rack after a slash where there are any: `z1/r2`. */
  zone: Type.String({ maxLength: 256 }),
  /** What it should hold, in proportion. 0: a witness, it votes on layouts and stores nothing. */
  capacityBytes: Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  /**
   * How much it wins in rendezvous; only proportions mean anything. Set by whoever proposes so that loads follow
   * capacities and little moves (agent/ring/balance.ts). 0 where the capacity is.
   */
  weight: Type.Number({ minimum: 0, maximum: 1e30 }),
});

/** That a majority of the acceptors took a version under one ballot (agent/ring/layout-proof.ts). */
export const LayoutProof = Type.Object({
  ballot: Ballot,
  votes: Type.Array(Type.Object({ host: HostId, signature: Signature }), { maxItems: 7 }),
});
export type LayoutProof = Static<typeof LayoutProof>;

export const Layout = Type.Object({
  version: Version,
  /** BLAKE3 of the predecessor (agent/ring/layout.ts); null for version 1. */
  previous: Type.Union([Digest, Type.Null()]),
  /** The key space has 2^partitionBits partitions. The same in all versions. */
  partitionBits: Type.Integer({ minimum: 0, maximum: 16 }),
  replicas: Replicas,
  /** What operators asked for; `replicas` are fewer while fewer hosts store. */
  replicasWanted: Replicas,
  /** Which edition of the assignment function gives the owners. */
  assignment: Type.Literal(2),
  /** In order of their ids. */
  members: Type.Array(LayoutMember, { minItems: 1, maxItems: membersMax }),
  /**
   * Hosts that an operator removed by force, without the vote of the acceptors: the older live versions then count
   * without them, too. Empty for a version that was agreed.
   */
  forced: Type.Array(HostId, { maxItems: membersMax }),
  /** For people: `joined: shoal-3`. */
  reason: Type.String({ maxLength: 1024 }),
  /** When and by whom it was proposed, on that host's clock. */
  atMs: Type.Number(),
  by: HostId,
  /** Not part of its digest. Absent in the first version, in what is voted on, and where an operator forced it. */
  proof: Type.Optional(LayoutProof),
});
export type Layout = Static<typeof Layout>;
export type LayoutMember = Static<typeof LayoutMember>;

const Numbers = Type.Record(Type.String({ maxLength: 64 }), Type.Integer({ minimum: 0, maximum: 2 ** 48 }));

/** Per host the newest version that it knows, that it fully holds, and of which it knows that all hold it. */
export const Progress = Type.Object({ ack: Numbers, sync: Numbers, syncAck: Numbers });
export type Progress = Static<typeof Progress>;

/**
 * What operators want of the ring, by name: `paused` (0 or 1), `replicas`, `drain/HOST` (0 or 1). Each is a value that
 * the newest sequence wins, the larger host id between equals: on every host's disk, gossiped, merged.
 */
export const Wish = Type.Object({
  value: Type.Integer({ minimum: 0, maximum: 7 }),
  sequence: Type.Integer({ minimum: 1, maximum: 2 ** 48 }),
  /** The host that was asked, when, and by which user. */
  host: HostId,
  atMs: Type.Number(),
  by: Type.String({ maxLength: 256 }),
});
export type Wish = Static<typeof Wish>;
export const Wishes = Type.Record(
  Type.String({ pattern: '^(paused|replicas|drain/12D3Koo[1-9A-HJ-NP-Za-km-z]{45})$' }),
  Wish,
  { additionalProperties: false, maxProperties: membersMax + 2 },
);
export type Wishes = Static<typeof Wishes>;

/** Topic `layout`: where its sender stands; the layout when it has just been agreed. */
export const LayoutNews = Type.Object({
  newest: Type.Integer({ minimum: 0 }),
  digest: Type.Union([Digest, Type.Null()]),
  progress: Progress,
  layout: Type.Optional(Layout),
  /** Of all wishes that its sender holds (agent/ring/wishes.ts): whoever holds others tells it. */
  wishesDigest: Type.String({ maxLength: 64 }),
  /** Those that are new. */
  wishes: Type.Optional(Wishes),
});
export type LayoutNews = Static<typeof LayoutNews>;

/** rpc `layout.fetch`: the chain after a version, all that is live for who knows nothing (0). */
export const LayoutFetch = Type.Object({ after: Type.Integer({ minimum: 0 }) });

/** Its answer, and rpc `layout.push` to a host that was seen to lag. */
export const LayoutTale = Type.Object({
  /** Oldest that is live for the teller; 0 while it knows none. */
  oldest: Type.Integer({ minimum: 0 }),
  /** Ascending, without gaps. */
  layouts: Type.Array(Layout, { maxItems: 256 }),
  progress: Progress,
  wishes: Wishes,
});
export type LayoutTale = Static<typeof LayoutTale>;

/** agent/register/lives.ts */
const Life = Type.Integer({ minimum: 1, maximum: 2 ** 48 });

/** rpc `layout.register`: a message of the register (agent/register/message.ts) that decides one version. */
export const LayoutVote = Type.Object({
  version: Version,
  /** Of the layout before: acceptors answer only who stands on the same chain. */
  previous: Digest,
  request: RegisterRequest,
  /** The sender lost its disk, and this is how often it has tried to recall its votes on this version since. */
  life: Type.Optional(Life),
});

/** The acceptor's signature under what it holds, where the answer tells of it. */
const vote = Type.Optional(Signature);
/** Who was reborn during this vote, as the acceptor knew before the request. */
const lives = Type.Optional(
  Type.Record(Type.String({ pattern: '^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$' }), Life, { maxProperties: 8 }),
);

/** Its answer. */
export const LayoutReply = Type.Union([
  Type.Object({ kind: Type.Literal('state'), accepted: Type.Union([Accepted, Type.Null()]), vote, lives }),
  Type.Object({
    kind: Type.Literal('promise'),
    ballot: Ballot,
    accepted: Type.Union([Accepted, Type.Null()]),
    vote,
    lives,
  }),
  Type.Object({
    kind: Type.Literal('accepted'),
    ballot: Ballot,
    next: Type.Union([Ballot, Type.Null()]),
    vote,
    lives,
  }),
  Type.Object({ kind: Type.Literal('conflict'), ballot: Ballot, promised: Ballot, lives }),
]);
