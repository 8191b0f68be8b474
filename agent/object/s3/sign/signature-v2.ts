/**
 * Signature version 2, for old clients: HMAC-SHA1 over a few headers and the resource.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
 */
import { createHmac } from 'node:crypto';
import type { ClaimV2 } from './claim.ts';
import type { RawAsk } from './raw-ask.ts';

/** Parameters that name a part of the resource and are signed with it. Others are not signed at all. */
const signedParameters: ReadonlySet<string> = new Set([
  'accelerate',
  'acl',
  'analytics',
  'cors',
  'defaultObjectAcl',
  'delete',
  'inventory',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'partNumber',
  'policy',
  'replication',
  'requestPayment',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'restore',
  'select',
  'select-type',
  'storageClass',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
]);

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
};

const signedQuery = (query: string): string => {
  const pairs = query
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? { name: pair } : { name: pair.slice(0, at), value: decoded(pair.slice(at + 1)) };
    })
    .filter(({ name }) => signedParameters.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ name, value }) => (value === undefined ? name : `${name}=${value}`));
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
};

/** In an address boto puts headers among the parameters; what the request itself has goes before. */
const signedHeaders = ({ headers, query }: RawAsk, { place }: ClaimV2): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  if (place === 'query')
    for (const [name, value] of new URLSearchParams(query)) if (isHoisted(name)) found.set(name, value);
  for (const [name, values] of headers) found.set(name, values.map((value) => value.trim()).join(','));
  return found;
};

/** A parameter of an address that stands for a header, in version 2. */
export const isHoisted = (name: string): boolean => /^(x-amz-.*|content-type|content-md5)$/.test(name);

/**
 * `bucket`: where the host names it, '' in path style. Some senders sign `/bucket/` where they send `/bucket`, and
 * the botocore of 2022 (Debian 12 has it) signs the first parameter of the query twice, once with the path.
 */
export const stringsToSignV2 = (ask: RawAsk, claim: ClaimV2, bucket: string): readonly string[] => {
  const headers = signedHeaders(ask, claim);
  const own = claim.place === 'query' ? String(claim.atMs / 1000) : (headers.get('date') ?? '');
  const amz = [...headers]
    .filter(([name]) => name.startsWith('x-amz-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');
  const head = [
    ask.method,
    headers.get('content-md5') ?? '',
    headers.get('content-type') ?? '',
    claim.place === 'header' && headers.has('x-amz-date') ? '' : own,
    amz,
  ].join('\n');
  const path = `${bucket === '' ? '' : `/${bucket}`}${ask.path}`;
  const isBucket = /^\/[^/]+\/?$/.test(path);
  const bare = isBucket ? path.replace(/\/$/, '') : path;
  const [first = ''] = ask.query.split('&');
  const paths = [
    path,
    ...(isBucket ? [path === bare ? `${bare}/` : bare] : []),
    ...(first === '' ? [] : [`${bare}?${first}`]),
  ];
  return paths.map((one) => `${head}${one}${signedQuery(ask.query)}`);
};

/** Base64. */
export const signV2 = (secret: string, text: string): string =>
  createHmac('sha1', secret).update(text, 'latin1').digest('base64');
