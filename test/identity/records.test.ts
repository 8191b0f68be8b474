import test from 'ava';
import { identityRoutes } from '../../proto/rest/identity.ts';
import { fakeTables } from '../fake/tables.ts';
import { hookedTables } from './hooked-tables.ts';
import { addMember, adminPassword, itemsOf, type Json, openHost, openWorld } from './world.ts';

const names = (list: Json | undefined): string[] =>
  itemsOf(list)
    .map(({ name }) => String(name))
    .sort();

test('bootstrap: a new cloud has Default, admin and the roles that policies name', async (t) => {
  const { asAdmin } = await openHost(t);
  t.deepEqual(names((await asAdmin('GET', '/v3/domains')).body.domains), ['Default']);
  t.deepEqual(names((await asAdmin('GET', '/v3/projects')).body.projects), ['admin']);
  t.deepEqual(names((await asAdmin('GET', '/v3/users')).body.users), ['admin']);
  t.deepEqual(names((await asAdmin('GET', '/v3/roles')).body.roles), [
    'ResellerAdmin',
    'admin',
    'manager',
    'member',
    'reader',
    'service',
  ]);
  const given = await asAdmin('GET', '/v3/role_assignments?include_names');
  t.deepEqual(
    itemsOf<Json>(given.body.role_assignments)
      .map(({ scope }) => Object.keys(scope ?? {})[0])
      .sort(),
    ['domain', 'project', 'system'],
  );
});

test('bootstrap: any number of hosts at once, killed at any step and started again, make one admin', async (t) => {
  for (let step = 1; step < 40; step += 3) {
    let left = step;
    const fate = { mortal: true };
    const tables = hookedTables(fakeTables(), async ({ verb }) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (fate.mortal && (verb === 'change' || verb === 'put') && left-- === 0) throw new Error('killed');
      return undefined;
    });
    const world = openWorld(t, tables);
    const first = await Promise.allSettled([world.host(), world.host(), world.host()]);
    t.true(first.filter(({ status }) => status === 'rejected').length <= 1);
    fate.mortal = false;
    const host = await world.host();
    const token = await host.login('admin', adminPassword, 'admin');
    for (const kind of ['users', 'projects', 'domains'])
      t.is(
        itemsOf((await host.call('GET', `/v3/${kind}`, { token })).body[kind]).length,
        1,
        `${kind}, step ${step}`,
      );
    t.is(itemsOf((await host.call('GET', '/v3/roles', { token })).body.roles).length, 6);
  }
});

test('bootstrap: what an operator deleted stays deleted at the next start', async (t) => {
  const { world, host, asAdmin } = await openHost(t);
  const [role] = itemsOf((await asAdmin('GET', '/v3/roles?name=service')).body.roles);
  await asAdmin('DELETE', `/v3/roles/${role?.id}`);
  const { isNew } = await host.identity.bootstrap({ adminPassword: 'another' });
  t.false(isNew);
  const later = await world.host();
  const token = await later.login('admin', adminPassword, 'admin');
  t.is((await later.call('GET', `/v3/roles/${role?.id}`, { token })).status, 404);
});

test('project: names are unique in their domain, whatever their case', async (t) => {
  const { asAdmin } = await openHost(t);
  t.is((await asAdmin('POST', '/v3/projects', { project: { name: 'Demo' } })).status, 201);
  const again = await asAdmin('POST', '/v3/projects', { project: { name: ' dEMO ' } });
  t.is(again.status, 409);
  t.regex(
    String(again.body.error?.message),
    /^Conflict occurred attempting to store project - it is not permitted to have two projects/,
  );
  const other = await asAdmin('POST', '/v3/domains', { domain: { name: 'other' } });
  const domain_id = String(other.body.domain?.id);
  t.is((await asAdmin('POST', '/v3/projects', { project: { name: 'demo', domain_id } })).status, 201);
  t.deepEqual(names((await asAdmin('GET', '/v3/projects?name=DEMO')).body.projects), ['Demo', 'demo']);
  t.deepEqual(names((await asAdmin('GET', `/v3/projects?name=DEMO&domain_id=${domain_id}`)).body.projects), [
    'demo',
  ]);
  t.deepEqual(names((await asAdmin('GET', `/v3/projects?domain_id=${domain_id}`)).body.projects), ['demo']);
});

test('project: two hosts that create one name at once make one project', async (t) => {
  const { world, admin, host } = await openHost(t);
  const other = await world.host();
  const create = (at: typeof host, name: string) =>
    at.call('POST', '/v3/projects', { token: admin, body: { project: { name } } });
  for (let i = 0; i < 5; i += 1) {
    const both = await Promise.all([create(host, `race-${i}`), create(other, `RACE-${i}`)]);
    t.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
  }
});

test('project: it says all of itself, keeps what it does not know and merges changes', async (t) => {
  const { host, asAdmin } = await openHost(t);
  const made = await asAdmin('POST', '/v3/projects', {
    project: { name: 'demo', description: 'd', tags: ['red', 'blue'], cost_centre: 7 },
  });
  const id = String(made.body.project?.id);
  const whole = {
    id,
    name: 'demo',
    description: 'd',
    enabled: true,
    domain_id: 'default',
    parent_id: 'default',
    is_domain: false,
    tags: ['red', 'blue'],
    options: {},
    cost_centre: 7,
    links: { self: `${host.url}/identity/v3/projects/${id}` },
  };
  t.deepEqual(made.body.project, whole as never);
  const changed = await asAdmin('PATCH', `/v3/projects/${id}`, {
    project: { enabled: false, colour: 'red', domain_id: 'default' },
  });
  t.deepEqual(changed.body.project, { ...whole, enabled: false, colour: 'red' } as never);
  t.deepEqual((await asAdmin('GET', `/v3/projects/${id}`)).body.project, changed.body.project);
  t.deepEqual(names((await asAdmin('GET', '/v3/projects?enabled=false')).body.projects), ['demo']);
  t.deepEqual(names((await asAdmin('GET', '/v3/projects?enabled')).body.projects), ['admin']);
  t.deepEqual(names((await asAdmin('GET', '/v3/projects?is_domain=true')).body.projects), ['Default']);
});

test('project: a wrong value is refused by its name and changes nothing', async (t) => {
  const { asAdmin } = await openHost(t);
  const bad: readonly (readonly [unknown, number, RegExp])[] = [
    [{ project: { name: '' } }, 400, /"project.name"/],
    [{ project: { name: '   ' } }, 400, /"project.name"/],
    [{ project: { name: 'a'.repeat(65) } }, 400, /"project.name"/],
    [{ project: { name: 7 } }, 400, /"project.name" of the body: it must be string/],
    [{ project: { name: 'a', enabled: 'yes' } }, 400, /"project.enabled"/],
    [{ project: { name: 'a', options: { colour: true } } }, 400, /"project.options".*"colour"/],
    [{ project: { name: 'a', tags: ['x', 'x'] } }, 400, /"project.tags"/],
    [{ project: {} }, 400, /it needs the field "name"/],
    [{ project: { name: 'a' }, more: 1 }, 400, /takes no field "more"/],
    [{ project: { name: 'a', domain_id: 'missing' } }, 400, /Could not find domain: missing/],
    [{ project: { name: 'a', parent_id: 'missing' } }, 400, /Could not find/],
    [{ project: { name: 'a', is_domain: true, parent_id: 'default' } }, 400, /only root projects/],
    [[], 400, /must be object/],
  ];
  for (const [body, status, message] of bad) {
    const answer = await asAdmin('POST', '/v3/projects', body);
    t.is(answer.status, status, JSON.stringify(body));
    t.regex(String(answer.body.error?.message), message);
  }
  t.deepEqual(names((await asAdmin('GET', '/v3/projects')).body.projects), ['admin']);
  t.is(
    (await asAdmin('POST', '/v3/projects', { project: { name: 'a', more: 'x'.repeat(120_000) } })).status,
    413,
  );
});

test('project: one with others below it is not deleted, and children live in their parent’s domain', async (t) => {
  const { asAdmin } = await openHost(t);
  const parent = String(
    (await asAdmin('POST', '/v3/projects', { project: { name: 'parent' } })).body.project?.id,
  );
  const child = await asAdmin('POST', '/v3/projects', { project: { name: 'child', parent_id: parent } });
  t.like(child.body.project, { parent_id: parent, domain_id: 'default' });
  const other = String((await asAdmin('POST', '/v3/domains', { domain: { name: 'other' } })).body.domain?.id);
  t.is(
    (await asAdmin('POST', '/v3/projects', { project: { name: 'x', parent_id: parent, domain_id: other } }))
      .status,
    400,
  );
  t.is((await asAdmin('DELETE', `/v3/projects/${parent}`)).status, 403);
  t.is((await asAdmin('PATCH', `/v3/projects/${parent}`, { project: { domain_id: other } })).status, 400);
  t.is((await asAdmin('DELETE', `/v3/projects/${child.body.project?.id}`)).status, 204);
  t.is((await asAdmin('DELETE', `/v3/projects/${parent}`)).status, 204);
  t.is((await asAdmin('DELETE', `/v3/projects/${parent}`)).status, 404);
});

test('project: lists come in pages where they are asked for so, whatever goes between two', async (t) => {
  const { host, admin, asAdmin } = await openHost(t);
  for (const name of ['a', 'b', 'c', 'd', 'e']) await asAdmin('POST', '/v3/projects', { project: { name } });
  const get = async (path: string) => {
    const { body } = await host.call('GET', path, { token: admin });
    const links = body.links as unknown as { self: string; next: string | null };
    return { ids: itemsOf(body.projects).map(({ id }) => id ?? ''), links, truncated: body.truncated };
  };
  const query = 'domain_id=default&enabled=true';
  const all = await get(`/v3/projects?${query}`);
  t.like(all, { links: { next: null } });
  t.is(all.links.self, `${host.url}/identity/v3/projects?${query}`);
  const wanted = [...all.ids].sort();
  t.true(wanted.length >= 6, 'those and admin');
  const seen: string[] = [];
  let path: string | null = `/v3/projects?${query}&limit=2`;
  while (path !== null) {
    const { ids, links, truncated } = await get(path);
    seen.push(...ids);
    t.is(truncated !== undefined, links.next !== null);
    path = links.next?.slice(`${host.url}/identity`.length) ?? null;
  }
  t.deepEqual(seen, wanted);
  const [first = '', second = ''] = wanted;
  if (first !== second) await asAdmin('DELETE', `/v3/projects/${second}`);
  t.deepEqual((await get(`/v3/projects?${query}&marker=${second}`)).ids, wanted.slice(2));
  for (const limit of ['0', '-1', 'many'])
    t.is((await host.call('GET', `/v3/projects?limit=${limit}`, { token: admin })).status, 400, limit);
});

test('user: never shows a password, keeps email and takes changes', async (t) => {
  const { host, asAdmin } = await openHost(t);
  const made = await asAdmin('POST', '/v3/users', {
    user: { name: 'ann', password: 'secret', email: 'a@b.c', options: {} },
  });
  const id = String(made.body.user?.id);
  t.deepEqual(made.body.user, {
    id,
    name: 'ann',
    domain_id: 'default',
    enabled: true,
    email: 'a@b.c',
    password_expires_at: null,
    options: {},
    links: { self: `${host.url}/identity/v3/users/${id}` },
  } as never);
  const changed = await asAdmin('PATCH', `/v3/users/${id}`, {
    user: { name: 'anna', email: 'x@y.z', password: 'other', description: 'who' },
  });
  t.like(changed.body.user, { name: 'anna', email: 'x@y.z', description: 'who' });
  t.notRegex(JSON.stringify((await asAdmin('GET', '/v3/users')).body), /argon2|secret|other/);
  await host.login('anna', 'other');
  await t.throwsAsync(host.login('ann', 'other'));
  t.is((await asAdmin('PATCH', `/v3/users/${id}`, { user: {} })).status, 400);
  t.is((await asAdmin('PATCH', '/v3/users/missing', { user: { name: 'x' } })).status, 404);
  t.is((await asAdmin('POST', '/v3/users', { user: { name: 'b', domain_id: 'missing' } })).status, 404);
  t.is((await asAdmin('POST', '/v3/users', { user: { name: 'b', password: 'x'.repeat(5000) } })).status, 403);
});

test('user: members see themselves, their project and domain, and nobody else', async (t) => {
  const opened = await openHost(t);
  const { userId, projectId } = await addMember(opened, 'ann');
  const bob = await addMember(opened, 'bob');
  const { host, as } = opened;
  const asAnn = as(await host.login('ann', 'secret', 'ann-project'));
  for (const path of [
    `users/${userId}`,
    `users/${userId}/projects`,
    `projects/${projectId}`,
    'domains/default',
    'auth/projects',
  ])
    t.is((await asAnn('GET', `/v3/${path}`)).status, 200, path);
  t.deepEqual(names((await asAnn('GET', '/v3/auth/projects')).body.projects), ['ann-project']);
  const closed = [
    'users',
    'projects',
    'domains',
    'roles',
    'role_assignments',
    `users/${bob.userId}`,
    `users/${bob.userId}/projects`,
    `projects/${bob.projectId}`,
    'domains/other',
    'projects/missing',
    'users/missing',
  ];
  for (const path of closed) t.is((await asAnn('GET', `/v3/${path}`)).status, 403, path);
  t.is((await asAnn('POST', '/v3/projects', { project: { name: 'mine' } })).status, 403);
  t.is((await asAnn('PATCH', `/v3/users/${userId}`, { user: { name: 'root' } })).status, 403);
  t.is((await asAnn('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${bob.roleId}`)).status, 403);
  for (const path of ['users', 'projects']) t.is((await host.call('GET', `/v3/${path}`)).status, 401);
});

test('domain: it must be disabled before it goes, and all in it goes with it', async (t) => {
  const { host, world, asAdmin } = await openHost(t);
  const id = String((await asAdmin('POST', '/v3/domains', { domain: { name: 'other' } })).body.domain?.id);
  const user = String(
    (await asAdmin('POST', '/v3/users', { user: { name: 'in', domain_id: id } })).body.user?.id,
  );
  const project = String(
    (await asAdmin('POST', '/v3/projects', { project: { name: 'in', domain_id: id } })).body.project?.id,
  );
  const below = String(
    (await asAdmin('POST', '/v3/projects', { project: { name: 'below', parent_id: project } })).body.project
      ?.id,
  );
  const active = await asAdmin('DELETE', `/v3/domains/${id}`);
  t.is(active.status, 403);
  t.is(
    String(active.body.error?.message),
    'Cannot delete a domain that is enabled, please disable it first.',
  );
  await asAdmin('PATCH', `/v3/domains/${id}`, { domain: { enabled: false } });
  t.is((await asAdmin('DELETE', `/v3/domains/${id}`)).status, 204);
  for (const path of [`domains/${id}`, `users/${user}`, `projects/${project}`, `projects/${below}`])
    t.is((await asAdmin('GET', `/v3/${path}`)).status, 404, path);
  t.is((await asAdmin('POST', '/v3/domains', { domain: { name: 'OTHER' } })).status, 201);
  t.true(
    world.events.some(
      ({ action, target, outcome }) => action === 'domain.delete' && target === id && outcome === 'done',
    ),
  );
  t.truthy(host);
});

test('domain: an id may be chosen once', async (t) => {
  const { asAdmin } = await openHost(t);
  const explicit_domain_id = 'f'.repeat(32);
  const made = await asAdmin('POST', '/v3/domains', { domain: { name: 'one', explicit_domain_id } });
  t.like(made.body.domain, { id: explicit_domain_id, name: 'one', description: '' });
  t.is((await asAdmin('POST', '/v3/domains', { domain: { name: 'two', explicit_domain_id } })).status, 409);
  t.is(
    (await asAdmin('POST', '/v3/domains', { domain: { name: 'three', explicit_domain_id: 'a/b' } })).status,
    400,
  );
});

test('grant: given, shown, listed and taken on projects, domains and the system', async (t) => {
  const opened = await openHost(t);
  const { userId, projectId, roleId } = await addMember(opened, 'ann', 'reader');
  const { asAdmin, host } = opened;
  for (const place of [`projects/${projectId}`, 'domains/default', 'system']) {
    const path = `/v3/${place}/users/${userId}/roles`;
    t.is((await asAdmin('PUT', `${path}/${roleId}`)).status, 204);
    t.is((await asAdmin('PUT', `${path}/${roleId}`)).status, 204);
    t.is((await asAdmin('HEAD', `${path}/${roleId}`)).status, 204);
    t.deepEqual(names((await asAdmin('GET', path)).body.roles), ['reader']);
    t.is((await asAdmin('PUT', `${path}/missing`)).status, 404);
    t.is((await asAdmin('PUT', `/v3/${place}/users/missing/roles/${roleId}`)).status, 404);
  }
  t.is((await asAdmin('PUT', `/v3/projects/missing/users/${userId}/roles/${roleId}`)).status, 404);
  const list = async (query: string) =>
    itemsOf<Json>((await asAdmin('GET', `/v3/role_assignments?${query}`)).body.role_assignments);
  t.is((await list(`user.id=${userId}`)).length, 3);
  t.deepEqual(await list(`user.id=${userId}&scope.project.id=${projectId}&include_names=1`), [
    {
      role: { id: roleId, name: 'reader' },
      user: { id: userId, name: 'ann', domain: { id: 'default', name: 'Default' } },
      scope: { project: { id: projectId, name: 'ann-project', domain: { id: 'default', name: 'Default' } } },
      links: { assignment: `${host.url}/identity/v3/projects/${projectId}/users/${userId}/roles/${roleId}` },
    } as unknown as Json,
  ]);
  t.is((await list(`scope.project.id=${projectId}`)).length, 1);
  t.is((await list(`role.id=${roleId}`)).length, 3);
  t.is((await list('')).length, 6);
  t.is((await list('scope.system=all')).length, 2);
  t.is((await list('scope.system=all&effective')).length, 5);
  t.is((await list('group.id=x')).length, 0);
  t.is((await asAdmin('GET', '/v3/role_assignments?scope.project.id=a&scope.domain.id=b')).status, 400);
  for (const place of [`projects/${projectId}`, 'domains/default', 'system']) {
    const path = `/v3/${place}/users/${userId}/roles/${roleId}`;
    t.is((await asAdmin('DELETE', path)).status, 204);
    t.is((await asAdmin('DELETE', path)).status, 404);
    t.is((await asAdmin('HEAD', path)).status, 404);
  }
});

test('grant: two roles given at the same time both stand', async (t) => {
  const opened = await openHost(t);
  const { userId, projectId } = await addMember(opened, 'ann');
  const { asAdmin } = opened;
  const roles = itemsOf((await asAdmin('GET', '/v3/roles')).body.roles);
  await Promise.all(
    roles.map(({ id }) => asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${id}`)),
  );
  const given = await asAdmin('GET', `/v3/projects/${projectId}/users/${userId}/roles`);
  t.is(itemsOf(given.body.roles).length, roles.length);
});

test('grant: of what is gone nothing is shown', async (t) => {
  const opened = await openHost(t);
  const { userId, projectId } = await addMember(opened, 'ann');
  const { asAdmin } = opened;
  await asAdmin('DELETE', `/v3/users/${userId}`);
  t.deepEqual(
    itemsOf(
      (await asAdmin('GET', `/v3/role_assignments?scope.project.id=${projectId}`)).body.role_assignments,
    ),
    [],
  );
  t.deepEqual(
    itemsOf((await asAdmin('GET', `/v3/role_assignments?user.id=${userId}`)).body.role_assignments),
    [],
  );
});

test('discovery: versions and services have addresses that lead here', async (t) => {
  const { host, asAdmin } = await openHost(t);
  const versions = await host.call('GET', '/');
  t.is(versions.status, 300);
  const self = `${host.url}/identity/v3/`;
  t.is(versions.headers.get('location'), self);
  t.like((await host.call('GET', '/v3/')).body.version, {
    id: 'v3.14',
    status: 'stable',
    links: [{ rel: 'self', href: self }],
  });
  const [region] = itemsOf((await asAdmin('GET', '/v3/regions')).body.regions);
  t.is(region?.id, 'RegionOne');
  const services = itemsOf((await asAdmin('GET', '/v3/services')).body.services);
  t.is(services.length, 5);
  t.deepEqual(names((await asAdmin('GET', '/v3/services?type=compute')).body.services), ['nova']);
  t.is((await asAdmin('GET', `/v3/services/${services[0]?.id}`)).status, 200);
  const endpoints = itemsOf((await asAdmin('GET', '/v3/endpoints')).body.endpoints);
  t.is(endpoints.length, 15);
  t.is(
    itemsOf(
      (await asAdmin('GET', `/v3/endpoints?interface=admin&service_id=${services[0]?.id}`)).body.endpoints,
    ).length,
    1,
  );
  t.is((await asAdmin('GET', `/v3/endpoints/${endpoints[0]?.id}`)).status, 200);
  for (const path of ['regions', 'services', 'endpoints'])
    t.is((await asAdmin('GET', `/v3/${path}/missing`)).status, 404);
});

test('discovery: what is left out says so with 501', async (t) => {
  const { asAdmin } = await openHost(t);
  for (const route of identityRoutes.leftOut) {
    const answer = await asAdmin(route.method, route.path.replaceAll(/:\w+|\*/g, 'x'));
    t.is(answer.status, 501, route.path);
    t.regex(String(answer.body.error?.message), /has not been implemented/);
  }
});

test('journal: each accepted change is told with who and what, refusals of a rule are not', async (t) => {
  const { world, asAdmin } = await openHost(t);
  world.events.length = 0;
  const made = await asAdmin('POST', '/v3/projects', { project: { name: 'demo' } });
  await asAdmin('POST', '/v3/projects', { project: { name: 'demo' } });
  await asAdmin('DELETE', '/v3/projects/missing');
  await asAdmin('DELETE', `/v3/projects/${made.body.project?.id}`);
  t.deepEqual(
    world.events.map(({ action, target, outcome, actor }) => [action, target, outcome, actor?.userName]),
    [
      ['project.create', String(made.body.project?.id), 'done', 'admin'],
      ['project.delete', String(made.body.project?.id), 'done', 'admin'],
    ],
  );
});
