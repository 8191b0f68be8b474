/**
 * Signatures of AWS as POST /v3/ec2tokens and /v3/s3tokens get them: a gateway sends what the client signed, and we
 * say whether the key's secret has signed it. EC2 requests come in parts, those of S3 with the string to sign.
 *
 * EC2: versions 0, 1, 2 (https://docs.aws.amazon.com/AWSEC2/latest/APIReference) and 4; S3: 1 (HMAC-SHA1) and 4.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { textOf } from '../base/text.ts';

/** What a gateway says about a request to EC2. Unknown fields are ignored. */
export interface SignedRequest {
  readonly access?: unknown;
  readonly signature?: unknown;
  readonly host?: unknown;
  readonly verb?: unknown;
  readonly path?: unknown;
  readonly params?: unknown;
  readonly headers?: unknown;
  readonly body_hash?: unknown;
  /** S3 only: base64url of the string to sign. */
  readonly token?: unknown;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const record = (value: unknown): Readonly<Record<string, string>> =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, textOf(one)]))
    : {};

const hmac = (key: string | Uint8Array, data: string, algorithm = 'sha256'): Buffer =>
  createHmac(algorithm, key).update(data).digest();

const same = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

/** AWS quotes all but letters, digits, `-`, `_`, `.` and `~`. */
const quote = (value: string): string =>
  encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const sortedQuery = (params: Readonly<Record<string, string>>): string =>
  Object.keys(params)
    .sort()
    .map((name) => `${quote(name)}=${quote(params[name] ?? '')}`)
    .join('&');

const keyOfV4 = (secret: string, scope: readonly string[]): Buffer =>
  scope.reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`));

/** Undefined when it says nothing that could be signed. */
const signV4 = (secret: string, request: SignedRequest, host: string): string | undefined => {
  const params = record(request.params);
  const headers = Object.fromEntries(
    Object.entries(record(request.headers)).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const authorization = headers.authorization ?? '';
  const part = (name: string): string | undefined =>
    new RegExp(`${name}=([^,\\s]+)`).exec(authorization)?.[1] ?? params[`X-Amz-${name}`];
  const credential = part('Credential');
  const signedNames = part('SignedHeaders');
  const date = params['X-Amz-Date'] ?? headers['x-amz-date'];
  if (!credential || !signedNames || !date) return undefined;
  const scope = credential.split('/').slice(1);
  const { 'X-Amz-Signature': _, ...query } = params;
  const canonicalHeaders = signedNames
    .toLowerCase()
    .split(';')
    .map((name) => `${name}:${(name === 'host' ? host : (headers[name] ?? '')).trim()}\n`)
    .join('');
  const bodyHash = text(request.body_hash) || createHash('sha256').update('').digest('hex');
  const canonical = [
    text(request.verb),
    text(request.path),
    text(request.verb) === 'POST' ? '' : sortedQuery(query),
    canonicalHeaders,
    signedNames.toLowerCase(),
    bodyHash,
  ].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', date, scope.join('/'), digest].join('\n');
  return hmac(keyOfV4(secret, scope), toSign).toString('hex');
};

const signOld = (secret: string, request: SignedRequest, host: string): string | undefined => {
  const params = record(request.params);
  const version = params.SignatureVersion;
  if (version === '0')
    return hmac(secret, `${params.Action ?? ''}${params.Timestamp ?? ''}`, 'sha1').toString('base64');
  if (version === '1') {
    const names = Object.keys(params).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
    return hmac(secret, names.map((name) => `${name}${params[name]}`).join(''), 'sha1').toString('base64');
  }
  if (version !== '2') return undefined;
  const algorithm = params.SignatureMethod === 'HmacSHA1' ? 'sha1' : 'sha256';
  const toSign = [text(request.verb), host, text(request.path), sortedQuery(params)].join('\n');
  return hmac(secret, toSign, algorithm).toString('base64');
};

const isV4 = ({ params, headers }: SignedRequest): boolean =>
  record(params)['X-Amz-Algorithm'] === 'AWS4-HMAC-SHA256' ||
  Object.entries(record(headers)).some(
    ([name, value]) => name.toLowerCase() === 'authorization' && value.startsWith('AWS4-HMAC-SHA256'),
  );

/** Some clients leave the port out of the host that they sign. */
export const verifyEc2 = (secret: string, request: SignedRequest): boolean => {
  const host = text(request.host);
  const sign = isV4(request) ? signV4 : signOld;
  return [host, host.replace(/:\d+$/, '')].some((one) => {
    const expected = sign(secret, request, one);
    return expected !== undefined && same(expected, text(request.signature));
  });
};

export const verifyS3 = (secret: string, request: SignedRequest): boolean => {
  const toSign = Buffer.from(text(request.token), 'base64url').toString('utf8');
  if (toSign === '') return false;
  if (!toSign.startsWith('AWS4'))
    return same(hmac(secret, toSign, 'sha1').toString('base64'), text(request.signature));
  const lines = toSign.split('\n');
  const scope = (lines[2] ?? '').split('/');
  const [, , service = '', end] = scope;
  if (lines.length !== 4 || lines[0] !== 'AWS4-HMAC-SHA256' || scope.length !== 4) return false;
  if (end !== 'aws4_request' || !['s3', 'iam', 'sts'].includes(service)) return false;
  return same(hmac(keyOfV4(secret, scope), toSign).toString('hex'), text(request.signature));
};

/** When it was signed, wall clock; undefined where it does not say so; NaN where it says nonsense. */
export const signedAtMs = (request: SignedRequest): number | undefined => {
  const headers = record(request.headers);
  const params = record(request.params);
  const said = params.Timestamp ?? params['X-Amz-Date'] ?? headers['X-Amz-Date'] ?? headers['x-amz-date'];
  if (said === undefined) return undefined;
  const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(said);
  return Date.parse(
    basic ? said.replace(basic[0], `${basic.slice(1, 4).join('-')}T${basic.slice(4).join(':')}Z`) : said,
  );
};
