/**
 * The access list that a request asks for: a canned one (`x-amz-acl`), or grants of its own (`x-amz-grant-read:
 * id="PROJECT", uri="http://acs.amazonaws.com/groups/global/AllUsers"`).
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
 */
import { type AclGrant, type Group, groups, isPublicGrant, type Permission } from '../acl-grant.ts';
import type { BucketSettings } from '../bucket-settings.ts';
import { grantsMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import type { Headers } from './sign/headers.ts';

const to = (group: Group, ...permissions: readonly Permission[]): readonly AclGrant[] =>
  permissions.map((permission) => ({ to: { group }, permission }));

/** What each gives beside the owner's own. Two are about objects whose owner is not the bucket's: `object-owner.ts`. */
const canned: Readonly<Record<string, readonly AclGrant[]>> = {
  private: [],
  'public-read': to('AllUsers', 'READ'),
  'public-read-write': to('AllUsers', 'READ', 'WRITE'),
  'authenticated-read': to('AuthenticatedUsers', 'READ'),
  'bucket-owner-read': [],
  'bucket-owner-full-control': [],
  'log-delivery-write': to('LogDelivery', 'WRITE', 'READ_ACP'),
};

const groupUris: Readonly<Record<Group, string>> = {
  AllUsers: 'http://acs.amazonaws.com/groups/global/AllUsers',
  AuthenticatedUsers: 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers',
  LogDelivery: 'http://acs.amazonaws.com/groups/s3/LogDelivery',
};

export const uriOf = (group: Group): string => groupUris[group];

/** Throws InvalidArgument, UnresolvableGrantByEmailAddress. */
export const granteeOf = (kind: string, value: string): AclGrant['to'] => {
  if (kind === 'emailaddress') throw s3Error('UnresolvableGrantByEmailAddress');
  if (kind === 'uri') {
    const group = groups.find((one) => groupUris[one] === value);
    if (group) return { group };
    throw s3Error('InvalidArgument', 'Invalid group uri', {
      fields: { ArgumentName: 'uri', ArgumentValue: value },
    });
  }
  if (kind === 'id' && /^[\w-]{1,64}$/.test(value)) return { project: value };
  throw s3Error('InvalidArgument', 'Invalid id', { fields: { ArgumentName: kind, ArgumentValue: value } });
};

const headerPermissions: Readonly<Record<string, Permission>> = {
  'x-amz-grant-read': 'READ',
  'x-amz-grant-write': 'WRITE',
  'x-amz-grant-read-acp': 'READ_ACP',
  'x-amz-grant-write-acp': 'WRITE_ACP',
  'x-amz-grant-full-control': 'FULL_CONTROL',
};

const grantsOf = (permission: Permission, text: string): readonly AclGrant[] =>
  text.split(',').map((part) => {
    const [, kind = '', quoted, bare = ''] = /^\s*(\w+)\s*=\s*(?:"([^"]*)"|([^\s"]*))\s*$/.exec(part) ?? [];
    if (kind === '') throw s3Error('InvalidArgument', 'Argument format not recognized');
    return { to: granteeOf(kind.toLowerCase(), quoted ?? bare), permission };
  });

/** Undefined: it asks for none. Throws InvalidArgument, InvalidRequest on both ways at once. */
export const grantsAsked = (headers: Headers): readonly AclGrant[] | undefined => {
  const name = headers['x-amz-acl'];
  const own = Object.entries(headerPermissions).flatMap(([header, permission]) => {
    const text = headers[header];
    return text === undefined ? [] : grantsOf(permission, text);
  });
  if (name === undefined) return own.length === 0 ? undefined : checkCount(own);
  if (own.length > 0)
    throw s3Error('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed');
  const grants = Object.hasOwn(canned, name) ? canned[name] : undefined;
  if (!grants)
    throw s3Error('InvalidArgument', undefined, {
      fields: { ArgumentName: 'x-amz-acl', ArgumentValue: name },
    });
  return grants;
};

/** An access list as an object or a bucket keeps it. */
export interface Acl {
  readonly grants: readonly AclGrant[] | undefined;
  readonly grantsAreAll: true | undefined;
}

/** Grants of a header's own say all; canned ones what there is beside the owner's. Throws what `grantsAsked` throws. */
export const aclAsked = (headers: Headers): Acl => {
  const grants = grantsAsked(headers);
  return { grants, grantsAreAll: grants && headers['x-amz-acl'] === undefined ? true : undefined };
};

/** Throws MalformedACLError. */
export const checkCount = (grants: readonly AclGrant[]): readonly AclGrant[] => {
  if (grants.length > grantsMax)
    throw s3Error('MalformedACLError', `The request contains too many grants: at most ${grantsMax}`);
  return grants;
};

/** Access lists do not count in the bucket; of those that may come with an object one says nothing else. */
const isVoid = (headers: Headers): boolean => headers['x-amz-acl'] === 'bucket-owner-full-control';

/**
 * What a bucket lets be granted: to a new object by headers, or by changing a list. Throws AccessControlListNotSupported,
 * AccessDenied.
 */
export const checkGrants = (
  grants: readonly AclGrant[] | undefined,
  settings: BucketSettings | undefined,
  headers: Headers = {},
): void => {
  if (!grants) return;
  if (settings?.ownership === 'BucketOwnerEnforced' && !isVoid(headers))
    throw s3Error('AccessControlListNotSupported');
  if (settings?.publicAccess?.blockAcls && grants.some(isPublicGrant))
    throw s3Error('AccessDenied', 'Public access lists are blocked for this bucket');
};
