/**
 * Signed addresses and forms: an HMAC with a key that the owner keeps in the metadata of the account or of one
 * container (`Temp-URL-Key`, `Temp-URL-Key-2`) says what its holder may do, until when.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { Context } from './context.ts';
import { accountKey } from './records.ts';

export const digestNames = ['sha1', 'sha256', 'sha512'] as const;
export type SignatureDigest = (typeof digestNames)[number];

const digestOfLength: Readonly<Record<number, SignatureDigest>> = { 20: 'sha1', 32: 'sha256', 64: 'sha512' };

/** Hex, whose length tells the digest, or `sha256:` and base64 in either alphabet. undefined: neither. */
export const parseSignature = (
  text: string,
): { readonly digest: SignatureDigest; readonly bytes: Buffer } | undefined => {
  const [, named, base64] = /^(sha1|sha256|sha512):([A-Za-z0-9+/_-]+={0,2})$/.exec(text) ?? [];
  if (!named && !/^([\da-f]{2})+$/i.test(text)) return undefined;
  const bytes = named ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text, 'hex');
  const digest = digestOfLength[bytes.length];
  return digest && (!named || named === digest) ? { digest, bytes } : undefined;
};

export interface Key {
  readonly text: string;
  readonly scope: 'account' | 'container';
}

const keysIn = (
  metadata: Readonly<Record<string, string>> | undefined,
  scope: Key['scope'],
): readonly Key[] =>
  ['temp-url-key', 'temp-url-key-2'].flatMap((name) => {
    const text = metadata?.[name];
    return text ? [{ text, scope }] : [];
  });

/** Up to four: two of the account, two of the container. */
export const signingKeys = async (
  { records, containers }: Context,
  project: string,
  container: string,
): Promise<readonly Key[]> => {
  const [account, row] = await Promise.all([
    records.accounts.get(project, accountKey),
    containers.find(project, container),
  ]);
  return [...keysIn(account?.metadata, 'account'), ...keysIn(row?.metadata, 'container')];
};

/** The key that signed one of the texts, in time that tells nothing about the bytes. */
export const signedBy = (
  signature: string,
  texts: readonly string[],
  keys: readonly Key[],
): Key | undefined => {
  const parsed = parseSignature(signature);
  if (!parsed) return undefined;
  return keys.find(({ text: key }) =>
    texts.some((text) => timingSafeEqual(createHmac(parsed.digest, key).update(text).digest(), parsed.bytes)),
  );
};

/** Seconds since 1970, as such or in ISO 8601 (`2026-11-25T01:00:00Z`). undefined: neither. */
export const parseExpires = (text: string): number | undefined => {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ|T\d\d:\d\d:\d\d[+-]\d{4})?$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
};

/** An address, or a network `10.0.0.0/8`. */
export const isWithin = (range: string, address: string): boolean => {
  const [network = '', bits] = range.split('/');
  const bare = address.replace(/^::ffff:(?=\d+\.)/, '');
  const [kind, other] = [isIP(network), isIP(bare)];
  if (kind === 0 || kind !== other || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return false;
  const longest = kind === 4 ? 32 : 128;
  const prefix = bits === undefined ? longest : Number(bits);
  if (prefix > longest) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, kind === 4 ? 'ipv4' : 'ipv6');
  return list.check(bare, kind === 4 ? 'ipv4' : 'ipv6');
};
