/**
 * Who may do what. The owner of an account is whoever holds the role member or admin on its project, and any
 * admin or ResellerAdmin; the role reader may look. Everyone else needs the account's or a container's access list,
 * or a signed address.
 */
import { ShoalError } from '../../proto/error.ts';
import { hasRole, type Principal } from '../http/port.ts';
import { type Caller, type Grant, listAllows } from './access-list.ts';
import { type AccountList, accountLevel } from './account-list.ts';
import { grantsAllow, type Permission } from './acl-grant.ts';
import type { BucketSettings } from './bucket-settings.ts';

/** What a call is about to do. The last two and `readContainer` (a listing) may also be granted by access lists. */
export type Use =
  | 'readAccount'
  | 'writeAccount'
  | 'readContainer'
  | 'writeContainer'
  | 'readObject'
  | 'writeObject';

export interface AccessLists {
  readonly readList: string;
  readonly writeList: string;
  readonly bucket?: BucketSettings | undefined;
}

/** What is to be used; `container` is '' for an account. */
export interface Target {
  readonly project: string;
  readonly container: string;
  /** '' or absent for the container itself. */
  readonly object?: string;
  readonly versionId?: string | undefined;
}

export const isReseller = (principal: Principal | undefined): boolean =>
  principal !== undefined && hasRole(principal, 'admin', 'ResellerAdmin');

const standing = (principal: Principal | undefined, project: string): 'owner' | 'reader' | 'stranger' => {
  if (!principal) return 'stranger';
  if (isReseller(principal)) return 'owner';
  if (principal.scope.kind !== 'project' || principal.scope.id !== project) return 'stranger';
  if (hasRole(principal, 'member', 'swiftoperator')) return 'owner';
  return hasRole(principal, 'reader') ? 'reader' : 'stranger';
};

/** Does the caller own the account, so that access lists and keys may be shown? */
export const isOwner = (principal: Principal | undefined, project: string): boolean =>
  standing(principal, project) === 'owner';

/** Neither owner nor reader of the account: only then are lists worth a look. */
export const isStranger = (principal: Principal | undefined, project: string): boolean =>
  standing(principal, project) === 'stranger';

/** By the lists of Swift, and those of S3, whatever door the caller came by. */
const granted = (use: Use, { readList, writeList, bucket }: AccessLists, caller: Caller): boolean => {
  const isOpen = bucket?.publicAccess?.ignoreAcls !== true;
  const given = (permission: Permission): boolean =>
    grantsAllow(bucket?.grants, permission, caller.principal, bucket);
  if (use === 'readObject') return listAllows(readList, 'object', caller, isOpen);
  if (use === 'readContainer') return listAllows(readList, 'listing', caller, isOpen) || given('READ');
  if (use === 'writeObject') return listAllows(writeList, 'object', caller, isOpen) || given('WRITE');
  return false;
};

const signed = (use: Use, target: Target, { project, container, write }: Grant): boolean =>
  project === target.project &&
  (container === undefined || container === target.container) &&
  (use === 'readObject' || (write && use === 'writeObject'));

const levelAllows = (use: Use, list: AccountList, caller: Caller): boolean => {
  const level = accountLevel(list, caller.principal, caller.idsOnly);
  if (level === 'admin') return true;
  return (
    level !== undefined && (use.startsWith('read') || (level === 'read-write' && use !== 'writeAccount'))
  );
};

/**
 * Throws NOT_AUTHENTICATED without a token, else FORBIDDEN. `lists` is absent where no container is meant or
 * none exists: a stranger learns nothing about which.
 */
export const checkAccess = (
  use: Use,
  target: Target,
  caller: Caller,
  lists: AccessLists | undefined,
  accountList?: AccountList,
): void => {
  const who = standing(caller.principal, target.project);
  if (who === 'owner' || (who === 'reader' && use.startsWith('read'))) return;
  if (caller.grant && signed(use, target, caller.grant)) return;
  if (lists && granted(use, lists, caller)) {
    caller.usedList?.();
    return;
  }
  if (accountList && levelAllows(use, accountList, caller)) return;
  if (!caller.principal)
    throw new ShoalError(
      'NOT_AUTHENTICATED',
      'This server could not verify that you are authorized to access it.',
    );
  throw new ShoalError('FORBIDDEN', 'Access was denied to this resource.');
};
