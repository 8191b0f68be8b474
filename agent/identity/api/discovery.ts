/** Which versions there are, and what of Keystone is left out. */
import { ShoalError } from '../../../proto/error.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import type { IdentityContext } from '../context.ts';
import { linkOf } from './render.ts';

const version = (origin: string) => ({
  id: 'v3.14',
  status: 'stable',
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: linkOf(origin, '') }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
});

export const serveDiscovery = ({ http }: Pick<IdentityContext, 'http'>): void => {
  http.serve(identityRoutes.versions, async ({ origin }) => ({
    headers: { Location: linkOf(origin, '') },
    body: { versions: { values: [version(origin)] } },
  }));
  http.serve(identityRoutes.version, async ({ origin }) => ({ body: { version: version(origin) } }));

  for (const route of identityRoutes.leftOut)
    http.serve(route, async () => {
      throw new ShoalError(
        'NOT_IMPLEMENTED',
        `The action you have requested has not been implemented: ${route.name} (docs/api/identity.md)`,
      );
    });
};
