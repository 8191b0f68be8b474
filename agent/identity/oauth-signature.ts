/** Signatures of OAuth 1.0a, RFC 5849: what a request's Authorization header says, and whether both secrets signed it. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { oauthCharsMax } from './limits.ts';

/** A request as its sender has signed it. */
export interface OauthRequest {
  readonly method: string;
  /** Without the query. */
  readonly url: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

export type OauthFields = Readonly<Record<string, string>>;

const algorithms: Readonly<Record<string, string>> = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' };

/** Half a character cannot be encoded, and no signer can have sent one. */
const quote = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Undefined when it is no header of OAuth. */
export const parseOauth = (authorization: string | undefined): OauthFields | undefined => {
  if (!authorization || authorization.length > oauthCharsMax || !/^OAuth\s/i.test(authorization))
    return undefined;
  try {
    const fields = [...authorization.slice(6).matchAll(/([\w.-]+)="([^"]*)"/g)];
    return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined;
  }
};

const baseString = ({ method, url, query }: OauthRequest, fields: OauthFields): string => {
  const signed = Object.entries(fields).filter(([name]) => name !== 'oauth_signature' && name !== 'realm');
  const pairs = [...query, ...signed].map(([name, value]) => [quote(name), quote(value)] as const);
  pairs.sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1));
  const parameters = pairs.map(([name, value]) => `${name}=${value}`).join('&');
  return [method.toUpperCase(), new URL(url).href, parameters].map(quote).join('&');
};

/** `tokenSecret`: empty where there is no token yet. */
export const verifyOauth = (request: OauthRequest, consumerSecret: string, tokenSecret: string): boolean => {
  const fields = parseOauth(request.authorization);
  const method = fields?.oauth_signature_method ?? '';
  const algorithm = Object.hasOwn(algorithms, method) ? algorithms[method] : undefined;
  if (!fields || !algorithm) return false;
  const expected = createHmac(algorithm, `${quote(consumerSecret)}&${quote(tokenSecret)}`)
    .update(baseString(request, fields))
    .digest();
  const given = Buffer.from(fields.oauth_signature ?? '', 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
};
