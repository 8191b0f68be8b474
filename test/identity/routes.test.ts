/**
 * Every route of proto/rest/identity.ts is called here with a success (the other files call them with all that can
 * go wrong). A route that has no entry must stand in `unproved`, which may only shrink.
 */
import test from 'ava';
import { Compile } from 'typebox/compile';
import { identityRouteList } from '../../proto/rest/identity.ts';
import type { Route } from '../../proto/rest/route.ts';
import { addMember, adminPassword, itemsOf, openHost, passwordAuth } from './world.ts';

const unproved: readonly string[] = [];

test('identity: every route answers as its definition says', async (t) => {
  const opened = await openHost(t);
  const { host, asAdmin, admin } = opened;
  const { userId, projectId, roleId } = await addMember(opened, 'ann');
  const made = async (one: string, body: object) =>
    String((await asAdmin('POST', `/v3/${one}s`, { [one]: body })).body[one]?.id);
  const fresh = {
    domain: await made('domain', { name: 'd', enabled: false }),
    project: await made('project', { name: 'p' }),
    user: await made('user', { name: 'u' }),
    role: await made('role', { name: 'r' }),
  };
  const spare = await host.login('ann', 'secret', 'ann-project');
  const services = itemsOf((await asAdmin('GET', '/v3/services')).body.services);
  const endpoints = itemsOf((await asAdmin('GET', '/v3/endpoints')).body.endpoints);

  interface Call {
    readonly path?: string;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  }
  const shown = (one: keyof typeof fresh): Record<string, Call> => {
    const title = one[0]?.toUpperCase() + one.slice(1);
    const path = `/v3/${one}s/${fresh[one]}`;
    return {
      [`list${title}s`]: {},
      [`create${title}`]: { body: { [one]: { name: 'new' } } },
      [`show${title}`]: { path },
      [`update${title}`]: { path, body: { [one]: { name: 'renamed' } } },
      [`delete${title}`]: { path },
    };
  };
  const granted = (on: string, below: string): Record<string, Call> => {
    const path = `/v3/${below}/users/${userId}/roles`;
    return {
      [`create${on}Grant`]: { path: `${path}/${roleId}` },
      [`check${on}Grant`]: { path: `${path}/${roleId}` },
      [`list${on}Grants`]: { path },
      [`delete${on}Grant`]: { path: `${path}/${roleId}` },
    };
  };
  const calls: Record<string, Call> = {
    listVersions: { path: '/' },
    showVersion: {},
    issueToken: { body: passwordAuth('admin', adminPassword, { system: { all: true } }) },
    validateToken: { headers: { 'X-Subject-Token': spare } },
    revokeToken: { headers: { 'X-Subject-Token': spare } },
    getAuthCatalog: {},
    getAuthProjects: {},
    getAuthDomains: {},
    getAuthSystem: {},
    ...granted('Project', `projects/${projectId}`),
    ...granted('Domain', 'domains/default'),
    ...granted('System', 'system'),
    ...shown('role'),
    ...shown('project'),
    ...shown('user'),
    ...shown('domain'),
    changePassword: {
      path: `/v3/users/${userId}/password`,
      body: { user: { original_password: 'secret', password: 'other' } },
    },
    listUserProjects: { path: `/v3/users/${userId}/projects` },
    listRoleAssignments: {},
    listRegions: {},
    showRegion: { path: '/v3/regions/RegionOne' },
    listServices: {},
    showService: { path: `/v3/services/${services[0]?.id}` },
    listEndpoints: {},
    showEndpoint: { path: `/v3/endpoints/${endpoints[0]?.id}` },
    listGroups: {},
    listUserGroups: {},
    listApplicationCredentials: {},
    listCredentials: {},
    listRoleInferences: {},
    listProjectTags: {},
  };

  const routes = new Map<string, Route>(identityRouteList.map((route) => [route.name, route]));
  t.is(routes.size, identityRouteList.length, 'names are unique');
  t.deepEqual(
    [...routes.keys()].filter((name) => !(name in calls)),
    [...unproved],
  );
  for (const [name, call] of Object.entries(calls)) {
    const route = routes.get(name);
    if (!route) {
      t.fail(`no route has the name ${name}`);
      continue;
    }
    const answer = await host.call(route.method, call.path ?? route.path, {
      token: admin,
      ...(call.body !== undefined && { body: call.body }),
      ...(call.headers && { headers: call.headers }),
    });
    t.is(answer.status, route.status, `${name}: ${JSON.stringify(answer.body)}`);
    if (route.answer)
      t.deepEqual(Compile(route.answer).Errors(answer.body), [], `${name} answers with its schema`);
  }
});

test('identity: every route that is not public refuses a caller without a token', async (t) => {
  const { host } = await openHost(t);
  for (const route of identityRouteList) {
    if (route.policy === 'public') continue;
    const answer = await host.call(route.method, route.path.replaceAll(/:\w+/g, 'x'), {
      ...(route.body && { body: {} }),
    });
    t.is(answer.status, 401, route.name);
  }
});
