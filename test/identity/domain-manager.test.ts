/** A whole tenant in its own domain: what its manager does, and where the fence is. */
import test from 'ava';
import { itemsOf, type Json, openHost } from './world.ts';

const names = (list: Json | undefined): string[] =>
  itemsOf(list)
    .map(({ name }) => String(name))
    .sort();

const openTenant = async (t: Parameters<typeof openHost>[0], role: string) => {
  const opened = await openHost(t);
  const { asAdmin, host, as } = opened;
  const made = async (path: string, one: string, body: object) =>
    String((await asAdmin('POST', `/v3/${path}`, { [one]: body })).body[one]?.id);
  const domainId = await made('domains', 'domain', { name: 'tenant' });
  const bossId = await made('users', 'user', { name: 'boss', password: 'secret', domain_id: domainId });
  const roles = itemsOf((await asAdmin('GET', '/v3/roles')).body.roles);
  const roleId = (name: string) => String(roles.find((one) => one.name === name)?.id);
  await asAdmin('PUT', `/v3/domains/${domainId}/users/${bossId}/roles/${roleId(role)}`);
  const login = await host.call('POST', '/v3/auth/tokens', {
    body: {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'boss', domain: { id: domainId }, password: 'secret' } },
        },
        scope: { domain: { id: domainId } },
      },
    },
  });
  const boss = as(login.headers.get('x-subject-token') ?? '');
  return { ...opened, domainId, bossId, roleId, boss, made };
};

for (const role of ['manager', 'admin'])
  test(`domain ${role}: runs its domain, and sees nothing of others`, async (t) => {
    const { boss, domainId, roleId, asAdmin, made } = await openTenant(t, role);
    await made('projects', 'project', { name: 'foreign' });
    const foreignUser = await made('users', 'user', { name: 'stranger' });

    const project = await boss('POST', '/v3/projects', { project: { name: 'reef' } });
    t.is(project.status, 201);
    t.is(String(project.body.project?.domain_id), domainId, 'the domain of the token is meant');
    const user = await boss('POST', '/v3/users', { user: { name: 'ann', password: 'x' } });
    t.is(String(user.body.user?.domain_id), domainId);
    const group = await boss('POST', '/v3/groups', { group: { name: 'divers' } });
    const [projectId, userId, groupId] = [project.body.project?.id, user.body.user?.id, group.body.group?.id];
    t.is((await boss('PUT', `/v3/groups/${groupId}/users/${userId}`)).status, 204);
    const grant = (id: string, on = `projects/${projectId}`) =>
      boss('PUT', `/v3/${on}/users/${userId}/roles/${id}`);
    t.is((await grant(roleId('member'))).status, 204);
    t.is((await grant(roleId('member'), `domains/${domainId}`)).status, 204);
    t.is((await grant(roleId('admin'))).status, 403, 'admin of a project is the cloud’s to old clients');
    t.is((await grant(roleId('service'))).status, 403);
    t.is((await grant(roleId('member'), 'system')).status, 403);

    t.deepEqual(names((await boss('GET', '/v3/projects')).body.projects), ['reef']);
    t.deepEqual(names((await boss('GET', '/v3/users')).body.users), ['ann', 'boss']);
    t.deepEqual(names((await boss('GET', '/v3/groups')).body.groups), ['divers']);
    t.deepEqual(names((await boss('GET', '/v3/domains')).body.domains), ['tenant']);
    t.deepEqual(names((await boss('GET', `/v3/users/${userId}/groups`)).body.groups), ['divers']);
    const given = itemsOf<Json>((await boss('GET', '/v3/role_assignments')).body.role_assignments);
    t.is(given.length, 3);
    t.true(names((await boss('GET', '/v3/roles')).body.roles).includes('member'));

    t.is((await boss('GET', '/v3/users?domain_id=default')).status, 403);
    t.is((await boss('GET', `/v3/users/${foreignUser}`)).status, 403);
    t.is((await boss('GET', '/v3/users/missing')).status, 403, 'not even whether it is there');
    t.is((await boss('PATCH', `/v3/users/${foreignUser}`, { user: { password: 'mine' } })).status, 403);
    t.is((await boss('PUT', `/v3/groups/${groupId}/users/${foreignUser}`)).status, 403);
    t.is((await boss('POST', '/v3/users', { user: { name: 'x', domain_id: 'default' } })).status, 403);
    t.is((await boss('POST', '/v3/domains', { domain: { name: 'x' } })).status, 403);
    t.is((await boss('PATCH', `/v3/domains/${domainId}`, { domain: { enabled: false } })).status, 403);
    t.is((await boss('POST', '/v3/roles', { role: { name: 'x' } })).status, 403);
    t.is((await boss('GET', '/v3/services')).status, 403);

    t.is((await boss('DELETE', `/v3/users/${userId}`)).status, 204);
    t.is((await boss('DELETE', `/v3/groups/${groupId}`)).status, 204);
    t.is((await boss('DELETE', `/v3/projects/${projectId}`)).status, 204);
    t.is((await asAdmin('GET', `/v3/projects/${projectId}`)).status, 404);
  });

test('domain reader: looks at its domain and changes nothing', async (t) => {
  const { boss, domainId, bossId } = await openTenant(t, 'reader');
  t.deepEqual(names((await boss('GET', '/v3/users')).body.users), ['boss']);
  t.is((await boss('GET', `/v3/domains/${domainId}`)).status, 200);
  t.is((await boss('POST', '/v3/users', { user: { name: 'x' } })).status, 403);
  t.is((await boss('PATCH', `/v3/users/${bossId}`, { user: { enabled: false } })).status, 403);
});

test('system reader: sees all and changes nothing; a token of the system administers all', async (t) => {
  const { asAdmin, host, as, roleId, made } = await openTenant(t, 'reader');
  const id = await made('users', 'user', { name: 'auditor', password: 'secret' });
  const login = async () => {
    const answer = await host.call('POST', '/v3/auth/tokens', {
      body: {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'auditor', domain: { id: 'default' }, password: 'secret' } },
          },
          scope: { system: { all: true } },
        },
      },
    });
    return as(answer.headers.get('x-subject-token') ?? '');
  };
  await asAdmin('PUT', `/v3/system/users/${id}/roles/${roleId('reader')}`);
  const reader = await login();
  t.deepEqual(names((await reader('GET', '/v3/domains')).body.domains), ['Default', 'tenant']);
  t.is((await reader('GET', '/v3/services')).status, 200);
  t.is((await reader('GET', '/v3/role_assignments')).status, 200);
  t.is((await reader('POST', '/v3/domains', { domain: { name: 'x' } })).status, 403);
  await asAdmin('PUT', `/v3/system/users/${id}/roles/${roleId('admin')}`);
  const admin = await login();
  t.is((await admin('POST', '/v3/domains', { domain: { name: 'x' } })).status, 201);
});
