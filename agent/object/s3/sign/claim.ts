/**
 * Who a request says it is from, and where it says so, before anything of it is believed:
 *
 *     Authorization: AWS4-HMAC-SHA256 Credential=KEY/20261125/REGION/s3/aws4_request, SignedHeaders=host;..., Signature=HEX
 *     ?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=...&X-Amz-Date=...&X-Amz-Expires=...&X-Amz-Signature=HEX
 *     Authorization: AWS KEY:BASE64                     (version 2)
 *     ?AWSAccessKeyId=KEY&Expires=SECONDS&Signature=BASE64
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */

import { s3Error } from '../s3-error.ts';
import { expiresSecondsMax } from './limits.ts';
import type { RawAsk } from './raw-ask.ts';
import { parseSignedTime } from './signed-time.ts';

export interface ClaimV4 {
  readonly version: 4;
  readonly place: 'header' | 'query';
  readonly access: string;
  /** `20261125`, as in the key's derivation. */
  readonly day: string;
  readonly region: string;
  /** Lower case, in the order of the claim. */
  readonly signedHeaders: readonly string[];
  /** 64 hex digits. */
  readonly signature: string;
  /** `20261125T023743Z`. */
  readonly time: string;
  readonly atMs: number;
  /** Of a signed address. */
  readonly expiresSeconds?: number;
}

export interface ClaimV2 {
  readonly version: 2;
  readonly place: 'header' | 'query';
  readonly access: string;
  /** Base64. */
  readonly signature: string;
  /** In a header: when it was signed. In an address: when it ends. */
  readonly atMs: number;
}

export type Claim = ClaimV4 | ClaimV2;

const algorithm = 'AWS4-HMAC-SHA256';

type Refuse = (why: string) => never;

const malformedHeader: Refuse = (why) => {
  throw s3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${why}.`);
};
const malformedQuery: Refuse = (why) => {
  throw s3Error('AuthorizationQueryParametersError', why);
};

/** What header and address have in common. */
const claimV4 = (
  place: ClaimV4['place'],
  given: {
    readonly credential: string;
    readonly signedHeaders: string;
    readonly signature: string;
    readonly time: string;
  },
  refuse: Refuse,
): ClaimV4 => {
  const scope = given.credential.split('/');
  // An access key may hold slashes, what stands behind it may not.
  const [day = '', region = '', service = '', end = ''] = scope.splice(-4);
  const access = scope.join('/');
  if (access === '' || end !== 'aws4_request')
    return refuse('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request"');
  if (service !== 's3') return refuse(`incorrect service ${JSON.stringify(service)}; this endpoint is "s3"`);
  const atMs = parseSignedTime(given.time);
  if (atMs === undefined)
    throw s3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  const time = new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  if (day !== time.slice(0, 8))
    return refuse(`invalid credential date ${JSON.stringify(day)}: it is not that of ${time}`);
  if (!/^[0-9a-f]{64}$/.test(given.signature)) return refuse('the Signature has 64 lower-case hex digits');
  const signedHeaders = given.signedHeaders.toLowerCase().split(';');
  if (!signedHeaders.includes('host')) return refuse('SignedHeaders must have "host"');
  return { version: 4, place, access, day, region, signedHeaders, signature: given.signature, time, atMs };
};

const headerV4 = (ask: RawAsk, fields: string): ClaimV4 => {
  const parts = new Map(
    fields.split(',').map((field) => {
      const at = field.indexOf('=');
      return [field.slice(0, Math.max(0, at)).trim(), field.slice(at + 1).trim()];
    }),
  );
  const part = (name: string): string => parts.get(name) || malformedHeader(`it has no ${name}`);
  return claimV4(
    'header',
    {
      credential: part('Credential'),
      signedHeaders: part('SignedHeaders'),
      signature: part('Signature'),
      time: ask.header('x-amz-date') ?? ask.header('date') ?? '',
    },
    malformedHeader,
  );
};

const queryV4 = (query: URLSearchParams): ClaimV4 => {
  const part = (name: string): string => {
    const [value, another] = query.getAll(name);
    if (value && another === undefined) return value;
    return malformedQuery(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  };
  if (part('X-Amz-Algorithm') !== algorithm) malformedQuery(`X-Amz-Algorithm only supports "${algorithm}"`);
  const expires = part('X-Amz-Expires');
  if (!/^\d{1,9}$/.test(expires)) malformedQuery('X-Amz-Expires should be a number');
  const expiresSeconds = Number(expires);
  if (expiresSeconds > expiresSecondsMax)
    malformedQuery(
      `X-Amz-Expires must be less than a week (in seconds); that is, at most ${expiresSecondsMax}`,
    );
  const claim = claimV4(
    'query',
    {
      credential: part('X-Amz-Credential'),
      signedHeaders: part('X-Amz-SignedHeaders'),
      signature: part('X-Amz-Signature'),
      time: part('X-Amz-Date'),
    },
    malformedQuery,
  );
  return { ...claim, expiresSeconds };
};

const headerV2 = (ask: RawAsk, fields: string): ClaimV2 => {
  const colon = fields.lastIndexOf(':');
  const [access, signature] = [fields.slice(0, Math.max(0, colon)).trim(), fields.slice(colon + 1).trim()];
  if (access === '' || signature === '')
    throw s3Error(
      'InvalidArgument',
      'AWS authorization header is invalid.  Expected AwsAccessKeyId:signature',
    );
  const atMs = parseSignedTime(ask.header('x-amz-date') ?? ask.header('date') ?? '');
  if (atMs === undefined)
    throw s3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  return { version: 2, place: 'header', access, signature, atMs };
};

const queryV2 = (query: URLSearchParams): ClaimV2 => {
  const [access, signature, expires] = ['AWSAccessKeyId', 'Signature', 'Expires'].map((name) =>
    query.get(name),
  );
  if (!access || !signature || !expires)
    throw s3Error(
      'AccessDenied',
      'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    );
  if (!/^\d{1,12}$/.test(expires))
    throw s3Error('AccessDenied', `Invalid date (should be seconds since epoch): ${expires.slice(0, 64)}`);
  return { version: 2, place: 'query', access, signature, atMs: Number(expires) * 1000 };
};

/** Undefined: it claims nothing, so it is anonymous. Throws S3's words for claims that cannot be. */
export const parseClaim = (ask: RawAsk): Claim | undefined => {
  const authorization = ask.header('authorization');
  const query = new URLSearchParams(ask.query);
  const isV4 = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature');
  const isV2 = query.has('AWSAccessKeyId') || query.has('Signature');
  const isTwice = (ask.headers.get('authorization')?.length ?? 0) > 1;
  if (isTwice || Number(Boolean(authorization)) + Number(isV4) + Number(isV2) > 1)
    throw s3Error(
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    );
  if (isV4) return queryV4(query);
  if (isV2) return queryV2(query);
  if (!authorization) return undefined;
  const [, scheme = '', fields = ''] = /^(\S+)\s+(.*)$/.exec(authorization.trim()) ?? [];
  if (scheme === algorithm) return headerV4(ask, fields);
  if (scheme === 'AWS') return headerV2(ask, fields);
  throw s3Error('InvalidArgument', 'Unsupported Authorization Type');
};

/** The key that a request names, right or wrong; '' where its claim cannot be read, undefined where it claims nothing. */
export const accessOf = (ask: RawAsk): string | undefined => {
  try {
    return parseClaim(ask)?.access;
  } catch {
    return '';
  }
};
