/**
 * Content that is encrypted where it lies, chunk by chunk, with one key for all that shares a vault:
 *
 *     iv = HMAC-SHA256(key "iv", BLAKE3(bytes)), 16 bytes          kept = AES-256-CTR(key "bytes", iv, bytes)
 *
 * The iv is made of the bytes, as in RFC 5297: equal chunks of one vault are kept once, and whoever sees them learns that
 * they are equal and nothing else. That the kept bytes are those that were written is checked by their name, on every read.
 */
import { createCipheriv, createHmac } from 'node:crypto';
import { chunkHash } from './chunk-name.ts';

export interface Sealed {
  /** 16 bytes, kept beside the chunk's name. */
  readonly iv: Uint8Array;
  /** As long as what was sealed. */
  readonly bytes: Uint8Array;
}

export interface Vault {
  seal(bytes: Uint8Array): Sealed;
  open(sealed: Sealed): Uint8Array;
}

const ivBytes = 16;

const hmac = (key: Uint8Array, of: string | Uint8Array): Buffer =>
  createHmac('sha256', key).update(of).digest();

/** `key`: 32 bytes. */
export const openVault = (key: Uint8Array): Vault => {
  const ivKey = hmac(key, 'iv');
  const bytesKey = hmac(key, 'bytes');
  /** Counter mode is its own inverse. */
  const apply = (iv: Uint8Array, bytes: Uint8Array): Uint8Array =>
    createCipheriv('aes-256-ctr', bytesKey, iv).update(bytes);
  return {
    seal(bytes) {
      const iv = new Uint8Array(hmac(ivKey, chunkHash(bytes)).subarray(0, ivBytes));
      return { iv, bytes: apply(iv, bytes) };
    },
    open: ({ iv, bytes }) => apply(iv, bytes),
  };
};
