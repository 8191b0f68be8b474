/**
 * S3's access lists: grants to projects (S3 calls them canonical users) and groups. A bucket's grants count at both
 * doors, as Swift's lists of its container do: READ lists, WRITE stores and removes. The owner, which is the bucket's
 * project, needs none.
 */
import type { Principal } from '../http/port.ts';
import type { BucketSettings } from './bucket-settings.ts';

export const permissions = ['FULL_CONTROL', 'READ', 'WRITE', 'READ_ACP', 'WRITE_ACP'] as const;
export type Permission = (typeof permissions)[number];

/** Everybody; everybody with a key of this cloud; who writes logs. */
export const groups = ['AllUsers', 'AuthenticatedUsers', 'LogDelivery'] as const;
export type Group = (typeof groups)[number];

export interface AclGrant {
  readonly to: { readonly group: Group } | { readonly project: string };
  readonly permission: Permission;
}

/** To more people than anybody has counted. */
export const isPublicGrant = ({ to }: AclGrant): boolean => 'group' in to && to.group !== 'LogDelivery';

const isMeant = ({ to }: AclGrant, principal: Principal | undefined): boolean => {
  if ('project' in to) return principal?.scope.kind === 'project' && principal.scope.id === to.project;
  return to.group === 'AllUsers' || (to.group === 'AuthenticatedUsers' && principal !== undefined);
};

/** `settings`: those of the bucket may switch off all grants, or public ones. */
export const grantsAllow = (
  grants: readonly AclGrant[] | undefined,
  permission: Permission,
  principal: Principal | undefined,
  settings: BucketSettings | undefined,
): boolean =>
  grants !== undefined &&
  settings?.ownership !== 'BucketOwnerEnforced' &&
  grants.some(
    (grant) =>
      (grant.permission === permission || grant.permission === 'FULL_CONTROL') &&
      isMeant(grant, principal) &&
      !(settings?.publicAccess?.ignoreAcls && isPublicGrant(grant)),
  );

/** May the group do it, in a bucket with these settings? */
export const grantsAllowGroup = (
  settings: BucketSettings | undefined,
  permission: Permission,
  group: Group,
): boolean =>
  settings?.ownership !== 'BucketOwnerEnforced' &&
  settings?.grants?.some(
    (grant) =>
      (grant.permission === permission || grant.permission === 'FULL_CONTROL') &&
      'group' in grant.to &&
      grant.to.group === group,
  ) === true;
