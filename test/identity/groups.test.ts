import test from 'ava';
import { addMember, itemsOf, type Json, openHost, openWorld, passwordAuth } from './world.ts';

const names = (list: Json | undefined): string[] =>
  itemsOf(list)
    .map(({ name }) => String(name))
    .sort();

/** A group with the role member on a project, and a user outside it. */
const openGroup = async (t: Parameters<typeof openHost>[0]) => {
  const opened = await openHost(t);
  const { asAdmin, host } = opened;
  const made = async (path: string, one: string, body: object) =>
    String((await asAdmin('POST', `/v3/${path}`, { [one]: body })).body[one]?.id);
  const groupId = await made('groups', 'group', { name: 'divers', description: 'd' });
  const projectId = await made('projects', 'project', { name: 'reef' });
  const userId = await made('users', 'user', { name: 'ann', password: 'secret' });
  const roles = itemsOf((await asAdmin('GET', '/v3/roles')).body.roles);
  const roleId = (name: string) => String(roles.find((role) => role.name === name)?.id);
  await asAdmin('PUT', `/v3/projects/${projectId}/groups/${groupId}/roles/${roleId('member')}`);
  const enter = () =>
    host.call('POST', '/v3/auth/tokens', {
      body: passwordAuth('ann', 'secret', { project: { id: projectId } }),
    });
  return {
    ...opened,
    groupId,
    projectId,
    userId,
    roleId,
    enter,
    member: `/v3/groups/${groupId}/users/${userId}`,
  };
};

test('group: its members have its roles, at once when they join and no longer when they leave', async (t) => {
  const { asAdmin, member, enter, host, userId } = await openGroup(t);
  t.is((await enter()).status, 401);
  t.is((await asAdmin('PUT', member)).status, 204);
  t.is((await asAdmin('PUT', member)).status, 204);
  t.is((await asAdmin('HEAD', member)).status, 204);
  const answer = await enter();
  t.is(answer.status, 201);
  t.deepEqual(names(answer.body.token?.roles), ['member', 'reader']);
  const token = answer.headers.get('x-subject-token') ?? '';
  t.deepEqual(names((await host.call('GET', '/v3/auth/projects', { token })).body.projects), ['reef']);
  t.deepEqual(names((await asAdmin('GET', `/v3/users/${userId}/projects`)).body.projects), ['reef']);
  t.deepEqual(names((await asAdmin('GET', `/v3/users/${userId}/groups`)).body.groups), ['divers']);
  t.is((await asAdmin('DELETE', member)).status, 204);
  t.is((await asAdmin('DELETE', member)).status, 404);
  t.is((await asAdmin('GET', member)).status, 404);
  t.is((await host.call('GET', '/v3/auth/projects', { token })).status, 401);
  t.is((await enter()).status, 401);
});

test('group: a member who is added on one host can log in on another at once', async (t) => {
  const world = openWorld(t);
  const [here, there] = [await world.host(), await world.host()];
  const admin = await here.login('admin', 'first light', 'admin');
  const ask = async (method: string, path: string, body?: unknown) =>
    here.call(method, path, { token: admin, ...(body !== undefined && { body }) });
  const group = (await ask('POST', '/v3/groups', { group: { name: 'g' } })).body.group?.id;
  const project = (await ask('POST', '/v3/projects', { project: { name: 'p' } })).body.project?.id;
  const user = (await ask('POST', '/v3/users', { user: { name: 'ann', password: 'secret' } })).body.user?.id;
  const role = itemsOf((await ask('GET', '/v3/roles?name=reader')).body.roles)[0]?.id;
  await ask('PUT', `/v3/projects/${project}/groups/${group}/roles/${role}`);
  // The copies of the other host are warm, and nobody tells it of the change.
  await t.throwsAsync(there.login('ann', 'secret', 'p'));
  world.gossip.air.lossy = true;
  await ask('PUT', `/v3/groups/${group}/users/${user}`);
  await t.notThrowsAsync(there.login('ann', 'secret', 'p'));
});

test('group: deleted, it gives nothing, also when kill -9 left its rows', async (t) => {
  const { asAdmin, member, enter, groupId } = await openGroup(t);
  await asAdmin('PUT', member);
  t.is((await enter()).status, 201);
  t.is((await asAdmin('DELETE', `/v3/groups/${groupId}`)).status, 204);
  t.is((await enter()).status, 401);
  t.is((await asAdmin('GET', `/v3/groups/${groupId}/users`)).status, 404);
});

test('group: shown, renamed, listed by domain; its users are listed until they are gone', async (t) => {
  const { asAdmin, groupId, member, userId } = await openGroup(t);
  await asAdmin('PUT', member);
  t.deepEqual(names((await asAdmin('GET', `/v3/groups/${groupId}/users`)).body.users), ['ann']);
  t.is((await asAdmin('PATCH', `/v3/groups/${groupId}`, { group: { name: 'swimmers' } })).status, 200);
  t.like((await asAdmin('GET', `/v3/groups/${groupId}`)).body.group, { name: 'swimmers', description: 'd' });
  t.is((await asAdmin('PATCH', `/v3/groups/${groupId}`, { group: { domain_id: 'other' } })).status, 400);
  t.is((await asAdmin('POST', '/v3/groups', { group: { name: 'SWIMMERS' } })).status, 409);
  t.deepEqual(names((await asAdmin('GET', '/v3/groups?domain_id=default')).body.groups), ['swimmers']);
  t.deepEqual(names((await asAdmin('GET', '/v3/groups?domain_id=other')).body.groups), []);
  t.deepEqual(names((await asAdmin('GET', '/v3/groups?name__startswith=swim')).body.groups), ['swimmers']);
  t.deepEqual(names((await asAdmin('GET', '/v3/groups?name__icontains=MERX')).body.groups), []);
  await asAdmin('DELETE', `/v3/users/${userId}`);
  t.deepEqual(names((await asAdmin('GET', `/v3/groups/${groupId}/users`)).body.users), []);
  t.is((await asAdmin('PUT', '/v3/groups/missing/users/missing')).status, 404);
});

test('assignments: effective ones name members, projects below and implied roles, each with where it came from', async (t) => {
  const { asAdmin, member, groupId, projectId, userId, roleId, host } = await openGroup(t);
  await asAdmin('PUT', member);
  const below = await asAdmin('POST', '/v3/projects', { project: { name: 'atoll', parent_id: projectId } });
  const belowId = String(below.body.project?.id);
  await asAdmin(
    'PUT',
    `/v3/OS-INHERIT/projects/${projectId}/groups/${groupId}/roles/${roleId('reader')}/inherited_to_projects`,
  );
  const list = async (query: string) =>
    itemsOf<Json>((await asAdmin('GET', `/v3/role_assignments?${query}`)).body.role_assignments);
  const base = `${host.url}/identity/v3`;
  t.deepEqual(await list(`effective&user.id=${userId}&scope.project.id=${belowId}`), [
    {
      role: { id: roleId('reader') },
      user: { id: userId },
      scope: { project: { id: belowId }, 'OS-INHERIT:inherited_to': 'projects' },
      links: {
        assignment: `${base}/OS-INHERIT/projects/${projectId}/groups/${groupId}/roles/${roleId('reader')}/inherited_to_projects`,
        membership: `${base}/groups/${groupId}/users/${userId}`,
      },
    } as unknown as Json,
  ]);
  const here = await list(`effective&user.id=${userId}&scope.project.id=${projectId}&include_names`);
  t.deepEqual(here.map(({ role }) => String(role?.name)).sort(), ['member', 'reader']);
  t.is(
    String(here.find(({ role }) => String(role?.name) === 'reader')?.links?.prior_role),
    `${base}/roles/${roleId('member')}/implies/${roleId('reader')}`,
  );
  t.is((await list(`user.id=${userId}`)).length, 0);
  t.is((await list(`group.id=${groupId}`)).length, 2);
  t.is((await list(`group.id=${groupId}&scope.OS-INHERIT:inherited_to=projects`)).length, 1);
  t.is(
    (await list(`scope.project.id=${projectId}&include_subtree&effective&role.id=${roleId('reader')}`))
      .length,
    2,
  );
  t.is((await list('effective')).filter(({ user }) => String(user?.id) === userId).length, 3);
  for (const bad of [
    `effective&group.id=${groupId}`,
    'effective&scope.domain.id=default&scope.OS-INHERIT:inherited_to=projects',
    'include_subtree',
    `user.id=${userId}&group.id=${groupId}`,
  ])
    t.is((await asAdmin('GET', `/v3/role_assignments?${bad}`)).status, 400, bad);
});

test('grant: what is inherited holds below and not where it was given', async (t) => {
  const opened = await openHost(t);
  const { asAdmin, host } = opened;
  const { userId, roleId, projectId } = await addMember(opened, 'ann');
  await asAdmin('DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${roleId}`);
  const below = String(
    (await asAdmin('POST', '/v3/projects', { project: { name: 'below', parent_id: projectId } })).body.project
      ?.id,
  );
  const deeper = String(
    (await asAdmin('POST', '/v3/projects', { project: { name: 'deeper', parent_id: below } })).body.project
      ?.id,
  );
  const enter = async (scope: unknown) =>
    (await host.call('POST', '/v3/auth/tokens', { body: passwordAuth('ann', 'secret', scope) })).status;
  const give = (place: string, verb = 'PUT') =>
    asAdmin(verb, `/v3/OS-INHERIT/${place}/users/${userId}/roles/${roleId}/inherited_to_projects`);

  t.is((await give(`projects/${projectId}`)).status, 204);
  t.is(await enter({ project: { id: projectId } }), 401);
  t.is(await enter({ project: { id: below } }), 201);
  t.is(await enter({ project: { id: deeper } }), 201);
  t.is((await give(`projects/${projectId}`, 'DELETE')).status, 204);
  t.is(await enter({ project: { id: below } }), 401);

  t.is((await give('domains/default')).status, 204);
  t.is(await enter({ project: { id: projectId } }), 201);
  t.is(await enter({ project: { id: deeper } }), 201);
  t.is(await enter({ domain: { id: 'default' } }), 401);
  const token = await host.login('ann', 'secret', 'deeper');
  t.deepEqual(names((await host.call('GET', '/v3/auth/projects', { token })).body.projects), [
    'admin',
    'ann-project',
    'below',
    'deeper',
  ]);
  t.deepEqual(names((await host.call('GET', '/v3/auth/domains', { token })).body.domains), []);
  t.is((await give('domains/default', 'DELETE')).status, 204);
  t.is((await host.call('GET', '/v3/auth/projects', { token })).status, 401);
});

test('roles: implied ones are in the token over any number of steps, a circle is no harm', async (t) => {
  const opened = await openHost(t);
  const { asAdmin, host } = opened;
  const role = async (name: string, more = {}) =>
    String((await asAdmin('POST', '/v3/roles', { role: { name, ...more } })).body.role?.id);
  const [a, b, c] = [await role('a'), await role('b'), await role('c')];
  for (const [prior, implied] of [
    [a, b],
    [b, c],
    [c, a],
  ])
    t.is((await asAdmin('PUT', `/v3/roles/${prior}/implies/${implied}`)).status, 201);
  const { userId, projectId } = await addMember(opened, 'ann');
  await asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${a}`);
  const rolesNow = async () => {
    const answer = await host.call('POST', '/v3/auth/tokens', {
      body: passwordAuth('ann', 'secret', { project: { id: projectId } }),
    });
    return names(answer.body.token?.roles);
  };
  t.deepEqual(await rolesNow(), ['a', 'b', 'c', 'member', 'reader']);
  t.is((await asAdmin('DELETE', `/v3/roles/${a}/implies/${b}`)).status, 204);
  t.deepEqual(await rolesNow(), ['a', 'member', 'reader']);
  t.is((await asAdmin('DELETE', `/v3/roles/${a}/implies/${b}`)).status, 404);
  await asAdmin('DELETE', `/v3/roles/${b}`);
  const rules = itemsOf<Json>((await asAdmin('GET', '/v3/role_inferences')).body.role_inferences);
  t.deepEqual(rules.map(({ prior_role }) => String(prior_role?.name)).sort(), [
    'admin',
    'c',
    'manager',
    'member',
  ]);
  const adminRole = itemsOf((await asAdmin('GET', '/v3/roles?name=admin')).body.roles)[0]?.id;
  t.is((await asAdmin('PUT', `/v3/roles/${a}/implies/${adminRole}`)).status, 403, 'admin comes by hand only');
});

test('roles: one of a domain stands for what it implies, in its domain only', async (t) => {
  const opened = await openHost(t);
  const { asAdmin, host } = opened;
  const { userId, projectId, roleId } = await addMember(opened, 'ann');
  await asAdmin('DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${roleId}`);
  const own = await asAdmin('POST', '/v3/roles', { role: { name: 'member', domain_id: 'default' } });
  t.is(own.status, 201);
  const id = String(own.body.role?.id);
  t.is(String(own.body.role?.domain_id), 'default');
  t.is((await asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${id}`)).status, 204);
  const enter = () =>
    host.call('POST', '/v3/auth/tokens', {
      body: passwordAuth('ann', 'secret', { project: { id: projectId } }),
    });
  t.is((await enter()).status, 401, 'it implies nothing yet');
  t.is((await asAdmin('PUT', `/v3/roles/${id}/implies/${roleId}`)).status, 201);
  t.deepEqual(names((await enter()).body.token?.roles), ['member', 'reader']);
  t.is((await asAdmin('PUT', `/v3/roles/${roleId}/implies/${id}`)).status, 403);
  const other = await asAdmin('POST', '/v3/domains', { domain: { name: 'other' } });
  const foreign = await asAdmin('POST', '/v3/roles', {
    role: { name: 'x', domain_id: String(other.body.domain?.id) },
  });
  t.is(
    (await asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${foreign.body.role?.id}`)).status,
    403,
  );
  t.is((await asAdmin('PUT', `/v3/system/users/${userId}/roles/${id}`)).status, 403);
  t.deepEqual(names((await asAdmin('GET', '/v3/roles?domain_id=default')).body.roles), ['member']);
});
