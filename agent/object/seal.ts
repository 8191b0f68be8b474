/**
 * Objects that are encrypted where they lie: with a key of the caller's, who sends it each time and of which only a
 * check is kept, or with one of the cluster's.
 *
 *     key of the owner --HMAC(nonce)--> key of the object --HMAC(part)--> key of a part --AES-256-CTR--> bytes
 *
 * No two pieces of content share a key, so counters begin at zero and any byte can be read by itself. That the bytes
 * are still those that were written is checked by the names of their chunks, as for all content.
 */
import { createCipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { ShoalError } from '../../proto/error.ts';
import type { Chance } from '../runtime/ports.ts';

/** What a row keeps of it. Base64. */
export type Seal = { readonly nonce: string; readonly parts?: readonly SealedPart[] } & (
  | { readonly kind: 'managed'; readonly project: string }
  | { readonly kind: 'customer'; readonly check: string; readonly keyMd5: string }
);

/** Each part of an object has a key of its own, by the upload that it came with. */
export interface SealedPart {
  readonly upload: string;
  readonly bytes: number;
}

export type SealWish =
  | { readonly kind: 'managed' }
  | { readonly kind: 'customer'; readonly key: Uint8Array; readonly keyMd5: string };

const derive = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** The project's, from the cluster's secret: every host has it, and none stores it beside the objects. */
const projectKey = (secret: Uint8Array, project: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, project, 'shoal object seal', 32));

const checkOf = (key: Uint8Array, nonce: string): Buffer => derive(key, `check ${nonce}`);

export interface Seals {
  make(wish: SealWish, project: string): Seal;
  /** Throws FORBIDDEN where the customer's key is missing or another. */
  keyOf(seal: Seal, customerKey: Uint8Array | undefined): Uint8Array;
}

/** `secret`: the cluster's, 32 bytes. */
export const openSeals = (secret: Uint8Array, chance: Pick<Chance, 'bytes'>): Seals => ({
  make(wish, project) {
    const nonce = Buffer.from(chance.bytes(16)).toString('base64');
    if (wish.kind === 'managed') return { kind: 'managed', nonce, project };
    const { key, keyMd5 } = wish;
    return { kind: 'customer', nonce, keyMd5, check: checkOf(key, nonce).toString('base64') };
  },
  keyOf(seal, customerKey) {
    if (seal.kind === 'managed') return derive(projectKey(secret, seal.project), seal.nonce);
    const isRight =
      customerKey !== undefined &&
      timingSafeEqual(checkOf(customerKey, seal.nonce), Buffer.from(seal.check, 'base64'));
    if (!isRight || !customerKey)
      throw new ShoalError('FORBIDDEN', 'The object is encrypted with a key that did not come with the call');
    return derive(customerKey, seal.nonce);
  },
});

/** Of one part; '' for an object in one piece. */
const partKey = (key: Uint8Array, upload: string): Uint8Array => (upload === '' ? key : derive(key, upload));

const blockBytes = 16;

/** The same call encrypts and decrypts. `start`: where the bytes stand in their content. */
const cipherAt = (key: Uint8Array, start: number) => {
  const counter = Buffer.alloc(blockBytes);
  counter.writeBigUInt64BE(BigInt(Math.floor(start / blockBytes)), 8);
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  cipher.update(new Uint8Array(start % blockBytes));
  return cipher;
};

async function* through(
  key: Uint8Array,
  start: number,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const cipher = cipherAt(key, start);
  for await (const piece of source) yield cipher.update(piece);
}

export interface Sealing {
  readonly source: AsyncIterable<Uint8Array>;
  /** Of the plain bytes, once they have ended. */
  md5(): string;
}

/** `upload`: of a part, '' for a whole object. */
export const sealBytes = (key: Uint8Array, upload: string, source: AsyncIterable<Uint8Array>): Sealing => {
  const hash = createHash('md5');
  async function* hashed() {
    for await (const piece of source) {
      hash.update(piece);
      yield piece;
    }
  }
  return { source: through(partKey(key, upload), 0, hashed()), md5: () => hash.digest('hex') };
};

export interface Range {
  readonly start?: number;
  readonly end?: number;
}

/** Plain bytes of a range; `read` gives those that are stored. */
export async function* unsealBytes(
  key: Uint8Array,
  { parts }: Seal,
  bytes: number,
  { start = 0, end = bytes }: Range,
  read: (range: { readonly start: number; readonly end: number }) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  for (const part of parts ?? [{ upload: '', bytes }]) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + part.bytes);
    if (from < to) yield* through(partKey(key, part.upload), from - at, read({ start: from, end: to }));
    at += part.bytes;
  }
}
