/**
 * Who may do what. The owner of an account is whoever holds the role member or admin on its project, and any
 * admin or ResellerAdmin; the role reader may look. Everyone else needs a container's access list.
 */
import { ShoalError } from '../../proto/error.ts';
import { hasRole, type Principal } from '../http/port.ts';
import { type Caller, listAllows } from './access-list.ts';

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

const granted = (use: Use, lists: AccessLists, caller: Caller): boolean => {
  if (use === 'readObject') return listAllows(lists.readList, 'object', caller);
  if (use === 'readContainer') return listAllows(lists.readList, 'listing', caller);
  if (use === 'writeObject') return listAllows(lists.writeList, 'object', caller);
  return false;
};

/**
 * Throws NOT_AUTHENTICATED without a token, else FORBIDDEN. `lists` is absent where no container is meant or
 * none exists: a stranger learns nothing about which.
 */
export const checkAccess = (use: Use, project: string, caller: Caller, lists?: AccessLists): void => {
  const who = standing(caller.principal, project);
  if (who === 'owner' || (who === 'reader' && use.startsWith('read'))) return;
  if (lists && granted(use, lists, caller)) return;
  if (!caller.principal)
    throw new ShoalError(
      'NOT_AUTHENTICATED',
      'This server could not verify that you are authorized to access it.',
    );
  throw new ShoalError('FORBIDDEN', 'Access was denied to this resource.');
};
