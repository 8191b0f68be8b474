/**
 * Who may call which route, written down a second time and in another way: here each route has the list of all
 * callers that pass. What has no line must stand in `unlisted`, which may only shrink.
 *
 *   owner     the user in the path, with the role member on the project in the path
 *   peer      another user, with the role reader on that project
 *   stranger  a user with the role member on another project of another domain
 *   dReader, dManager, dAdmin, xAdmin   roles on the domain of all that is in the path; admin on another domain
 *   sReader, sMember, sAdmin            roles on the system
 *   pAdmin    admin on any project: the cloud's admin to old clients
 *   service   the role service on any project
 */
import test from 'ava';
import type { Principal, Scope } from '../../agent/http/port.ts';
import { builtInId } from '../../agent/identity/built-in.ts';
import { isAllowed } from '../../agent/identity/guard.ts';
import { policies, policyOf } from '../../agent/identity/policy.ts';
import type { RoleRow } from '../../agent/identity/records.ts';
import { identityRouteList } from '../../proto/rest/identity.ts';
import { openHost } from './world.ts';

const unlisted: readonly string[] = [];

const domain = (id: string) => ({ id, name: id });
const caller = (user: string, scope: Scope, ...roles: string[]): Principal => ({
  user: { id: user, name: user, domain: domain('d') },
  scope,
  roles: roles.map((name) => ({ id: builtInId(`role ${name}`), name })),
  methods: ['password'],
  auditIds: ['a'],
  issuedAtMs: 0,
  expiresAtMs: 0,
});
const onProject = (id: string, of: string): Scope => ({ kind: 'project', id, name: id, domain: domain(of) });
const onDomain = (id: string): Scope => ({ kind: 'domain', id, name: id });
const system: Scope = { kind: 'system' };

const callers = {
  owner: caller('u', onProject('p', 'd'), 'member', 'reader'),
  peer: caller('v', onProject('p', 'd'), 'reader'),
  stranger: caller('w', onProject('q', 'e'), 'member', 'reader'),
  dReader: caller('x', onDomain('d'), 'reader'),
  dManager: caller('x', onDomain('d'), 'manager', 'member', 'reader'),
  dAdmin: caller('x', onDomain('d'), 'admin', 'manager', 'member', 'reader'),
  xAdmin: caller('x', onDomain('e'), 'admin', 'manager', 'member', 'reader'),
  sReader: caller('x', system, 'reader'),
  sMember: caller('x', system, 'member', 'reader'),
  sAdmin: caller('x', system, 'admin', 'manager', 'member', 'reader'),
  pAdmin: caller('x', onProject('z', 'e'), 'admin', 'manager', 'member', 'reader'),
  service: caller('s', onProject('z', 'e'), 'service'),
};
type Who = keyof typeof callers;

const everyone = Object.keys(callers) as Who[];
const admins: readonly Who[] = ['sAdmin', 'pAdmin'];
const readers: readonly Who[] = [...admins, 'sReader', 'sMember'];
const domainReaders: readonly Who[] = [...readers, 'dReader', 'dManager', 'dAdmin'];
const domainManagers: readonly Who[] = [...admins, 'dManager', 'dAdmin'];
/** Nothing in the call says which domain: each gets to its own. */
const inOwn = (those: readonly Who[]): readonly Who[] => [...those, 'xAdmin'];

/** Verb by verb, so that a route that changes can hardly be read by accident. */
const expected: Readonly<Record<string, readonly Who[]>> = {
  // Checked when the token in question is known: the owner stands for its user.
  validateToken: [...readers, 'owner', 'service'],
  revokeToken: [...admins, 'owner'],
  issueEc2Token: [...admins, 'service'],
  issueS3Token: [...admins, 'service'],
  getAuthCatalog: everyone,
  getAuthProjects: everyone,
  getAuthDomains: everyone,
  getAuthSystem: everyone,

  listDomains: inOwn(domainReaders),
  createDomain: admins,
  showDomain: [...domainReaders, 'owner', 'peer'],
  updateDomain: admins,
  deleteDomain: admins,
  listProjects: inOwn(domainReaders),
  createProject: inOwn(domainManagers),
  showProject: [...domainReaders, 'owner', 'peer'],
  updateProject: domainManagers,
  deleteProject: domainManagers,
  listProjectTags: [...domainReaders, 'owner', 'peer'],
  replaceProjectTags: domainManagers,
  deleteProjectTags: domainManagers,
  checkProjectTag: [...domainReaders, 'owner', 'peer'],
  addProjectTag: domainManagers,
  deleteProjectTag: domainManagers,
  createDomainConfig: admins,
  showDomainConfig: readers,
  updateDomainConfig: admins,
  deleteDomainConfig: admins,
  showDomainConfigGroup: readers,
  updateDomainConfigGroup: admins,
  deleteDomainConfigGroup: admins,
  showDomainConfigOption: readers,
  updateDomainConfigOption: admins,
  deleteDomainConfigOption: admins,
  showDefaultConfig: readers,
  showDefaultConfigGroup: readers,
  showDefaultConfigOption: readers,

  listUsers: inOwn(domainReaders),
  createUser: inOwn(domainManagers),
  showUser: [...domainReaders, 'owner'],
  updateUser: domainManagers,
  deleteUser: domainManagers,
  listUserProjects: [...domainReaders, 'owner'],
  listUserGroups: [...domainReaders, 'owner'],
  listGroups: inOwn(domainReaders),
  createGroup: inOwn(domainManagers),
  showGroup: domainReaders,
  updateGroup: domainManagers,
  deleteGroup: domainManagers,
  listGroupUsers: domainReaders,
  checkGroupUser: domainReaders,
  addGroupUser: domainManagers,
  removeGroupUser: domainManagers,
  listRoles: inOwn([...readers, 'dManager', 'dAdmin']),
  createRole: admins,
  showRole: inOwn([...readers, 'dManager', 'dAdmin']),
  updateRole: admins,
  deleteRole: admins,
  listRoleInferences: readers,
  listImpliedRoles: readers,
  showImpliedRole: readers,
  checkImpliedRole: readers,
  createImpliedRole: admins,
  deleteImpliedRole: admins,
  listRoleAssignments: inOwn(domainReaders),

  listApplicationCredentials: [...readers, 'owner'],
  createApplicationCredential: ['owner'],
  showApplicationCredential: [...readers, 'owner'],
  deleteApplicationCredential: [...admins, 'owner'],
  listAccessRules: [...readers, 'owner'],
  showAccessRule: [...readers, 'owner'],
  deleteAccessRule: [...admins, 'owner'],
  listCredentials: everyone,
  createCredential: everyone,
  showCredential: everyone,
  updateCredential: everyone,
  deleteCredential: everyone,
  listEc2Credentials: [...readers, 'owner'],
  createEc2Credential: [...admins, 'owner'],
  showEc2Credential: [...readers, 'owner'],
  deleteEc2Credential: [...admins, 'owner'],

  authorizeRequestToken: everyone,
  listAccessTokens: [...readers, 'owner'],
  showAccessToken: [...readers, 'owner'],
  deleteAccessToken: [...admins, 'owner'],
  listAccessTokenRoles: [...readers, 'owner'],
  showAccessTokenRole: [...readers, 'owner'],

  listRegions: everyone,
  showRegion: everyone,
  createRegion: admins,
  putRegion: admins,
  updateRegion: admins,
  deleteRegion: admins,
  showLimitModel: everyone,
  listLimits: everyone,
  listRegisteredLimits: everyone,
};
for (const [one, many] of [
  ['Service', 'Services'],
  ['Endpoint', 'Endpoints'],
  ['Policy', 'Policies'],
  ['EndpointGroup', 'EndpointGroups'],
  ['Consumer', 'Consumers'],
] as const)
  Object.assign(expected, {
    [`list${many}`]: readers,
    [`show${one}`]: readers,
    [`create${one}`]: admins,
    [`update${one}`]: admins,
    [`delete${one}`]: admins,
  });
for (const name of [
  'checkEndpointGroup',
  'listEndpointsOfGroup',
  'listProjectsOfEndpointGroup',
  'listProjectEndpointGroups',
  'showProjectEndpointGroup',
  'listProjectEndpoints',
  'listEndpointProjects',
  'checkProjectEndpoint',
])
  Object.assign(expected, { [name]: readers });
for (const name of ['addEndpointGroup', 'removeEndpointGroup', 'addProjectEndpoint', 'removeProjectEndpoint'])
  Object.assign(expected, { [name]: admins });
for (const what of ['Project', 'Domain', 'InheritedProject', 'InheritedDomain', 'System'])
  for (const actor of ['User', 'Group'])
    Object.assign(expected, {
      [`list${what}${actor}Grants`]: what === 'System' ? readers : domainReaders,
      [`check${what}${actor}Grant`]: what === 'System' ? readers : domainReaders,
      [`create${what}${actor}Grant`]: what === 'System' ? admins : domainManagers,
      [`delete${what}${actor}Grant`]: what === 'System' ? admins : domainManagers,
    });

/** Everything in the path is in domain d; the role is `member`. */
const rows: Parameters<typeof isAllowed>[0] = {
  user: async (id) => (id === 'u' ? ({ domainId: 'd' } as never) : undefined),
  group: async () => ({ domainId: 'd' }) as never,
  project: async (id) => (id === 'p' ? ({ domainId: 'd' } as never) : undefined),
  role: async (id) => ({ id, name: 'member' }) as never,
};
const params = {
  userId: 'u',
  groupId: 'g',
  projectId: 'p',
  domainId: 'd',
  roleId: builtInId('role member'),
};
const paramsOf = (path: string): Record<string, string> =>
  Object.fromEntries(
    [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, params[name as keyof typeof params] ?? 'x']),
  );

const passers = async (name: string, path: string, query = new URLSearchParams(), body?: unknown) => {
  const found: Who[] = [];
  const asked = { params: paramsOf(path), query, body: body as never };
  for (const who of everyone)
    if (await isAllowed(rows, policies[name] ?? {}, callers[who], asked)) found.push(who);
  return found;
};

test('policy: every route that is served has a row, and every row a route', (t) => {
  const served = identityRouteList.filter(({ policy, status }) => policy !== 'public' && status !== 501);
  t.deepEqual(
    served.filter((route) => policyOf(route) === undefined).map(({ name }) => name),
    [],
  );
  const names = new Set(served.map(({ name }) => name));
  t.deepEqual(
    Object.keys(policies).filter((name) => !names.has(name)),
    [],
  );
  t.deepEqual(
    [...names].filter((name) => !(name in expected)),
    [...unlisted],
  );
});

test('policy: each route lets just those pass who are written down here', async (t) => {
  for (const { name, path } of identityRouteList) {
    const wanted = expected[name];
    if (!wanted) continue;
    const late = name === 'validateToken' || name === 'revokeToken';
    t.deepEqual((await passers(name, late ? '/:userId' : path)).sort(), [...wanted].sort(), name);
  }
});

test('policy: a manager of a domain touches nothing of another, by path, body or query', async (t) => {
  const outside = async (name: string, path: string, query = '', body?: unknown) => {
    const found = await passers(name, path, new URLSearchParams(query), body);
    t.deepEqual(
      found.filter((who) => who.startsWith('d')),
      [],
      `${name} ${path} ${query} ${JSON.stringify(body)}`,
    );
  };
  await outside('listUsers', '/v3/users', 'domain_id=e');
  await outside('listProjects', '/v3/projects', 'domain_id=e');
  await outside('createUser', '/v3/users', '', { user: { name: 'n', domain_id: 'e' } });
  await outside('createProject', '/v3/projects', '', { project: { name: 'n', domain_id: 'e' } });
  await outside('createProject', '/v3/projects', '', { project: { name: 'n', parent_id: 'elsewhere' } });
  await outside('createProject', '/v3/projects', '', { project: { name: 'n', is_domain: true } });
  await outside('updateUser', '/v3/users/:missing/:groupId'.replace(':groupId', 'x'), '', {
    user: { domain_id: 'e' },
  });
  const elsewhere = { ...params, userId: 'w' };
  const asked = { params: elsewhere, query: new URLSearchParams(), body: undefined as never };
  for (const name of ['updateUser', 'deleteUser', 'addGroupUser', 'createProjectUserGrant'])
    t.false(await isAllowed(rows, policies[name] ?? {}, callers.dAdmin, asked), name);
});

test('policy: managers give member, reader and manager; admins of a domain all but what reaches beyond it', async (t) => {
  const give = (who: Who, role: Pick<RoleRow, 'id' | 'name' | 'domainId'>) =>
    isAllowed(
      { ...rows, role: async () => role as RoleRow },
      policies.createProjectUserGrant ?? {},
      callers[who],
      { params, query: new URLSearchParams(), body: undefined as never },
    );
  const builtIn = (name: string) => ({ id: builtInId(`role ${name}`), name });
  for (const name of ['manager', 'member', 'reader']) t.true(await give('dManager', builtIn(name)), name);
  for (const name of ['admin', 'service', 'ResellerAdmin']) {
    t.false(await give('dManager', builtIn(name)), name);
    t.false(await give('dAdmin', builtIn(name)), name);
    t.true(await give('pAdmin', builtIn(name)), name);
  }
  t.false(await give('dManager', { id: 'r', name: 'gardener' }));
  t.true(await give('dAdmin', { id: 'r', name: 'gardener' }));
  t.false(await give('dAdmin', { id: 'other', name: 'admin' }), 'a namesake is as mighty to the policies');
  t.true(await give('dManager', { id: 'r', name: 'gardener', domainId: 'd' }));
  t.false(await give('dManager', { id: 'r', name: 'gardener', domainId: 'e' }));
});

test('policy: every route refuses a stranger whom its row does not let pass, before it does anything', async (t) => {
  const { host, asAdmin } = await openHost(t);
  await asAdmin('POST', '/v3/projects', { project: { name: 'island' } });
  const made = await asAdmin('POST', '/v3/users', { user: { name: 'eve', password: 'secret' } });
  const token = await host.login('eve', 'secret');
  t.truthy(made.body.user?.id);
  for (const route of identityRouteList) {
    const wanted = expected[route.name];
    if (!wanted || wanted.includes('stranger')) continue;
    if (route.name === 'validateToken' || route.name === 'revokeToken') continue;
    const answer = await host.call(route.method, route.path.replaceAll(/:\w+/g, 'x'), {
      token,
      ...(route.body && { body: bodyFor(route.name) }),
    });
    t.is(answer.status, 403, `${route.name} ${JSON.stringify(answer.body)}`);
  }
});

/** Just enough to pass the schema, so that it is the policy that refuses. */
const bodyFor = (name: string): object => {
  const bodies: Readonly<Record<string, object>> = {
    Region: { region: { description: 'x' } },
    Consumer: { consumer: { description: 'x' } },
    Service: { service: { type: 'x' } },
    Endpoint: { endpoint: { service_id: 'x', interface: 'public', url: 'http://x' } },
    Policy: { policy: { blob: 'x', type: 'x' } },
    EndpointGroup: { endpoint_group: { name: 'x', filters: {} } },
    ApplicationCredential: { application_credential: { name: 'x' } },
    Ec2Credential: { tenant_id: 'x' },
    ProjectTags: { tags: ['x'] },
    User: { user: { name: 'x' } },
    Project: { project: { name: 'x' } },
    Domain: { domain: { name: 'x' } },
    Group: { group: { name: 'x' } },
    Role: { role: { name: 'x' } },
  };
  if (name.includes('DomainConfig')) return { config: { ldap: { url: 'x' } } };
  if (name.endsWith('Token')) return { credentials: { access: 'x' } };
  return bodies[name.replace(/^(create|update|replace|put)/, '')] ?? {};
};
