import test, { type ExecutionContext } from 'ava';
import { addMember, itemsOf, type Json, openHost, openWorld, passwordAuth, tokenAuth } from './world.ts';

const withSecret = (id: Json | string | undefined, secret: Json | string | undefined, scope?: unknown) => ({
  auth: {
    identity: {
      methods: ['application_credential'],
      application_credential: { id: String(id), secret: String(secret) },
    },
    ...(scope ? { scope } : {}),
  },
});

const openAnn = async (t: ExecutionContext) => {
  const opened = await openHost(t);
  const { host } = opened;
  const ann = await addMember(opened, 'ann');
  const token = await host.login('ann', 'secret', 'ann-project');
  const path = `/v3/users/${ann.userId}/application_credentials`;
  const create = (body: object, by = token) =>
    host.call('POST', path, { token: by, body: { application_credential: { name: 'robot', ...body } } });
  const enter = (answer: { body: Json }, scope?: unknown) => {
    const { id, secret } = answer.body.application_credential ?? {};
    return host.call('POST', '/v3/auth/tokens', { body: withSecret(id, secret, scope) });
  };
  return { ...opened, ...ann, token, path, create, enter };
};

test('application credential: its secret opens its project with its roles, and is never shown again', async (t) => {
  const { create, enter, host, token, path, projectId, userId } = await openAnn(t);
  const made = await create({ description: 'for nightly jobs' });
  t.is(made.status, 201);
  const row = made.body.application_credential ?? {};
  t.regex(String(row.secret), /^[\w-]{86}$/);
  t.like(row, {
    name: 'robot',
    project_id: projectId,
    user_id: userId,
    unrestricted: false,
    expires_at: null,
  });
  const answer = await enter(made);
  t.is(answer.status, 201);
  t.like(answer.body.token, {
    methods: ['application_credential'],
    project: { id: projectId },
    application_credential: { id: row.id, name: 'robot', restricted: true },
  });
  t.deepEqual(
    itemsOf(answer.body.token?.roles)
      .map(({ name }) => name)
      .sort(),
    ['member', 'reader'],
  );
  const shown = await host.call('GET', `${path}/${row.id}`, { token });
  t.is(shown.body.application_credential?.secret, undefined);
  const list = await host.call('GET', path, { token });
  t.is(itemsOf(list.body.application_credentials).length, 1);
  t.notRegex(JSON.stringify(list.body), new RegExp(String(row.secret)));
  t.is((await create({})).status, 409, 'names are unique for a user');
  const byName = await host.call('POST', '/v3/auth/tokens', {
    body: {
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: {
            name: 'robot',
            user: { name: 'ann', domain: { id: 'default' } },
            secret: String(row.secret),
          },
        },
      },
    },
  });
  t.is(byName.status, 201);
});

test('application credential: every wrong way in is 401', async (t) => {
  const { create, host, enter } = await openAnn(t);
  const chosen = await create({ name: 'weak', secret: 'chosen by people' });
  t.is(String(chosen.body.application_credential?.secret), 'chosen by people');
  t.is((await enter(chosen)).status, 201);
  const made = await create({});
  const { id } = made.body.application_credential ?? {};
  for (const body of [
    withSecret(id, 'wrong'),
    withSecret(id, ''),
    withSecret(chosen.body.application_credential?.id, 'wrong'),
    withSecret('missing', 'x'),
  ])
    t.is((await host.call('POST', '/v3/auth/tokens', { body })).status, 401);
  t.is((await enter(made, { project: { id: 'other' } })).status, 401, 'it has its own scope');
  t.is(
    (
      await host.call('POST', '/v3/auth/tokens', {
        body: {
          auth: {
            identity: { methods: ['application_credential'], application_credential: { secret: 'x' } },
          },
        },
      })
    ).status,
    400,
  );
});

test('application credential: it can do no more than its owner still can', async (t) => {
  const { create, enter, asAdmin, userId, projectId, roleId, host, path, token } = await openAnn(t);
  const roles = itemsOf((await asAdmin('GET', '/v3/roles')).body.roles);
  const idOf = (name: string) => String(roles.find((role) => role.name === name)?.id);
  t.is((await create({ name: 'x', roles: [{ name: 'admin' }] })).status, 400, 'a role that the token lacks');
  const reader = await create({ name: 'r', roles: [{ name: 'reader' }] });
  const member = await create({ name: 'm', roles: [{ id: roleId }] });
  const rolesIn = (answer: { body: Json }) =>
    itemsOf(answer.body.token?.roles)
      .map(({ name }) => name)
      .sort();
  t.deepEqual(rolesIn(await enter(reader)), ['reader']);
  t.deepEqual(rolesIn(await enter(member)), ['member', 'reader'], 'with what it implies');
  await asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${idOf('admin')}`);
  t.deepEqual(rolesIn(await enter(member)), ['member', 'reader'], 'new roles of the owner are not its own');
  await asAdmin('DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${idOf('admin')}`);
  await asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${idOf('reader')}`);
  await asAdmin('DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${roleId}`);
  t.deepEqual(rolesIn(await enter(member)), ['reader']);
  const live = (await enter(reader)).headers.get('x-subject-token') ?? '';
  t.is((await host.call('GET', '/v3/auth/projects', { token: live })).status, 200);
  t.is(
    (await host.call('DELETE', `${path}/${reader.body.application_credential?.id}`, { token })).status,
    204,
  );
  t.is((await host.call('GET', '/v3/auth/projects', { token: live })).status, 401, 'its tokens end with it');
  t.is((await enter(reader)).status, 401);
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { enabled: false } });
  t.is((await enter(member)).status, 401);
});

test('application credential: its end is the end of its tokens, in the future and shown to the microsecond', async (t) => {
  const { create, enter, host } = await openAnn(t);
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19);
  const at = `${inSeconds(60)}.123456`;
  const made = await create({ expires_at: at });
  t.is(String(made.body.application_credential?.expires_at), at);
  const answer = await enter(made);
  t.true(Date.parse(String(answer.body.token?.expires_at)) <= Date.parse(`${at}Z`));
  t.is((await create({ name: 'past', expires_at: inSeconds(-60) })).status, 400);
  t.is((await create({ name: 'odd', expires_at: 'tomorrow' })).status, 400);
  host.runtime.aheadMs += 61_000;
  t.is((await enter(made)).status, 401);
  t.is(
    (await host.call('GET', '/v3/auth/projects', { token: answer.headers.get('x-subject-token') ?? '' }))
      .status,
    401,
  );
});

test('application credential: a restricted one makes no others, an unrestricted one none that can more', async (t) => {
  const { create, enter, host, path, userId, projectId } = await openAnn(t);
  const tokenOf = async (answer: { body: Json }) =>
    (await enter(answer)).headers.get('x-subject-token') ?? '';
  const restricted = await tokenOf(await create({}));
  t.is((await create({ name: 'child' }, restricted)).status, 403);
  const id = String((await create({ name: 'victim' })).body.application_credential?.id);
  t.is((await host.call('DELETE', `${path}/${id}`, { token: restricted })).status, 403);
  const key = { tenant_id: projectId };
  const keys = `/v3/users/${userId}/credentials/OS-EC2`;
  t.is((await host.call('POST', keys, { token: restricted, body: key })).status, 403);

  const free = await tokenOf(await create({ name: 'free', unrestricted: true, roles: [{ name: 'member' }] }));
  t.is((await create({ name: 'grandchild', roles: [{ name: 'reader' }] }, free)).status, 201);
  t.is((await create({ name: 'greedy', roles: [{ name: 'admin' }] }, free)).status, 400);
  t.is((await host.call('POST', keys, { token: free, body: { tenant_id: 'other' } })).status, 404);
  t.is((await host.call('POST', keys, { token: free, body: key })).status, 201);
});

test('application credential: a program sees the keys that were made with it, not its owner’s others', async (t) => {
  const { create, enter, host, token, userId, projectId } = await openAnn(t);
  const keys = `/v3/users/${userId}/credentials/OS-EC2`;
  const own = await host.call('POST', keys, { token, body: { tenant_id: projectId } });
  const program = (await enter(await create({ unrestricted: true }))).headers.get('x-subject-token') ?? '';
  t.deepEqual((await host.call('GET', keys, { token: program })).body.credentials, [] as never);
  t.deepEqual((await host.call('GET', '/v3/credentials', { token: program })).body.credentials, [] as never);
  const access = String(own.body.credential?.access);
  t.is((await host.call('GET', `${keys}/${access}`, { token: program })).status, 404);
  t.is((await host.call('DELETE', `${keys}/${access}`, { token: program })).status, 404);
  await host.call('POST', keys, { token: program, body: { tenant_id: projectId } });
  t.is(itemsOf((await host.call('GET', keys, { token: program })).body.credentials).length, 1);
  t.is(itemsOf((await host.call('GET', keys, { token })).body.credentials).length, 2);
});

test('application credential: its access rules bound every call on every host', async (t) => {
  const { create, enter, host, path, userId, token, world } = await openAnn(t);
  const rules = [{ service: 'identity', method: 'GET', path: '/v3/auth/**' }];
  const made = await create({ access_rules: rules });
  const [rule] = itemsOf(made.body.application_credential?.access_rules);
  t.like(rule, rules[0] ?? {});
  const answer = await enter(made);
  t.like(itemsOf(answer.body.token?.application_credential?.access_rules)[0], rules[0] ?? {});
  const bounded = answer.headers.get('x-subject-token') ?? '';
  for (const at of [host, await world.host()]) {
    t.is((await at.call('GET', '/v3/auth/projects', { token: bounded })).status, 200);
    t.is((await at.call('GET', `/v3/users/${userId}`, { token: bounded })).status, 401);
    t.is((await at.call('DELETE', '/v3/auth/tokens', { token: bounded })).status, 401);
  }
  const again = await host.call('POST', '/v3/auth/tokens', { body: tokenAuth(bounded) });
  t.is(again.status, 201);
  const child = again.headers.get('x-subject-token') ?? '';
  t.is((await host.call('GET', `/v3/users/${userId}`, { token: child })).status, 401, 'a token of it, too');

  const listed = await host.call('GET', `/v3/users/${userId}/access_rules?service=identity`, { token });
  t.is(itemsOf(listed.body.access_rules).length, 1);
  t.is((await host.call('DELETE', `/v3/users/${userId}/access_rules/${rule?.id}`, { token })).status, 403);
  const same = await create({ name: 'twin', access_rules: [{ id: String(rule?.id) }] });
  t.is(String(itemsOf(same.body.application_credential?.access_rules)[0]?.id), String(rule?.id));
  t.is((await create({ name: 'lost', access_rules: [{ id: 'missing' }] })).status, 400);
  for (const one of [made, same])
    await host.call('DELETE', `${path}/${one.body.application_credential?.id}`, { token });
  t.is((await host.call('DELETE', `/v3/users/${userId}/access_rules/${rule?.id}`, { token })).status, 204);
});

test('application credential: its token is not for another scope', async (t) => {
  const { create, enter, host, projectId } = await openAnn(t);
  const text = (await enter(await create({}))).headers.get('x-subject-token') ?? '';
  const rescope = async (scope?: unknown) =>
    (await host.call('POST', '/v3/auth/tokens', { body: tokenAuth(text, scope) })).status;
  t.is(await rescope({ project: { id: projectId } }), 201);
  t.is(await rescope({ project: { id: 'other' } }), 401);
  t.is(await rescope('unscoped'), 401);
});

test('rescoping: can be turned off, from no scope to one stays allowed', async (t) => {
  const world = openWorld(t);
  const host = await world.host({ allowRescope: false });
  const admin = { project: { name: 'admin', domain: { id: 'default' } } };
  const login = async (body: unknown) => host.call('POST', '/v3/auth/tokens', { body });
  const unscoped = await login(passwordAuth('admin', 'first light', 'unscoped'));
  const scoped = await login(tokenAuth(unscoped.headers.get('x-subject-token') ?? '', admin));
  t.is(scoped.status, 201);
  const again = await login(tokenAuth(scoped.headers.get('x-subject-token') ?? '', admin));
  t.is(again.status, 403);
  t.regex(String(again.body.error?.message), /rescope a scoped token/);
});
