/**
 * A host id inside a token. As text it is the base58 of 38 bytes, the first six the same for every ed25519 key
 * (libp2p peer id: identity multihash of a protobuf), so 32 bytes carry it in a token.
 */
import { type HostId, parseHostId } from '../../proto/ids.ts';

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const prefix = 0x002408011220n;
const keyBits = 256n;

export const hostKeyOf = (host: HostId): Uint8Array => {
  let value = 0n;
  for (const digit of host) value = value * 58n + BigInt(alphabet.indexOf(digit));
  return Uint8Array.from(Buffer.from(BigInt.asUintN(256, value).toString(16).padStart(64, '0'), 'hex'));
};

/** Throws BAD_REQUEST on bytes that are no key. */
export const hostIdOf = (key: Uint8Array): HostId => {
  let value = (prefix << keyBits) | BigInt(`0x0${Buffer.from(key).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = alphabet[Number(value % 58n)] + text;
  // One leading zero byte is one leading 1.
  return parseHostId(`1${text}`);
};
