/**
 * What is known about a request when a policy is asked, under the names that conditions have for it.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
 */
import type { Principal } from '../../http/port.ts';

/** By lower-case key: `aws:sourceip`, `s3:prefix`. */
export type Facts = ReadonlyMap<string, readonly string[]>;

const always = [
  ...['aws:sourceip', 'aws:securetransport', 'aws:referer', 'aws:useragent', 'aws:currenttime'],
  ...['aws:epochtime', 'aws:userid', 'aws:username', 'aws:principalaccount', 's3:resourceaccount'],
  // Of what the cloud does by itself for a bucket of that account.
  ...['aws:sourcearn', 'aws:sourceaccount'],
  ...['s3:prefix', 's3:delimiter', 's3:max-keys', 's3:versionid', 's3:authtype', 's3:signatureversion'],
];

/** Headers that conditions may ask about, with `s3:` before them. */
const headers = [
  ...['x-amz-acl', 'x-amz-content-sha256', 'x-amz-copy-source', 'x-amz-metadata-directive'],
  ...['x-amz-storage-class', 'x-amz-server-side-encryption', 'x-amz-grant-read', 'x-amz-grant-write'],
  ...['x-amz-grant-read-acp', 'x-amz-grant-write-acp', 'x-amz-grant-full-control'],
  ...['x-amz-server-side-encryption-customer-algorithm', 'x-amz-server-side-encryption-aws-kms-key-id'],
  ...['if-match', 'if-none-match'],
];

/** Before the lower-case name of a tag of the object that is asked for. */
export const tagFactPrefix = 's3:existingobjecttag/';

/** The same of those that a request brings; and all their names. */
const requestTagPrefix = 's3:requestobjecttag/';
const requestTagNames = 's3:requestobjecttagkeys';

export const requestTagFacts = (tags: Readonly<Record<string, string>>) => [
  ...Object.entries(tags).map(
    ([name, value]) => [`${requestTagPrefix}${name.toLowerCase()}`, [value]] as const,
  ),
  [requestTagNames, Object.keys(tags)] as const,
];

export const isKnownFact = (key: string): boolean => {
  const lower = key.toLowerCase();
  return (
    lower.startsWith(tagFactPrefix) ||
    lower.startsWith(requestTagPrefix) ||
    lower === requestTagNames ||
    always.includes(lower) ||
    headers.some((header) => lower === `s3:${header}`)
  );
};

export interface Known {
  readonly principal: Principal | undefined;
  readonly project: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly query: URLSearchParams;
  readonly remoteAddress: string;
  readonly isSecure: boolean;
  readonly nowMs: number;
}

/** An address that comes through IPv6 is still the one of IPv4. */
const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

export const factsOf = ({
  principal,
  project,
  headers: given,
  query,
  remoteAddress,
  isSecure,
  nowMs,
}: Known): Facts => {
  const facts = new Map<string, readonly string[]>();
  const add = (key: string, value: string | readonly string[] | null | undefined): void => {
    if (typeof value === 'string') facts.set(key, [value]);
  };
  add('aws:sourceip', plainAddress(remoteAddress));
  add('aws:securetransport', String(isSecure));
  add('aws:referer', given.referer);
  add('aws:useragent', given['user-agent']);
  add('aws:currenttime', new Date(nowMs).toISOString());
  add('aws:epochtime', String(Math.floor(nowMs / 1000)));
  add('aws:userid', principal?.user.id);
  add('aws:username', principal?.user.name);
  add('aws:principalaccount', principal?.scope.kind === 'project' ? principal.scope.id : undefined);
  add('s3:resourceaccount', project);
  for (const name of ['prefix', 'delimiter', 'max-keys']) add(`s3:${name}`, query.get(name));
  add('s3:versionid', query.get('versionId'));
  const isV4 = query.has('X-Amz-Signature') || String(given.authorization).startsWith('AWS4');
  if (principal) {
    add('s3:authtype', given.authorization === undefined ? 'REST-QUERY-STRING' : 'REST-HEADER');
    add('s3:signatureversion', isV4 ? 'AWS4-HMAC-SHA256' : 'AWS');
  }
  for (const header of headers) add(`s3:${header}`, given[header]);
  const tagging = given['x-amz-tagging'];
  if (typeof tagging === 'string')
    for (const [key, values] of requestTagFacts(Object.fromEntries(new URLSearchParams(tagging))))
      facts.set(key, values);
  return facts;
};
