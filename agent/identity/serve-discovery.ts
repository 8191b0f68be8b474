/** Which versions there are, and which services. */

import { ShoalError } from '../../proto/error.ts';
import { identityRoutes } from '../../proto/rest/identity.ts';
import type { IdentityContext } from './context.ts';
import { notFound } from './error.ts';
import { linkOf, listLinks } from './render.ts';

const version = (origin: string) => ({
  id: 'v3.14',
  status: 'stable',
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: linkOf(origin, '') }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
});

/** Does a query ask for nothing else than these values? */
const fits = (query: URLSearchParams, fields: Readonly<Record<string, string>>): boolean =>
  Object.entries(fields).every(([name, value]) => [value, null].includes(query.get(name)));

export const serveDiscovery = ({ http, catalog }: IdentityContext): void => {
  const { versions, version: versionRoute, region, service, endpoint, missing } = identityRoutes;

  http.serve(versions, async ({ origin }) => ({
    headers: { Location: linkOf(origin, '') },
    body: { versions: { values: [version(origin)] } },
  }));
  http.serve(versionRoute, async ({ origin }) => ({ body: { version: version(origin) } }));

  const showRegion = (origin: string) => ({
    id: catalog.region,
    description: '',
    parent_region_id: null,
    links: { self: linkOf(origin, `regions/${catalog.region}`) },
  });
  http.serve(region.list, async ({ origin }) => ({
    body: { regions: [showRegion(origin)], ...listLinks(origin, 'regions') },
  }));
  http.serve(region.show, async ({ origin, params: { id = '' } }) => {
    if (id !== catalog.region) throw notFound('region', id);
    return { body: { region: showRegion(origin) } };
  });

  const services = (origin: string) =>
    catalog.services.map((one) => ({
      ...one,
      description: '',
      enabled: true,
      links: { self: linkOf(origin, `services/${one.id}`) },
    }));
  http.serve(service.list, async ({ origin, query }) => {
    const wanted = services(origin).filter(({ type, name }) => fits(query, { type, name }));
    return { body: { services: wanted, ...listLinks(origin, 'services') } };
  });
  http.serve(service.show, async ({ origin, params: { id = '' } }) => {
    const found = services(origin).find((one) => one.id === id);
    if (!found) throw notFound('service', id);
    return { body: { service: found } };
  });

  const endpoints = (origin: string) =>
    catalog.endpoints(origin).map((one) => ({
      ...one,
      enabled: true,
      links: { self: linkOf(origin, `endpoints/${one.id}`) },
    }));
  http.serve(endpoint.list, async ({ origin, query }) => {
    const wanted = endpoints(origin).filter(({ interface: face, service_id, region_id }) =>
      fits(query, { interface: face, service_id, region_id }),
    );
    return { body: { endpoints: wanted, ...listLinks(origin, 'endpoints') } };
  });
  http.serve(endpoint.show, async ({ origin, params: { id = '' } }) => {
    const found = endpoints(origin).find((one) => one.id === id);
    if (!found) throw notFound('endpoint', id);
    return { body: { endpoint: found } };
  });

  for (const route of missing)
    http.serve(route, async () => {
      throw new ShoalError(
        'NOT_IMPLEMENTED',
        `The action you have requested has not been implemented: ${route.name} (docs/api/identity.md)`,
      );
    });
};
