/**
 * A host's addresses as it keeps them in the DHT, under its key: signed by it (the DHT refuses other writers, and
 * who reads checks), and sealed with the cluster's topic, so that a node which is asked for them learns nothing.
 *
 *   record = 12 bytes nonce, 16 bytes tag, AES-256-GCM of the encoded addresses
 *
 * Only a hint, like every address: whoever answers there must prove its host key.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { codec } from '../../proto/codec.ts';
import type { HostId } from '../../proto/ids.ts';
import { HostAddresses } from '../../proto/message/peer.ts';
import { checker } from './check.ts';
import { recordBytesMax } from './limits.ts';

const nonceBytes = 12;
const tagBytes = 16;
const packed = codec<unknown>('address record');
const checkAddresses = checker('address record', HostAddresses);

const keyOf = (topic: Uint8Array): Uint8Array =>
  createHash('sha256').update('shoal addresses\n').update(topic).digest();

/** `nonce`: 12 random bytes. Leaves out the last peer addresses when there are more than a record holds. */
export const sealAddresses = (
  topic: Uint8Array,
  hostId: HostId,
  addresses: HostAddresses,
  nonce: Uint8Array,
): Uint8Array => {
  const plain = packed.encode(addresses);
  if (plain.length > recordBytesMax - nonceBytes - tagBytes && addresses.peer.length > 0)
    return sealAddresses(topic, hostId, { ...addresses, peer: addresses.peer.slice(0, -1) }, nonce);
  const cipher = createCipheriv('aes-256-gcm', keyOf(topic), nonce).setAAD(Buffer.from(hostId));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
};

/** Undefined on anything that `sealAddresses` did not make for this host under this topic. */
export const openAddresses = (
  topic: Uint8Array,
  hostId: HostId,
  record: Uint8Array,
): HostAddresses | undefined => {
  try {
    const nonce = record.subarray(0, nonceBytes);
    const tag = record.subarray(nonceBytes, nonceBytes + tagBytes);
    const decipher = createDecipheriv('aes-256-gcm', keyOf(topic), nonce, { authTagLength: tagBytes })
      .setAAD(Buffer.from(hostId))
      .setAuthTag(tag);
    const plain = Buffer.concat([decipher.update(record.subarray(nonceBytes + tagBytes)), decipher.final()]);
    return checkAddresses(packed.decode(plain));
  } catch {
    return undefined;
  }
};
