/**
 * Which services there are and where. Every host serves all of shoal's own, so each address is built on the one
 * that the client has used: there is nothing to register and nothing that can be wrong. What operators add beside
 * them (catalog-store.ts) is shown as it was stored.
 */
import { createHash } from 'node:crypto';
import type { CatalogEntry } from '../../proto/rest/identity.ts';
import { apiPrefix } from '../../proto/rest/route.ts';
import type { Principal } from '../http/port.ts';
import type { CatalogStore, EndpointGroupRow, EndpointRow, RegionRow, ServiceRow } from './catalog-store.ts';
import { everywhere } from './directory.ts';

/** Types as in https://service-types.openstack.org, and shoal's own. `%(project_id)s` stands for the scope's project. */
const known = {
  identity: { name: 'keystone', path: `${apiPrefix.identity}/v3` },
  compute: { name: 'nova', path: `${apiPrefix.compute}/v2.1` },
  image: { name: 'glance', path: apiPrefix.image },
  'object-store': { name: 'swift', path: `${apiPrefix.object}/v1/AUTH_%(project_id)s` },
  'shoal-cluster': { name: 'shoal', path: `${apiPrefix.cluster}/v1` },
} as const;

export type ServiceType = keyof typeof known;

const interfaces = ['public', 'internal', 'admin'] as const;

/** The same on every host. */
const idOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

export interface Catalog {
  /** shoal's own, with the variables left in, as an operator sees them. */
  builtIn(origin: string): {
    readonly region: RegionRow;
    readonly services: readonly ServiceRow[];
    readonly endpoints: readonly EndpointRow[];
  };
  /** As a token has it: what is enabled, and what the project was given if it was given anything. */
  of(origin: string, caller: Pick<Principal, 'scope' | 'user'>): Promise<CatalogEntry[]>;
}

export const fitsGroup = (
  { filters }: EndpointGroupRow,
  endpoint: Pick<EndpointRow, 'serviceId' | 'regionId' | 'interface' | 'enabled'>,
): boolean =>
  [
    [filters.service_id, endpoint.serviceId],
    [filters.region_id, endpoint.regionId],
    [filters.interface, endpoint.interface],
    [filters.enabled, endpoint.enabled],
  ].every(([wanted, value]) => wanted === undefined || wanted === value);

/** Undefined when it needs a project and there is none. */
const fill = (url: string, values: Readonly<Record<string, string | undefined>>): string | undefined => {
  let isWhole = true;
  const filled = url.replaceAll(/[$%]\((\w+)\)s/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) isWhole = false;
    return value ?? '';
  });
  return isWhole ? filled : undefined;
};

export const openCatalog = (
  { store }: { readonly store: CatalogStore },
  settings: { readonly region: string; readonly services: readonly ServiceType[] },
): Catalog => {
  const { region } = settings;
  const services = settings.services.map((type) => ({
    id: idOf(`service ${type}`),
    type,
    name: known[type].name,
    description: '',
    enabled: true,
    extra: {},
  }));
  const builtIn: Catalog['builtIn'] = (origin) => ({
    region: { id: region, description: '', parentId: null, extra: {} },
    services,
    endpoints: services.flatMap(({ id, type }) =>
      interfaces.map((face) => ({
        id: idOf(`endpoint ${type} ${region} ${face}`),
        serviceId: id,
        regionId: region,
        interface: face,
        url: origin + known[type].path,
        enabled: true,
        extra: {},
      })),
    ),
  });

  return {
    builtIn,
    async of(origin, { scope, user }) {
      const projectId = scope.kind === 'project' ? scope.id : undefined;
      const [stored, shares = []] = await Promise.all([
        store.recent.stored.get(everywhere),
        projectId === undefined ? [] : store.recent.shares.get(projectId),
      ]);
      const own = builtIn(origin);
      const groups = (stored?.groups ?? []).filter(({ id }) => shares.includes(`group/${id}`));
      const isShared = (endpoint: EndpointRow): boolean =>
        shares.length === 0 ||
        shares.includes(`endpoint/${endpoint.id}`) ||
        groups.some((group) => fitsGroup(group, endpoint));
      const values = { project_id: projectId, tenant_id: projectId, user_id: user.id };
      const endpoints = [...own.endpoints, ...(stored?.endpoints ?? [])].filter(
        (endpoint) => endpoint.enabled && isShared(endpoint),
      );
      const shown = [...own.services, ...(stored?.services ?? []).filter(({ enabled }) => enabled)].map(
        ({ id, type, name }) => ({
          id,
          type,
          name,
          endpoints: endpoints.flatMap((endpoint) => {
            const url = endpoint.serviceId === id ? fill(endpoint.url, values) : undefined;
            if (url === undefined) return [];
            const { regionId, interface: face } = endpoint;
            return [{ id: endpoint.id, interface: face, region: regionId, region_id: regionId, url }];
          }),
        }),
      );
      return shares.length === 0 ? shown : shown.filter((service) => service.endpoints.length > 0);
    },
  };
};
