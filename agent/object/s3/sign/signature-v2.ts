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

const amzHeaders = ({ headers }: RawAsk): string =>
  [...headers]
    .filter(([name]) => name.startsWith('x-amz-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, values]) => `${name}:${values.map((value) => value.trim()).join(',')}\n`)
    .join('');

/** `bucket`: where the host names it, '' in path style. */
export const stringToSignV2 = (ask: RawAsk, claim: ClaimV2, bucket: string): string => {
  const date = claim.place === 'query' ? String(claim.atMs / 1000) : (ask.header('date') ?? '');
  return [
    ask.method,
    ask.header('content-md5') ?? '',
    ask.header('content-type') ?? '',
    claim.place === 'header' && ask.header('x-amz-date') !== undefined ? '' : date,
    `${amzHeaders(ask)}${bucket === '' ? '' : `/${bucket}`}${ask.path}${signedQuery(ask.query)}`,
  ].join('\n');
};

/** Base64. */
export const signV2 = (secret: string, text: string): string =>
  createHmac('sha1', secret).update(text, 'latin1').digest('base64');
