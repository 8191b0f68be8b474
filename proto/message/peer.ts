/**
 * What agents say to each other below all other messages: who is allowed in, where hosts are found, and how a
 * new one joins. Everything here may come from a hostile peer, so each shape has a schema that is checked before
 * the value is used. Signatures and keys are base64url text: the roster file can be read by people.
 */
import { type Static, Type } from 'typebox';

const HostId = Type.String({ pattern: '^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$' });
const ClusterId = Type.String({ pattern: '^[0-9a-f]{32}$' });
const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });
/** 32 random or hashed bytes. */
const Bytes32 = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
const TimeMs = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const HostName = Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$' });

/** One signed word about one host. The set of them is the roster (agent/peer/roster-set.ts). */
export const RosterEntry = Type.Object(
  {
    hostId: HostId,
    name: HostName,
    state: Type.Union([Type.Literal('in'), Type.Literal('removed')]),
    /** `stamp.host` is who signed. */
    stamp: Type.Object(
      {
        wallMs: TimeMs,
        count: Type.Integer({ minimum: 0, maximum: 2 ** 32 }),
        host: HostId,
      },
      { additionalProperties: false },
    ),
    /** A removal lists the entries by the removed host that go on to count, by their `entryId`. Empty otherwise. */
    keeps: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }), { maxItems: 10_000 }),
    signature: Signature,
  },
  { additionalProperties: false },
);
export type RosterEntry = Static<typeof RosterEntry>;

export const RosterEntries = Type.Array(RosterEntry, { maxItems: 10_000 });

/** Where a host listens. */
export const HostAddresses = Type.Object({
  /** libp2p multiaddrs without the `/p2p/` part. */
  peer: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 16 }),
  /** `host:port` of the bulk channel. */
  bulk: Type.Optional(Type.String({ maxLength: 256 })),
  /** `host:port` of its DHT node. */
  dht: Type.Optional(Type.String({ maxLength: 256 })),
});
export type HostAddresses = Static<typeof HostAddresses>;

/** rpc `peer.hello`, on every new connection and now and then: do we agree on the roster, and where are you? */
export const Hello = Type.Object({
  rosterDigest: Type.String({ maxLength: 64 }),
  addresses: HostAddresses,
});
export type Hello = Static<typeof Hello>;

/** Its answer; the entries are there when the digests differ. */
export const HelloAnswer = Type.Object({
  rosterDigest: Type.String({ maxLength: 64 }),
  addresses: HostAddresses,
  entries: Type.Optional(RosterEntries),
});
export type HelloAnswer = Static<typeof HelloAnswer>;

/** What an invite says, signed by the host that issued it. The secret that goes with it is not part of it. */
export const InviteBody = Type.Object(
  {
    clusterId: ClusterId,
    clusterName: HostName,
    inviteId: Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' }),
    expiresAtMs: TimeMs,
    issuer: HostId,
    /** hyperswarm topic of the cluster. */
    topic: Bytes32,
    addresses: Type.Array(
      Type.Object(
        {
          hostId: HostId,
          peer: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 3 }),
          dht: Type.Optional(Type.String({ maxLength: 256 })),
        },
        { additionalProperties: false },
      ),
      { maxItems: 3 },
    ),
  },
  { additionalProperties: false },
);
export type InviteBody = Static<typeof InviteBody>;

/** Joining, message 1: the newcomer shows its invite and asks for a proof that the other side belongs to the cluster. */
export const JoinRequest = Type.Object({
  body: InviteBody,
  signature: Signature,
  name: HostName,
  nonce: Bytes32,
});
export type JoinRequest = Static<typeof JoinRequest>;

/** Message 2, from the cluster. */
export const JoinChallenge = Type.Object({ nonce: Bytes32, proof: Bytes32 });
/** Message 3: the newcomer's proof. */
export const JoinProof = Type.Object({ proof: Bytes32 });

/** What makes a data directory part of a cluster: `cluster.json`, and the heart of message 4. */
export const ClusterFacts = Type.Object({
  clusterId: ClusterId,
  name: HostName,
  /** Its self-signed entry begins the roster. It has no other privilege and may leave. */
  founder: HostId,
  /** Known to rostered hosts only; invites' secrets are derived from it. */
  secret: Bytes32,
  topic: Bytes32,
});
export type ClusterFacts = Static<typeof ClusterFacts>;

/** Message 4: welcome. */
export const JoinWelcome = Type.Object({
  cluster: ClusterFacts,
  entries: RosterEntries,
  addresses: Type.Record(Type.String(), HostAddresses),
  /** What the composition hands to a new host; opaque here. */
  welcome: Type.Unknown(),
});
export type JoinWelcome = Static<typeof JoinWelcome>;

/** In the place of message 2 or 4, or as the only frame a stranger gets from any other protocol. */
export const Refusal = Type.Object({
  refused: Type.Object({ code: Type.String({ maxLength: 32 }), message: Type.String({ maxLength: 1024 }) }),
});
export type Refusal = Static<typeof Refusal>;
