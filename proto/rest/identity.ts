/**
 * Identity v3 (Keystone): https://docs.openstack.org/api-ref/identity/v3/
 * What is served and what is not: docs/api/identity.md.
 */
import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import { KiB } from '../units.ts';
import { type PolicyName, type Route, route } from './route.ts';

/** Keystone's own bound on a request (`max_request_body_size`). */
const bodyBytesMax = 112 * KiB;

const Nullable = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);
const Links = Type.Object({ self: Type.String() });
const ListLinks = Type.Object({
  self: Type.String(),
  next: Type.Null(),
  previous: Type.Null(),
});

/** Not only blanks. Columns of Keystone's database: 64 for projects and domains, 255 elsewhere. */
const Name = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '\\S' });
const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' });
/** shoal has none of Keystone's resource options: only the empty set is true. */
const NoOptions = Type.Object({}, { additionalProperties: false });

const Ref = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });
const RefInDomain = { ...Ref.properties, domain: Type.Optional(Ref) };

export const AuthRequest = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String()),
      password: Type.Optional(
        Type.Object({
          user: Type.Object({ ...RefInDomain, password: Type.Optional(Type.String()) }),
        }),
      ),
      token: Type.Optional(Type.Object({ id: Type.String() })),
    }),
    /** `"unscoped"` and, from old clients, `{"unscoped": {}}` ask for no scope in so many words. */
    scope: Type.Optional(
      Type.Union([
        Type.Literal('unscoped'),
        Type.Object({
          project: Type.Optional(Type.Object(RefInDomain)),
          domain: Type.Optional(Ref),
          system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
          unscoped: Type.Optional(Type.Object({})),
        }),
      ]),
    ),
  }),
});
export type AuthRequest = Static<typeof AuthRequest>;

const NamedRef = Type.Object({ id: Type.String(), name: Type.String() });
const NamedRefInDomain = Type.Object({ id: Type.String(), name: Type.String(), domain: NamedRef });

const Endpoint = Type.Object({
  id: Type.String(),
  interface: Type.String(),
  region: Type.String(),
  region_id: Type.String(),
  url: Type.String(),
});
const CatalogEntry = Type.Object({
  id: Type.String(),
  type: Type.String(),
  name: Type.String(),
  endpoints: Type.Array(Endpoint),
});
export type CatalogEntry = Static<typeof CatalogEntry>;

const Token = Type.Object({
  methods: Type.Array(Type.String()),
  user: Type.Object({ ...NamedRefInDomain.properties, password_expires_at: Type.Null() }),
  audit_ids: Type.Array(Type.String()),
  issued_at: Type.String(),
  expires_at: Type.String(),
  project: Type.Optional(NamedRefInDomain),
  is_domain: Type.Optional(Type.Boolean()),
  domain: Type.Optional(NamedRef),
  system: Type.Optional(Type.Object({ all: Type.Boolean() })),
  roles: Type.Optional(Type.Array(NamedRef)),
  catalog: Type.Optional(Type.Array(CatalogEntry)),
});
export type Token = Static<typeof Token>;

const Version = Type.Object({
  id: Type.String(),
  status: Type.String(),
  updated: Type.String(),
  links: Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })),
  'media-types': Type.Array(Type.Object({ base: Type.String(), type: Type.String() })),
});

const domainFields = {
  description: Type.Optional(Nullable(Type.String())),
  enabled: Type.Optional(Type.Boolean()),
  options: Type.Optional(NoOptions),
};
const Domain = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  enabled: Type.Boolean(),
  links: Links,
});
const projectFields = {
  description: Type.Optional(Nullable(Type.String())),
  enabled: Type.Optional(Type.Boolean()),
  domain_id: Type.Optional(Nullable(Id)),
  parent_id: Type.Optional(Nullable(Id)),
  is_domain: Type.Optional(Type.Boolean()),
  tags: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' }), { maxItems: 80 }),
  ),
  options: Type.Optional(NoOptions),
};
const Project = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  enabled: Type.Boolean(),
  domain_id: Type.String(),
  parent_id: Type.String(),
  is_domain: Type.Boolean(),
  tags: Type.Array(Type.String()),
  links: Links,
});
const userFields = {
  description: Type.Optional(Nullable(Type.String())),
  enabled: Type.Optional(Type.Boolean()),
  domain_id: Type.Optional(Nullable(Id)),
  default_project_id: Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
  password: Type.Optional(Nullable(Type.String())),
  options: Type.Optional(NoOptions),
};
const User = Type.Object({
  id: Type.String(),
  name: Type.String(),
  enabled: Type.Boolean(),
  domain_id: Type.String(),
  password_expires_at: Type.Null(),
  links: Links,
});
const roleFields = {
  description: Type.Optional(Nullable(Type.String())),
  domain_id: Type.Optional(Nullable(Id)),
  options: Type.Optional(NoOptions),
};
const Role = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Nullable(Type.String()),
  domain_id: Type.Null(),
  links: Links,
});
const Assignment = Type.Object({
  role: Type.Object({ id: Type.String() }),
  user: Type.Object({ id: Type.String() }),
  scope: Type.Object({}),
  links: Type.Object({ assignment: Type.String() }),
});

/** `{ [key]: value }` that keeps the key's literal type. */
const only = <Key extends string, Value>(key: Key, value: Value) => ({ [key]: value }) as Record<Key, Value>;

/** The five calls of a collection; the envelope has the singular name. */
const collection = <One extends string, Fields extends TProperties, Shown extends TSchema>(
  one: One,
  title: string,
  nameLength: number,
  fields: Fields,
  shown: Shown,
  showPolicy: PolicyName,
) => {
  const base = { api: 'identity', bodyBytesMax } as const;
  const path = `/v3/${one}s`;
  const memberPath = `${path}/:id`;
  const envelope = Type.Object(only(one, shown));
  const created = Type.Object({ ...fields, name: Name(nameLength) });
  const changed = Type.Object({ ...fields, name: Type.Optional(Name(nameLength)) }, { minProperties: 1 });
  const strict = { additionalProperties: false };
  return {
    list: route({
      ...base,
      name: `list${title}s`,
      method: 'GET',
      path,
      policy: 'admin',
      answer: Type.Object({ [`${one}s`]: Type.Array(shown), links: ListLinks }),
      status: 200,
    }),
    create: route({
      ...base,
      name: `create${title}`,
      method: 'POST',
      path,
      policy: 'admin',
      body: Type.Object(only(one, created), strict),
      answer: envelope,
      status: 201,
    }),
    show: route({
      ...base,
      name: `show${title}`,
      method: 'GET',
      path: memberPath,
      policy: showPolicy,
      answer: envelope,
      status: 200,
    }),
    update: route({
      ...base,
      name: `update${title}`,
      method: 'PATCH',
      path: memberPath,
      policy: 'admin',
      body: Type.Object(only(one, changed), strict),
      answer: envelope,
      status: 200,
    }),
    remove: route({
      ...base,
      name: `delete${title}`,
      method: 'DELETE',
      path: memberPath,
      policy: 'admin',
      status: 204,
    }),
  };
};

/** The four calls that give, show and take a role on something; HEAD comes with GET. */
const grants = (on: 'Project' | 'Domain' | 'System', below: string) => {
  const base = { api: 'identity', policy: 'admin' } as const;
  const path = `/v3/${below}/users/:userId/roles`;
  return {
    list: route({
      ...base,
      name: `list${on}Grants`,
      method: 'GET',
      path,
      answer: Type.Object({ roles: Type.Array(Role), links: ListLinks }),
      status: 200,
    }),
    check: route({ ...base, name: `check${on}Grant`, method: 'GET', path: `${path}/:roleId`, status: 204 }),
    create: route({ ...base, name: `create${on}Grant`, method: 'PUT', path: `${path}/:roleId`, status: 204 }),
    remove: route({
      ...base,
      name: `delete${on}Grant`,
      method: 'DELETE',
      path: `${path}/:roleId`,
      status: 204,
    }),
  };
};

const read = <Answer extends TSchema>(name: string, path: string, policy: PolicyName, answer: Answer) =>
  route({ api: 'identity', name, method: 'GET', path, policy, answer, status: 200 });

const Region = Type.Object({ id: Type.String(), description: Type.String(), links: Links });
const Service = Type.Object({ id: Type.String(), type: Type.String(), name: Type.String(), links: Links });

/** What Keystone has and shoal has not yet: 501 rather than 404, so that a client can tell. */
const missing = (name: string, path: string) =>
  route({ api: 'identity', name, method: 'GET', path, policy: 'token', status: 501 });

export const identityRoutes = {
  versions: route({
    api: 'identity',
    name: 'listVersions',
    method: 'GET',
    path: '',
    policy: 'public',
    answer: Type.Object({ versions: Type.Object({ values: Type.Array(Version) }) }),
    status: 300,
  }),
  version: read('showVersion', '/v3', 'public', Type.Object({ version: Version })),

  token: {
    issue: route({
      api: 'identity',
      name: 'issueToken',
      method: 'POST',
      path: '/v3/auth/tokens',
      policy: 'public',
      body: AuthRequest,
      answer: Type.Object({ token: Token }),
      status: 201,
      bodyBytesMax,
    }),
    show: read('validateToken', '/v3/auth/tokens', 'token', Type.Object({ token: Token })),
    revoke: route({
      api: 'identity',
      name: 'revokeToken',
      method: 'DELETE',
      path: '/v3/auth/tokens',
      policy: 'token',
      status: 204,
    }),
  },
  auth: {
    catalog: read(
      'getAuthCatalog',
      '/v3/auth/catalog',
      'token',
      Type.Object({ catalog: Type.Array(CatalogEntry), links: Links }),
    ),
    projects: read(
      'getAuthProjects',
      '/v3/auth/projects',
      'token',
      Type.Object({ projects: Type.Array(Project), links: ListLinks }),
    ),
    domains: read(
      'getAuthDomains',
      '/v3/auth/domains',
      'token',
      Type.Object({ domains: Type.Array(Domain), links: ListLinks }),
    ),
    system: read(
      'getAuthSystem',
      '/v3/auth/system',
      'token',
      Type.Object({ system: Type.Array(Type.Object({ all: Type.Boolean() })), links: Links }),
    ),
  },

  domain: collection(
    'domain',
    'Domain',
    64,
    { ...domainFields, explicit_domain_id: Type.Optional(Id) },
    Domain,
    'token',
  ),
  project: collection('project', 'Project', 64, projectFields, Project, 'token'),
  user: {
    ...collection('user', 'User', 255, userFields, User, 'token'),
    password: route({
      api: 'identity',
      name: 'changePassword',
      method: 'POST',
      path: '/v3/users/:id/password',
      policy: 'public',
      body: Type.Object(
        {
          user: Type.Object(
            { original_password: Type.String(), password: Type.String() },
            { additionalProperties: false },
          ),
        },
        { additionalProperties: false },
      ),
      status: 204,
      bodyBytesMax,
    }),
    projects: read(
      'listUserProjects',
      '/v3/users/:id/projects',
      'token',
      Type.Object({ projects: Type.Array(Project), links: ListLinks }),
    ),
  },
  role: collection('role', 'Role', 255, roleFields, Role, 'admin'),

  projectGrant: grants('Project', 'projects/:targetId'),
  domainGrant: grants('Domain', 'domains/:targetId'),
  systemGrant: grants('System', 'system'),
  assignments: read(
    'listRoleAssignments',
    '/v3/role_assignments',
    'admin',
    Type.Object({ role_assignments: Type.Array(Assignment), links: ListLinks }),
  ),

  region: {
    list: read(
      'listRegions',
      '/v3/regions',
      'token',
      Type.Object({ regions: Type.Array(Region), links: ListLinks }),
    ),
    show: read('showRegion', '/v3/regions/:id', 'token', Type.Object({ region: Region })),
  },
  service: {
    list: read(
      'listServices',
      '/v3/services',
      'admin',
      Type.Object({ services: Type.Array(Service), links: ListLinks }),
    ),
    show: read('showService', '/v3/services/:id', 'admin', Type.Object({ service: Service })),
  },
  endpoint: {
    list: read(
      'listEndpoints',
      '/v3/endpoints',
      'admin',
      Type.Object({ endpoints: Type.Array(Endpoint), links: ListLinks }),
    ),
    show: read('showEndpoint', '/v3/endpoints/:id', 'admin', Type.Object({ endpoint: Endpoint })),
  },

  missing: [
    missing('listGroups', '/v3/groups'),
    missing('listUserGroups', '/v3/users/:id/groups'),
    missing('listApplicationCredentials', '/v3/users/:id/application_credentials'),
    missing('listCredentials', '/v3/credentials'),
    missing('listRoleInferences', '/v3/role_inferences'),
    missing('listProjectTags', '/v3/projects/:id/tags'),
  ],
} as const;

const isRoute = (value: object): value is Route => 'method' in value;

/** All of them in one list, for tables and tests. */
export const identityRouteList: readonly Route[] = Object.values(identityRoutes).flatMap((entry) =>
  isRoute(entry) ? [entry] : (Object.values(entry) as Route[]),
);
