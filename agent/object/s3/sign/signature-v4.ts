/**
 * Signature version 4. The signer writes the request in a canonical form, hashes it, and signs the hash with a key
 * that is good for one day, region and service:
 *
 *     key = HMAC(HMAC(HMAC(HMAC("AWS4" secret, day), region), "s3"), "aws4_request")
 *     signature = HMAC(key, "AWS4-HMAC-SHA256" time scope SHA256(canonical request))
 *
 * Unlike other services S3 neither encodes the path twice nor folds `..` and `//` in it: they are parts of a key.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { ClaimV4 } from './claim.ts';
import { hmacSha256 } from './hmac.ts';
import { signingKeyCharsMax, signingKeysKeptMax } from './limits.ts';
import type { RawAsk } from './raw-ask.ts';

/** Header values are bytes to us, not text. */
const sha256 = (text: string): string => hash('sha256', Buffer.from(text, 'latin1'), 'hex');

const escaped = (code: number): string => `%${code.toString(16).toUpperCase().padStart(2, '0')}`;

/** Encodes all but letters, digits, `-`, `.`, `_` and `~`, after undoing what was encoded: once, whatever came. */
const requote = (text: string, keep = ''): string =>
  text.replaceAll(/%([\da-f]{2})|[^\w.~-]/gi, (found, hex?: string) => {
    const code = hex === undefined ? found.charCodeAt(0) & 0xff : Number.parseInt(hex, 16);
    const letter = String.fromCharCode(code);
    return /[\w.~-]/.test(letter) || letter === keep ? letter : escaped(code);
  });

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      return [requote(name.replaceAll('+', ' ')), requote(value.replaceAll('+', ' '))] as const;
    })
    .filter(([name]) => name !== 'X-Amz-Signature')
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');

/** Values without space around them, runs of it as one; what came twice is joined. */
const canonicalHeaders = ({ headers }: RawAsk, names: readonly string[]): string =>
  names
    .map((name) => {
      const values = (headers.get(name) ?? []).map((value) => value.trim().replaceAll(/[ \t]+/g, ' '));
      return `${name}:${values.join(',')}\n`;
    })
    .join('');

/**
 * Most senders sign the path as they send it. AWS decodes it and encodes it anew before it compares, so a sender may
 * also leave `(` plain on the line and sign `%28`. Both name the same key.
 */
export const canonicalRequests = (ask: RawAsk, claim: ClaimV4, payloadHash: string): readonly string[] =>
  [...new Set([requote(ask.path, '/'), ask.path])].map((path) =>
    [
      ask.method,
      path,
      canonicalQuery(ask.query),
      canonicalHeaders(ask, claim.signedHeaders),
      claim.signedHeaders.join(';'),
      payloadHash,
    ].join('\n'),
  );

export const scopeOf = ({ day, region }: Pick<ClaimV4, 'day' | 'region'>): string =>
  `${day}/${region}/s3/aws4_request`;

/** By secret and scope, in the order in which they were made. */
const signingKeys = new Map<string, Buffer>();

/** The same for all that is signed with a key on one day: four of the five hashes of a signature. */
export const signingKey = (secret: string, claim: Pick<ClaimV4, 'day' | 'region'>): Buffer => {
  const scope = scopeOf(claim);
  const name = `${scope}/${secret}`;
  const known = signingKeys.get(name);
  if (known) return known;
  const key = scope.split('/').reduce<Buffer>(hmacSha256, Buffer.from(`AWS4${secret}`));
  if (name.length > signingKeyCharsMax) return key;
  const [oldest] = signingKeys.keys();
  if (signingKeys.size >= signingKeysKeptMax && oldest !== undefined) signingKeys.delete(oldest);
  signingKeys.set(name, key);
  return key;
};

export const stringToSign = (claim: Pick<ClaimV4, 'time' | 'day' | 'region'>, canonical: string): string =>
  ['AWS4-HMAC-SHA256', claim.time, scopeOf(claim), sha256(canonical)].join('\n');

/** Lower-case hex. */
export const signText = (key: Uint8Array, text: string): string => hmacSha256(key, text).toString('hex');

/** In time that tells nothing about where they differ. */
export const sameText = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};
