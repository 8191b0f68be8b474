/** The coarse gate before every handler: who may call a route at all. Finer rules belong to the use cases. */
import { ShoalError } from '../../proto/error.ts';
import type { PolicyName, Route } from '../../proto/rest/route.ts';
import { hasRole, isAdmin, type Principal } from './port.ts';

const allows: Readonly<Record<PolicyName, (principal: Principal) => boolean>> = {
  public: () => true,
  token: () => true,
  project: (principal) => principal.scope.kind === 'project',
  member: (principal) => principal.scope.kind === 'project' && hasRole(principal, 'member', 'admin'),
  admin: isAdmin,
};

const wish: Readonly<Record<PolicyName, string>> = {
  public: '',
  token: '',
  project: 'a token scoped to a project',
  member: 'a token scoped to a project on which you have the role member',
  admin: 'a token with the role admin',
};

/** `listUsers` of identity as OpenStack's policies name it: `identity:list_users`. */
export const actionOf = ({ api, name }: Route): string =>
  `${api}:${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;

/** Throws NOT_AUTHENTICATED or FORBIDDEN. */
export const checkPolicy = (route: Route, principal: Principal | undefined): void => {
  const { policy } = route;
  if (policy === 'public') return;
  if (!principal)
    throw new ShoalError('NOT_AUTHENTICATED', 'The request you have made requires authentication.');
  if (!allows[policy](principal))
    throw new ShoalError(
      'FORBIDDEN',
      `You are not authorized to perform the requested action: ${actionOf(route)}. It takes ${wish[policy]}.`,
    );
};
