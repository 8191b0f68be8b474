/** Regions, services, endpoints and what filters them; policies and limits. */
import { type Static, Type } from 'typebox';
import {
  act,
  check,
  collection,
  Links,
  ListLinks,
  ListOf,
  maybe,
  Name,
  Nullable,
  read,
  send,
  strict,
} from './schema.ts';

const CatalogEndpoint = Type.Object({
  id: Type.String(),
  interface: Type.String(),
  region: Nullable(Type.String()),
  region_id: Nullable(Type.String()),
  url: Type.String(),
});
export const CatalogEntry = Type.Object({
  id: Type.String(),
  type: Type.String(),
  name: Type.String(),
  endpoints: Type.Array(CatalogEndpoint),
});
export type CatalogEntry = Static<typeof CatalogEntry>;

/** Unlike other ids it is chosen by people and may hold dots, e.g. `eu-west.1`. */
const RegionId = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^/?#]+$' });
const Region = Type.Object({
  id: Type.String(),
  description: Type.String(),
  parent_region_id: Nullable(Type.String()),
  links: Links,
});
const regionFields = { description: maybe(Type.String()), parent_region_id: maybe(RegionId) };

const Service = Type.Object({
  id: Type.String(),
  type: Type.String(),
  name: Type.String(),
  enabled: Type.Boolean(),
  links: Links,
});
const serviceFields = {
  name: maybe(Type.String({ maxLength: 255 })),
  description: maybe(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
};

const Endpoint = Type.Object({
  ...CatalogEndpoint.properties,
  service_id: Type.String(),
  enabled: Type.Boolean(),
  links: Links,
});
const Interface = Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]);
const Url = Type.String({ minLength: 1, maxLength: 2048 });
const endpointFields = {
  name: maybe(Type.String()),
  region: maybe(RegionId),
  region_id: maybe(RegionId),
  enabled: Type.Optional(Type.Boolean()),
};

const Policy = Type.Object({ id: Type.String(), type: Type.String(), blob: Type.String(), links: Links });
const Blob = Type.Union([Type.String(), Type.Object({})]);

const EndpointGroup = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Nullable(Type.String()),
  filters: Type.Object({}),
  links: Links,
});
const Filters = Type.Object(
  {
    service_id: Type.Optional(Type.String()),
    region_id: Type.Optional(Type.String()),
    interface: Type.Optional(Interface),
    enabled: Type.Optional(Type.Boolean()),
  },
  strict,
);
const filter = '/v3/OS-EP-FILTER';
const { list, create, show, update, remove } = collection(
  { one: 'endpoint_group', many: 'endpoint_groups', title: 'EndpointGroup', titles: 'EndpointGroups' },
  { name: Name(255), description: maybe(Type.String()), filters: Filters },
  { name: Type.Optional(Name(255)), description: maybe(Type.String()), filters: Type.Optional(Filters) },
  EndpointGroup,
);
/** The same calls below the extension's prefix. */
const filtered = <R extends { readonly path: string }>(route: R): R => ({
  ...route,
  path: route.path.replace('/v3', filter),
});
const ofProject = `${filter}/projects/:projectId`;
const Ids = Type.Object({ id: Type.String() });

const limitsLeftOut = (name: string, path: string, many: string) =>
  read(name, path, Type.Object({ [many]: Type.Array(Type.Object({})), links: ListLinks }));

export const catalogRoutes = {
  region: {
    ...collection(
      { one: 'region', many: 'regions', title: 'Region', titles: 'Regions' },
      { ...regionFields, id: Type.Optional(Nullable(Type.Union([RegionId, Type.Literal('')]))) },
      { ...regionFields, id: Type.Optional(RegionId) },
      Region,
    ),
    put: send(
      'putRegion',
      'PUT',
      '/v3/regions/:regionId',
      Type.Object({ region: Type.Object({ ...regionFields, id: Type.Optional(RegionId) }) }, strict),
      Type.Object({ region: Region }),
      201,
    ),
  },
  service: collection(
    { one: 'service', many: 'services', title: 'Service', titles: 'Services' },
    { ...serviceFields, type: Name(255) },
    { ...serviceFields, type: Type.Optional(Name(255)) },
    Service,
  ),
  endpoint: collection(
    { one: 'endpoint', many: 'endpoints', title: 'Endpoint', titles: 'Endpoints' },
    { ...endpointFields, interface: Interface, service_id: Type.String(), url: Url },
    {
      ...endpointFields,
      interface: Type.Optional(Interface),
      service_id: Type.Optional(Type.String()),
      url: Type.Optional(Url),
    },
    Endpoint,
  ),
  policy: collection(
    { one: 'policy', many: 'policies', title: 'Policy', titles: 'Policies' },
    { blob: Blob, type: Name(255) },
    { blob: Type.Optional(Blob), type: Type.Optional(Name(255)) },
    Policy,
  ),
  endpointGroup: {
    list: filtered(list),
    create: filtered(create),
    show: filtered(show),
    check: { ...check('checkEndpointGroup', filtered(show).path), status: 200 },
    update: filtered(update),
    remove: filtered(remove),
    endpoints: read(
      'listEndpointsOfGroup',
      `${filter}/endpoint_groups/:endpointGroupId/endpoints`,
      ListOf('endpoints', Endpoint),
    ),
    projects: read(
      'listProjectsOfEndpointGroup',
      `${filter}/endpoint_groups/:endpointGroupId/projects`,
      ListOf('projects', Ids),
    ),
    ofProject: read(
      'listProjectEndpointGroups',
      `${ofProject}/endpoint_groups`,
      ListOf('endpoint_groups', EndpointGroup),
    ),
    showOf: read(
      'showProjectEndpointGroup',
      `${filter}/endpoint_groups/:endpointGroupId/projects/:projectId`,
      Type.Object({ endpoint_group: EndpointGroup }),
    ),
    add: act('addEndpointGroup', 'PUT', `${filter}/endpoint_groups/:endpointGroupId/projects/:projectId`),
    take: act(
      'removeEndpointGroup',
      'DELETE',
      `${filter}/endpoint_groups/:endpointGroupId/projects/:projectId`,
    ),
  },
  projectEndpoint: {
    list: read('listProjectEndpoints', `${ofProject}/endpoints`, ListOf('endpoints', Endpoint)),
    projects: read(
      'listEndpointProjects',
      `${filter}/endpoints/:endpointId/projects`,
      ListOf('projects', Ids),
    ),
    check: act('checkProjectEndpoint', 'GET', `${ofProject}/endpoints/:endpointId`),
    add: act('addProjectEndpoint', 'PUT', `${ofProject}/endpoints/:endpointId`),
    remove: act('removeProjectEndpoint', 'DELETE', `${ofProject}/endpoints/:endpointId`),
  },
  limit: {
    model: read(
      'showLimitModel',
      '/v3/limits/model',
      Type.Object({ model: Type.Object({ name: Type.String(), description: Type.String() }) }),
    ),
    list: limitsLeftOut('listLimits', '/v3/limits', 'limits'),
    registered: limitsLeftOut('listRegisteredLimits', '/v3/registered_limits', 'registered_limits'),
  },
} as const;
