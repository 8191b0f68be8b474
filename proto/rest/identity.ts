/**
 * Identity v3 (Keystone): https://docs.openstack.org/api-ref/identity/v3/
 * What is served and what is not: docs/api/identity.md.
 */
import { authRoutes } from './identity/auth.ts';
import { catalogRoutes } from './identity/catalog.ts';
import { credentialRoutes } from './identity/credential.ts';
import { grantRoutes } from './identity/grant.ts';
import { leftOutRoutes } from './identity/left-out.ts';
import { oauthRoutes } from './identity/oauth.ts';
import { peopleRoutes } from './identity/people.ts';
import { resourceRoutes } from './identity/resource.ts';
import type { Route } from './route.ts';

export type { AuthRequest, Token } from './identity/auth.ts';
export type { CatalogEntry } from './identity/catalog.ts';
export { grantFamilies } from './identity/grant.ts';

export const identityRoutes = {
  ...authRoutes,
  ...resourceRoutes,
  ...peopleRoutes,
  ...grantRoutes,
  ...credentialRoutes,
  ...oauthRoutes,
  ...catalogRoutes,
  leftOut: leftOutRoutes,
} as const;

const isRoute = (value: object): value is Route => 'method' in value;

/** All of them in one list, for tables and tests. */
export const identityRouteList: readonly Route[] = Object.values(identityRoutes).flatMap((entry) =>
  isRoute(entry) ? [entry] : (Object.values(entry) as Route[]),
);
