/** Regions, services and endpoints: shoal's own, which follow from what it is, and what operators add beside them. */
import { ShoalError } from '../../../proto/error.ts';
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { mapLimit } from '../../base/map-limit.ts';
import type { ApiRequest } from '../../http/port.ts';
import type { EndpointRow, RegionRow, ServiceRow } from '../catalog-store.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { badRequest, conflict, notFound } from '../error.ts';
import { readsMax } from '../limits.ts';
import { extraOf } from './extra.ts';
import { listed, matches } from './filter.ts';
import { selfOf } from './render.ts';

const regionFields = ['id', 'description', 'parent_region_id', 'url'];
const serviceFields = ['id', 'type', 'name', 'description', 'enabled'];
const endpointFields = ['id', 'interface', 'service_id', 'url', 'region', 'region_id', 'enabled'];

const showRegion = (origin: string, row: RegionRow) => ({
  ...row.extra,
  id: row.id,
  description: row.description,
  parent_region_id: row.parentId,
  ...selfOf(origin, `regions/${encodeURIComponent(row.id)}`),
});
const showService = (origin: string, row: ServiceRow) => ({
  ...row.extra,
  id: row.id,
  type: row.type,
  name: row.name,
  description: row.description,
  enabled: row.enabled,
  ...selfOf(origin, `services/${row.id}`),
});
export const showEndpoint = (origin: string, row: EndpointRow) => ({
  ...row.extra,
  id: row.id,
  interface: row.interface,
  service_id: row.serviceId,
  region: row.regionId,
  region_id: row.regionId,
  url: row.url,
  enabled: row.enabled,
  ...selfOf(origin, `endpoints/${row.id}`),
});

const byHand = (what: string, id: string): ShoalError =>
  new ShoalError(
    'FORBIDDEN',
    `Cannot change ${what} ${id}: it is shoal's own and follows from what the cluster is`,
  );

export const serveCatalog = (context: IdentityContext): void => {
  const { http, store, catalog } = context;
  const { region, service, endpoint } = identityRoutes;

  const regions = async (origin: string): Promise<readonly RegionRow[]> => [
    catalog.builtIn(origin).region,
    ...(await store.regions.list()),
  ];
  const services = async (origin: string): Promise<readonly ServiceRow[]> => [
    ...catalog.builtIn(origin).services,
    ...(await store.services.list()),
  ];
  const endpoints = async (origin: string): Promise<readonly EndpointRow[]> => [
    ...catalog.builtIn(origin).endpoints,
    ...(await store.endpoints.list()),
  ];
  const find = async <Row extends { readonly id: string }>(
    kind: string,
    rows: Promise<readonly Row[]>,
    id: string,
  ): Promise<Row> => {
    const row = (await rows).find((one) => one.id === id);
    if (!row) throw notFound(kind, id);
    return row;
  };
  /** What was added is not ours. Throws FORBIDDEN for what is. */
  const mustBeAdded = (kind: string, ours: readonly { readonly id: string }[], id: string): void => {
    if (ours.some((one) => one.id === id)) throw byHand(kind, id);
  };
  const change = <Result>(request: ApiRequest, action: string, id: string, work: () => Promise<Result>) =>
    journaled(context, request, action, id, () => store.changing(work));

  http.serve(region.list, async (request) => {
    const { origin, query } = request;
    const rows = (await regions(origin)).filter(
      matches(query, { parent_region_id: ({ parentId }: RegionRow) => parentId }),
    );
    return {
      body: listed(request, { key: 'regions', path: 'regions' }, rows, (row) => showRegion(origin, row)),
    };
  });
  http.serve(region.show, async ({ origin, params: { regionId = '' } }) => ({
    body: { region: showRegion(origin, await find('region', regions(origin), regionId)) },
  }));

  const parentOf = async (origin: string, id: string | null | undefined): Promise<string | null> =>
    id == null ? null : (await find('region', regions(origin), id)).id;

  const createRegion = async (
    request: ApiRequest,
    id: string,
    asked: { readonly description?: string | null; readonly parent_region_id?: string | null },
  ): Promise<RegionRow> => {
    const row: RegionRow = {
      id,
      description: asked.description ?? '',
      parentId: await parentOf(request.origin, asked.parent_region_id),
      extra: extraOf(asked, regionFields),
    };
    const duplicate = conflict('region', `Duplicate ID, ${id}`);
    if (id === catalog.builtIn(request.origin).region.id) throw duplicate;
    await change(request, 'region.create', id, async () => {
      if (!(await store.regions.create(row))) throw duplicate;
    });
    return row;
  };

  http.serve(region.create, async (request) => {
    const asked = request.body.region;
    const row = await createRegion(request, asked.id || newHexId(), asked);
    return { body: { region: showRegion(request.origin, row) } };
  });
  http.serve(region.put, async (request) => {
    const { regionId = '' } = request.params;
    const asked = request.body.region;
    if (asked.id !== undefined && asked.id !== regionId)
      throw badRequest(
        `Conflicting region IDs specified: "${regionId}" in the path, "${asked.id}" in the body`,
      );
    return { body: { region: showRegion(request.origin, await createRegion(request, regionId, asked)) } };
  });
  http.serve(region.update, async (request) => {
    const { regionId = '' } = request.params;
    const asked = request.body.region;
    mustBeAdded('region', [catalog.builtIn(request.origin).region], regionId);
    const parentId = await parentOf(request.origin, asked.parent_region_id);
    const row = await change(request, 'region.update', regionId, () =>
      store.regions.change(regionId, (present) => ({
        ...present,
        description: asked.description === undefined ? present.description : (asked.description ?? ''),
        parentId: asked.parent_region_id === undefined ? present.parentId : parentId,
        extra: { ...present.extra, ...extraOf(asked, regionFields) },
      })),
    );
    return { body: { region: showRegion(request.origin, row) } };
  });
  http.serve(region.remove, async (request) => {
    const { regionId = '' } = request.params;
    mustBeAdded('region', [catalog.builtIn(request.origin).region], regionId);
    const [all, used] = await Promise.all([store.regions.list(), store.endpoints.list()]);
    if (all.some(({ parentId }) => parentId === regionId) || used.some((one) => one.regionId === regionId))
      throw new ShoalError(
        'FORBIDDEN',
        `Unable to delete region ${regionId} because it or its child regions have associated endpoints.`,
      );
    await change(request, 'region.delete', regionId, () => store.regions.delete(regionId));
    return {};
  });

  http.serve(service.list, async (request) => {
    const { origin, query } = request;
    const filters = { type: ({ type }: ServiceRow) => type, name: ({ name }: ServiceRow) => name };
    const rows = (await services(origin)).filter(matches(query, filters));
    return {
      body: listed(request, { key: 'services', path: 'services' }, rows, (row) => showService(origin, row)),
    };
  });
  http.serve(service.show, async ({ origin, params: { serviceId = '' } }) => ({
    body: { service: showService(origin, await find('service', services(origin), serviceId)) },
  }));
  http.serve(service.create, async (request) => {
    const asked = request.body.service;
    const row: ServiceRow = {
      id: newHexId(),
      type: asked.type,
      name: asked.name ?? '',
      description: asked.description ?? '',
      enabled: asked.enabled ?? true,
      extra: extraOf(asked, serviceFields),
    };
    await change(request, 'service.create', row.id, () => store.services.create(row));
    return { body: { service: showService(request.origin, row) } };
  });
  http.serve(service.update, async (request) => {
    const { serviceId = '' } = request.params;
    const asked = request.body.service;
    mustBeAdded('service', catalog.builtIn(request.origin).services, serviceId);
    const row = await change(request, 'service.update', serviceId, () =>
      store.services.change(serviceId, (present) => ({
        ...present,
        type: asked.type ?? present.type,
        name: asked.name === undefined ? present.name : (asked.name ?? ''),
        description: asked.description === undefined ? present.description : (asked.description ?? ''),
        enabled: asked.enabled ?? present.enabled,
        extra: { ...present.extra, ...extraOf(asked, serviceFields) },
      })),
    );
    return { body: { service: showService(request.origin, row) } };
  });
  http.serve(service.remove, async (request) => {
    const { serviceId = '' } = request.params;
    mustBeAdded('service', catalog.builtIn(request.origin).services, serviceId);
    await change(request, 'service.delete', serviceId, async () => {
      await store.services.delete(serviceId);
      const its = (await store.endpoints.list()).filter((one) => one.serviceId === serviceId);
      await mapLimit(its, readsMax, ({ id }) => store.endpoints.delete(id));
    });
    return {};
  });

  http.serve(endpoint.list, async (request) => {
    const { origin, query } = request;
    const filters = {
      interface: (row: EndpointRow) => row.interface,
      service_id: ({ serviceId }: EndpointRow) => serviceId,
      region_id: ({ regionId }: EndpointRow) => regionId,
      region: ({ regionId }: EndpointRow) => regionId,
    };
    const rows = (await endpoints(origin)).filter(matches(query, filters));
    return {
      body: listed(request, { key: 'endpoints', path: 'endpoints' }, rows, (row) =>
        showEndpoint(origin, row),
      ),
    };
  });
  http.serve(endpoint.show, async ({ origin, params: { endpointId = '' } }) => ({
    body: { endpoint: showEndpoint(origin, await find('endpoint', endpoints(origin), endpointId)) },
  }));

  /** `region_id` names one that there is; `region`, from old clients, makes it. Throws BAD_REQUEST. */
  const regionFor = async (
    request: ApiRequest,
    asked: { readonly region?: string | null; readonly region_id?: string | null },
  ): Promise<string | null> => {
    const { origin } = request;
    const id = asked.region_id ?? asked.region ?? null;
    if (id === null || (await regions(origin)).some((one) => one.id === id)) return id;
    if (asked.region_id != null) throw badRequest(`Could not find region: ${id}.`);
    return (await createRegion(request, id, {})).id;
  };
  const serviceFor = async (origin: string, id: string): Promise<string> => {
    if (!(await services(origin)).some((one) => one.id === id))
      throw badRequest(`Could not find service: ${id}.`);
    return id;
  };

  http.serve(endpoint.create, async (request) => {
    const asked = request.body.endpoint;
    const row: EndpointRow = {
      id: newHexId(),
      serviceId: await serviceFor(request.origin, asked.service_id),
      regionId: await regionFor(request, asked),
      interface: asked.interface,
      url: asked.url,
      enabled: asked.enabled ?? true,
      extra: extraOf(asked, endpointFields),
    };
    await change(request, 'endpoint.create', row.id, () => store.endpoints.create(row));
    return { body: { endpoint: showEndpoint(request.origin, row) } };
  });
  http.serve(endpoint.update, async (request) => {
    const { endpointId = '' } = request.params;
    const asked = request.body.endpoint;
    mustBeAdded('endpoint', catalog.builtIn(request.origin).endpoints, endpointId);
    const serviceId = asked.service_id && (await serviceFor(request.origin, asked.service_id));
    const says = asked.region_id !== undefined || asked.region !== undefined;
    const regionId = says ? await regionFor(request, asked) : undefined;
    const row = await change(request, 'endpoint.update', endpointId, () =>
      store.endpoints.change(endpointId, (present) => ({
        ...present,
        serviceId: serviceId ?? present.serviceId,
        regionId: regionId === undefined ? present.regionId : regionId,
        interface: asked.interface ?? present.interface,
        url: asked.url ?? present.url,
        enabled: asked.enabled ?? present.enabled,
        extra: { ...present.extra, ...extraOf(asked, endpointFields) },
      })),
    );
    return { body: { endpoint: showEndpoint(request.origin, row) } };
  });
  http.serve(endpoint.remove, async (request) => {
    const { endpointId = '' } = request.params;
    mustBeAdded('endpoint', catalog.builtIn(request.origin).endpoints, endpointId);
    await change(request, 'endpoint.delete', endpointId, () => store.endpoints.delete(endpointId));
    return {};
  });
};
