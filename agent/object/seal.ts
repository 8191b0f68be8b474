/**
 * Objects that are encrypted where they lie: with a key of the caller's, who sends it each time and of which only a
 * check is kept, or with one of the cluster's.
 *
 *     the caller's key --HMAC(nonce)--> key of the object --HMAC(part)--> key of a part --AES-256-CTR--> bytes
 *     the cluster's secret --HKDF(project, name)--> vault of the project (`chunk/vault.ts`) --> chunks
 *
 * A project has one vault that has no name (SSE-S3) and as many as it names (SSE-KMS: the id of a key is the name). Keys are
 * derived and not kept, so none can be lost, and none disabled: who may read an object is said by its bucket.
 *
 * No two pieces of content share a key of the caller's, so counters begin at zero and any byte can be read by itself. A
 * vault keeps equal chunks of its project once. That the bytes are still those that were written is checked by the names
 * of their chunks, as for all content.
 */
import { createCipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { ShoalError } from '../../proto/error.ts';
import { openVault, type Vault } from '../chunk/vault.ts';
import type { Chance } from '../runtime/ports.ts';

/** What a row keeps of it. */
export type Seal = ManagedSeal | CustomerSeal;

interface ManagedSeal {
  readonly kind: 'managed';
  /** Whose vault it lies in, and in which. */
  readonly project: string;
  readonly keyName?: string | undefined;
}

interface CustomerSeal {
  readonly kind: 'customer';
  /** Base64, as the others. */
  readonly nonce: string;
  readonly check: string;
  readonly keyMd5: string;
  readonly parts?: readonly SealedPart[];
}

/** Each part of an object has a key of its own, by the upload that it came with. */
export interface SealedPart {
  readonly upload: string;
  readonly bytes: number;
}

/** `keyName`: of the project's own; absent: the vault that has none. */
export interface ManagedWish {
  readonly kind: 'managed';
  readonly keyName?: string | undefined;
}

export type SealWish =
  | ManagedWish
  | { readonly kind: 'customer'; readonly key: Uint8Array; readonly keyMd5: string };

const derive = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** From the cluster's secret: every host has it, and none stores it beside the objects. */
const vaultOf = (secret: Uint8Array, { project, keyName }: Omit<ManagedSeal, 'kind'>): Vault => {
  const info = `shoal object seal${keyName === undefined ? '' : ` by ${keyName}`}`;
  return openVault(new Uint8Array(hkdfSync('sha256', secret, project, info, 32)));
};

const checkOf = (key: Uint8Array, nonce: string): Buffer => derive(key, `check ${nonce}`);

/** What opens a seal. */
export type Opener =
  | { readonly vault: Vault; readonly seal: ManagedSeal }
  | { readonly vault?: never; readonly seal: CustomerSeal; readonly key: Uint8Array };

export interface Seals {
  /** All content is sealed with a managed key, whether somebody wishes it or not. */
  readonly sealAll: boolean;
  make(wish: SealWish, project: string): Seal;
  /** Throws FORBIDDEN where the customer's key is missing or another. */
  open(seal: Seal, customerKey: Uint8Array | undefined): Opener;
}

/** `secret`: the cluster's, 32 bytes. */
export const openSeals = (secret: Uint8Array, chance: Pick<Chance, 'bytes'>, sealAll: boolean): Seals => ({
  sealAll,
  make(wish, project) {
    if (wish.kind === 'managed') {
      const { keyName } = wish;
      return { kind: 'managed', project, ...(keyName === undefined ? {} : { keyName }) };
    }
    const nonce = Buffer.from(chance.bytes(16)).toString('base64');
    const { key, keyMd5 } = wish;
    return { kind: 'customer', nonce, keyMd5, check: checkOf(key, nonce).toString('base64') };
  },
  open(seal, customerKey) {
    if (seal.kind === 'managed') return { seal, vault: vaultOf(secret, seal) };
    const isRight =
      customerKey !== undefined &&
      timingSafeEqual(checkOf(customerKey, seal.nonce), Buffer.from(seal.check, 'base64'));
    if (!isRight || !customerKey)
      throw new ShoalError('FORBIDDEN', 'The object is encrypted with a key that did not come with the call');
    return { seal, key: derive(customerKey, seal.nonce) };
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

/** One content only: what lies in a vault can be shared by all of its project. */
export const isOneVault = (a: Seal | undefined, b: Seal | undefined): boolean =>
  a?.kind === 'managed' && b?.kind === 'managed'
    ? a.project === b.project && a.keyName === b.keyName
    : a === undefined && b === undefined;

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
  parts: readonly SealedPart[] | undefined,
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
