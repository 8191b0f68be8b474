/**
 * Invite tokens. An invite's body is signed by a rostered host; its secret is derived from the body and the
 * cluster's secret, so any host of the cluster can check it and none has to remember it: the issuer may be gone.
 * A removed host still knows the cluster's secret but can sign no body that counts. That an invite is used once
 * is not decided here but by a register (`JoinHooks.consume`).
 *
 *   token = "shoal1." + base64url(msgpack [body in bytes, secret, signature])
 *
 * The secret never travels in a join; both sides prove with HMACs over both host ids and fresh nonces that they
 * know it, so neither a stranger at an address of the token nor one in between learns anything it can use.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { multiaddr } from '@multiformats/multiaddr';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { type ClusterFacts, InviteBody } from '../../proto/message/peer.ts';
import { fromHex, toBase64Url, toHex } from '../base/bytes.ts';
import { checker } from './check.ts';
import { type HostKey, hostIdOfPublicKey, publicKeyOf, verifySignature } from './host-key.ts';
import { inviteCharsMax } from './limits.ts';

export interface Invite {
  readonly body: InviteBody;
  /** base64url of 64 bytes. */
  readonly signature: string;
  /** 16 bytes. */
  readonly secret: Uint8Array;
}

const prefix = 'shoal1.';
const packed = codec<unknown>('invite');
const checkBody = checker('invite', InviteBody);

/** What is signed, and what the secret depends on: every field, in one order. */
const bodyBytes = (body: InviteBody): Uint8Array =>
  Buffer.from(
    `shoal invite\n${JSON.stringify([
      body.clusterId,
      body.clusterName,
      body.inviteId,
      body.expiresAtMs,
      body.issuer,
      body.topic,
      body.addresses.map(({ hostId, peer, dht }) => [hostId, peer, dht ?? null]),
    ])}`,
  );

export const inviteSecret = (cluster: Pick<ClusterFacts, 'secret'>, body: InviteBody): Uint8Array =>
  createHmac('sha256', Buffer.from(cluster.secret, 'base64url'))
    .update(bodyBytes(body))
    .digest()
    .subarray(0, 16);

export const signInvite = (
  key: HostKey,
  cluster: Pick<ClusterFacts, 'secret'>,
  body: InviteBody,
): Invite => ({
  body,
  signature: toBase64Url(key.sign(bodyBytes(body))),
  secret: inviteSecret(cluster, body),
});

export const inviteIsSigned = (body: InviteBody, signature: string): boolean =>
  verifySignature(body.issuer as HostId, bodyBytes(body), Buffer.from(signature, 'base64url'));

/** Proof by `prover` to `verifier` that it knows the secret, 32 bytes. `role` keeps the two directions apart. */
export const joinProof = (
  secret: Uint8Array,
  role: 'cluster' | 'newcomer',
  parties: {
    readonly newcomer: HostId;
    readonly host: HostId;
    readonly newcomerNonce: string;
    readonly hostNonce: string;
  },
): Uint8Array =>
  createHmac('sha256', secret)
    .update(
      `shoal join\n${JSON.stringify([role, parties.newcomer, parties.host, parties.newcomerNonce, parties.hostNonce])}`,
    )
    .digest();

export const proofIsRight = (expected: Uint8Array, given: string): boolean => {
  const bytes = Buffer.from(given, 'base64url');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
};

export const encodeInvite = ({ body, signature, secret }: Invite): string =>
  prefix +
  toBase64Url(
    packed.encode([
      fromHex(body.clusterId),
      body.clusterName,
      Buffer.from(body.inviteId, 'base64url'),
      body.expiresAtMs,
      publicKeyOf(body.issuer as HostId),
      Buffer.from(body.topic, 'base64url'),
      body.addresses.map(({ hostId, peer, dht }) => [
        publicKeyOf(hostId as HostId),
        peer.map((address) => multiaddr(address).bytes),
        dht ?? null,
      ]),
      Buffer.from(signature, 'base64url'),
      secret,
    ]),
  );

/** Throws BAD_REQUEST on anything that `encodeInvite` did not write. Says nothing about who signed it. */
export const parseInvite = (token: string): Invite => {
  const text = token.trim();
  try {
    if (!text.startsWith(prefix) || text.length > inviteCharsMax) throw new Error(`it begins with ${prefix}`);
    const fields = packed.decode(Buffer.from(text.slice(prefix.length), 'base64url')) as [
      Uint8Array,
      string,
      Uint8Array,
      number,
      Uint8Array,
      Uint8Array,
      [Uint8Array, Uint8Array[], string | null][],
      Uint8Array,
      Uint8Array,
    ];
    const [clusterId, clusterName, inviteId, expiresAtMs, issuer, topic, addresses, signature, secret] =
      fields;
    const body = checkBody({
      clusterId: toHex(clusterId),
      clusterName,
      inviteId: toBase64Url(inviteId),
      expiresAtMs,
      issuer: hostIdOfPublicKey(issuer),
      topic: toBase64Url(topic),
      addresses: addresses.map(([publicKey, peer, dht]) => ({
        hostId: hostIdOfPublicKey(publicKey),
        peer: peer.map((bytes) => multiaddr(bytes).toString()),
        ...(dht === null ? {} : { dht }),
      })),
    });
    if (secret.length !== 16 || signature.length !== 64) throw new Error('a part has another length');
    if (!inviteIsSigned(body, toBase64Url(signature))) throw new Error('its signature is wrong');
    return { body, signature: toBase64Url(signature), secret: Uint8Array.from(secret) };
  } catch (cause) {
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot read the invite of ${text.length} characters: copy the whole token that "shoal invite" printed`,
      { cause },
    );
  }
};
