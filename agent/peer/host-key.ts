/**
 * The host's identity: one ed25519 key in its data directory (`key`, PKCS #8 PEM, mode 0600).
 *
 *   seed ──> ed25519 key ──> HostId (libp2p peer id: the public key itself, base58)
 *                       ├──> libp2p noise identity
 *                       ├──> hyperswarm static key and signer of the journal
 *                       └──> key of the bulk channel's certificate
 *
 * One key for all of it, so that each channel proves the HostId directly and nothing has to be looked up or
 * vouched for. What is signed cannot be mistaken across uses: each begins differently (noise-libp2p's prefix,
 * TLS 1.3's 64 spaces and context, DER of a certificate, hypercore's hashed capability, our `shoal … \n`).
 * hyperswarm also uses the key for Diffie-Hellman, which is safe beside signing (Thormarker, "On using the same
 * key pair for Ed25519 and an X25519 based KEM", 2021).
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id';
import { ShoalError } from '../../proto/error.ts';
import { type HostId, parseHostId } from '../../proto/ids.ts';
import { readFileIfExists, writeFileAtomic } from '../base/atomic-file.ts';

export interface HostKey {
  readonly hostId: HostId;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
  readonly libp2pKey: Ed25519PrivateKey;
  /** The form that hyperswarm and hypercore take: 32 bytes, and seed followed by public key. */
  readonly keyPair: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
  /** 64 bytes. Give each use its own prefix. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Fixed DER heads of RFC 8410 before the 32 key bytes. */
const publicKeyHead = Buffer.from('302a300506032b6570032100', 'hex');

const keyObjects = new Map<HostId, KeyObject>();
/** Keys are parsed once; a peer that invents host ids must not grow the memory. */
const keyObjectsMax = 4_096;

export const hostIdOfPublicKey = (publicKey: Uint8Array): HostId =>
  parseHostId(peerIdFromPublicKey(publicKeyFromRaw(publicKey)).toString());

/** The 32 bytes that a HostId stands for. Throws BAD_REQUEST when the text is no key. */
export const publicKeyOf = (hostId: HostId): Uint8Array => {
  try {
    const raw = peerIdFromString(hostId).publicKey?.raw;
    if (raw?.length === 32) return raw;
  } catch {
    // Fifty-two base58 digits that hold no key: the same answer as below.
  }
  throw new ShoalError(
    'BAD_REQUEST',
    `Cannot read host id ${JSON.stringify(hostId)}: it holds no ed25519 key`,
  );
};

const keyObjectOf = (hostId: HostId): KeyObject => {
  const known = keyObjects.get(hostId);
  if (known) return known;
  const der = Buffer.concat([publicKeyHead, publicKeyOf(hostId)]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (keyObjects.size >= keyObjectsMax) keyObjects.clear();
  keyObjects.set(hostId, key);
  return key;
};

/** Did `hostId` sign these bytes? False as well when the id or the signature is not even well formed. */
export const verifySignature = (hostId: HostId, bytes: Uint8Array, signature: Uint8Array): boolean => {
  try {
    return signature.length === 64 && verify(null, bytes, keyObjectOf(hostId), signature);
  } catch {
    return false;
  }
};

export const hostKeyFrom = (privateKey: KeyObject): HostKey => {
  const jwk = privateKey.export({ format: 'jwk' });
  if (privateKey.asymmetricKeyType !== 'ed25519' || !jwk.d || !jwk.x)
    throw new ShoalError(
      'DAMAGED',
      `Cannot use a ${privateKey.asymmetricKeyType} key as host key: it must be ed25519`,
    );
  const publicKey = Buffer.from(jwk.x, 'base64url');
  const secretKey = Buffer.concat([Buffer.from(jwk.d, 'base64url'), publicKey]);
  return {
    hostId: hostIdOfPublicKey(publicKey),
    publicKey,
    privateKey,
    libp2pKey: privateKeyFromRaw(secretKey) as Ed25519PrivateKey,
    keyPair: { publicKey, secretKey },
    sign: (bytes) => sign(null, bytes, privateKey),
  };
};

export const newHostKey = (): HostKey => hostKeyFrom(generateKeyPairSync('ed25519').privateKey);

/**
 * The key of this data directory, made when there is none. A key that others may read is closed to them first.
 * Throws DAMAGED when the file holds no ed25519 key: a new one in its place would be another host.
 */
export const openHostKey = async (directory: string): Promise<HostKey> => {
  const path = join(directory, 'key');
  const stored = await readFileIfExists(path);
  if (!stored) {
    const fresh = newHostKey();
    const pem = fresh.privateKey.export({ format: 'pem', type: 'pkcs8' });
    await writeFileAtomic(path, pem, { mode: 0o600 });
    return fresh;
  }
  if ((await stat(path)).mode & 0o077) await chmod(path, 0o600);
  try {
    return hostKeyFrom(createPrivateKey(Buffer.from(stored)));
  } catch (cause) {
    throw new ShoalError(
      'DAMAGED',
      `Cannot read host key ${JSON.stringify(path)}: restore it, or remove this host from the roster and join again`,
      { cause },
    );
  }
};
