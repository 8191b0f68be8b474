/**
 * What agents say to each other below all other messages: where hosts are found, and how a new one joins (who is let
 * in: roster.ts). Everything here may come from a hostile peer, so each shape has a schema that is checked before
 * the value is used. Signatures and keys are base64url text.
 */
import { type Static, Type } from 'typebox';
import { HostName, RosterPosition, RosterSteps, RosterTale } from './roster.ts';

const HostId = Type.String({ pattern: '^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$' });
const ClusterId = Type.String({ pattern: '^[0-9a-f]{32}$' });
const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' });
/** 32 random or hashed bytes. */
const Bytes32 = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
const TimeMs = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

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

/** rpc `peer.hello`, on every new connection and now and then: where are you, and where on the roster's chain? */
export const Hello = Type.Object({ roster: RosterPosition, addresses: HostAddresses });
export type Hello = Static<typeof Hello>;

/** Its answer; the steps are there when the two stand at different places. */
export const HelloAnswer = Type.Object({
  roster: RosterPosition,
  addresses: HostAddresses,
  steps: Type.Optional(RosterSteps),
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
  /** The first step of the roster is its own. It has no other privilege and may leave. */
  founder: HostId,
  /** Known to rostered hosts only; invites' secrets are derived from it. */
  secret: Bytes32,
  topic: Bytes32,
});
export type ClusterFacts = Static<typeof ClusterFacts>;

/** Message 4: welcome. */
export const JoinWelcome = Type.Object({
  cluster: ClusterFacts,
  roster: RosterTale,
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
