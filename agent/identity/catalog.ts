/**
 * Which services there are and where. Every host serves all of them, so each address is built on the one that
 * the client has used: there is nothing to register and nothing that can be wrong.
 */
import { createHash } from 'node:crypto';
import type { CatalogEntry } from '../../proto/rest/identity.ts';
import { apiPrefix } from '../../proto/rest/route.ts';

/** Types as in https://service-types.openstack.org, and shoal's own. `%(project_id)s` stands for the scope's project. */
const known = {
  identity: { name: 'keystone', path: `${apiPrefix.identity}/v3` },
  compute: { name: 'nova', path: `${apiPrefix.compute}/v2.1` },
  image: { name: 'glance', path: apiPrefix.image },
  'object-store': { name: 'swift', path: `${apiPrefix.object}/v1/AUTH_%(project_id)s` },
  'shoal-cluster': { name: 'shoal', path: `${apiPrefix.cluster}/v1` },
} as const;

export type ServiceType = keyof typeof known;

interface ServiceEntry {
  readonly id: string;
  readonly type: ServiceType;
  readonly name: string;
}

interface EndpointEntry {
  readonly id: string;
  readonly interface: string;
  readonly region: string;
  readonly region_id: string;
  readonly service_id: string;
  readonly url: string;
}

const interfaces = ['public', 'internal', 'admin'] as const;
const variable = '%(project_id)s';

/** The same on every host. */
const idOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

export interface Catalog {
  readonly region: string;
  readonly services: readonly ServiceEntry[];
  /** With the variable left in, as an operator sees them. */
  endpoints(origin: string): readonly EndpointEntry[];
  /** As a token has it. Endpoints that need a project are left out where there is none. */
  of(origin: string, projectId: string | null): CatalogEntry[];
}

export const openCatalog = (settings: {
  readonly region: string;
  readonly services: readonly ServiceType[];
}): Catalog => {
  const { region } = settings;
  const services = settings.services.map((type) => ({
    id: idOf(`service ${type}`),
    type,
    name: known[type].name,
  }));
  const endpointsOf = (service: ServiceEntry, origin: string): readonly EndpointEntry[] =>
    interfaces.map((face) => ({
      id: idOf(`endpoint ${service.type} ${region} ${face}`),
      interface: face,
      region,
      region_id: region,
      service_id: service.id,
      url: origin + known[service.type].path,
    }));
  return {
    region,
    services,
    endpoints: (origin) => services.flatMap((service) => endpointsOf(service, origin)),
    of: (origin, projectId) =>
      services.map((service) => ({
        ...service,
        endpoints: endpointsOf(service, origin)
          .filter(({ url }) => projectId !== null || !url.includes(variable))
          .map(({ service_id: _, ...endpoint }) => ({
            ...endpoint,
            url: endpoint.url.replace(variable, projectId ?? ''),
          })),
      })),
  };
};
