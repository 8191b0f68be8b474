import test from 'ava';
import { refusalsPerMinuteMax } from '../../agent/identity/limits.ts';
import { newRequestId } from '../../proto/ids.ts';
import { addMember, adminPassword, itemsOf, openHost, passwordAuth, tokenAuth } from './world.ts';

const refused = {
  code: 401,
  message: 'The request you have made requires authentication.',
  title: 'Unauthorized',
};

test('login: a password gives a token of the project that is asked for', async (t) => {
  const opened = await openHost(t);
  const { projectId, userId, roleId } = await addMember(opened, 'ann');
  const { host } = opened;
  const scope = { project: { name: 'ANN-project', domain: { name: 'default' } } };
  const answer = await host.call('POST', '/v3/auth/tokens', { body: passwordAuth('Ann', 'secret', scope) });
  t.is(answer.status, 201);
  const { token } = answer.body;
  t.like(token, {
    methods: ['password'],
    user: { id: userId, name: 'ann', domain: { id: 'default', name: 'Default' }, password_expires_at: null },
    project: { id: projectId, name: 'ann-project', domain: { id: 'default', name: 'Default' } },
    is_domain: false,
  });
  const roles = itemsOf(token?.roles);
  t.deepEqual(roles.map(({ name }) => name).sort(), ['member', 'reader']);
  t.true(roles.some(({ id }) => id === roleId));
  t.regex(String(token?.expires_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  t.is(Date.parse(String(token?.expires_at)) - Date.parse(String(token?.issued_at)) > 3_599_000, true);
});

test('login: the names of a project and a user sign in as Swift’s clients do, and are journaled', async (t) => {
  const opened = await openHost(t);
  const { projectId, userId } = await addMember(opened, 'ann');
  const { host, asAdmin } = opened;
  const signIn = (project: string | undefined, password = 'secret') =>
    host.identity.signIn(newRequestId(), { project, user: 'ann', password });
  const signed = await signIn('ann-project');
  t.is(signed.project, projectId);
  t.is(signed.principal.user.id, userId);
  t.is((await host.call('GET', '/v3/auth/projects', { token: signed.token })).status, 200);
  await t.throwsAsync(signIn('ann-project', 'wrong'), { code: 'NOT_AUTHENTICATED' });
  await t.throwsAsync(signIn('none'), { code: 'NOT_AUTHENTICATED' });
  await t.throwsAsync(signIn(undefined), { code: 'NOT_AUTHENTICATED' }, 'there is no default project');
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { default_project_id: projectId } });
  t.is((await signIn(undefined)).project, projectId);
  t.is(await host.identity.domainOf(projectId), 'default');
  t.is(await host.identity.domainOf('none'), undefined);
});

test('login: the catalog follows the address that the client used', async (t) => {
  const { host, admin } = await openHost(t);
  const answer = await host.call('GET', '/v3/auth/catalog', { token: admin });
  const catalog = itemsOf<{ type: string; endpoints: Record<string, string>[] }>(answer.body.catalog);
  const project = (
    await host.call('GET', '/v3/auth/tokens', { token: admin, headers: { 'X-Subject-Token': admin } })
  ).body.token?.project?.id;
  t.deepEqual(
    catalog.map(({ type, endpoints }) => [type, endpoints[0]?.url]),
    [
      ['identity', `${host.url}/identity/v3`],
      ['compute', `${host.url}/compute/v2.1`],
      ['image', `${host.url}/image`],
      ['object-store', `${host.url}/object-store/v1/AUTH_${project}`],
      ['shoal-cluster', `${host.url}/cluster/v1`],
    ],
  );
  t.deepEqual(
    catalog[0]?.endpoints.map((one) => one.interface),
    ['public', 'internal', 'admin'],
  );
  t.is(catalog[0]?.endpoints[0]?.region, 'RegionOne');
});

test('login: every wrong way in is the same 401', async (t) => {
  const opened = await openHost(t);
  const { userId, projectId } = await addMember(opened, 'ann');
  const { host, asAdmin } = opened;
  await asAdmin('POST', '/v3/projects', { project: { name: 'foreign' } });
  await asAdmin('POST', '/v3/users', { user: { name: 'off', password: 'secret', enabled: false } });
  await asAdmin('POST', '/v3/users', { user: { name: 'mute' } });
  const closed = await asAdmin('POST', '/v3/domains', { domain: { name: 'closed' } });
  const domainId = closed.body.domain?.id;
  await asAdmin('POST', '/v3/users', { user: { name: 'in', password: 'secret', domain_id: domainId } });
  await asAdmin('PATCH', `/v3/domains/${domainId}`, { domain: { enabled: false } });
  const project = (name: string) => ({ project: { name, domain: { id: 'default' } } });
  const ways = [
    passwordAuth('ann', 'wrong'),
    passwordAuth('ann', ''),
    passwordAuth('nobody', 'secret'),
    passwordAuth('off', 'secret'),
    passwordAuth('mute', ''),
    passwordAuth('ann', 'x'.repeat(50_000)),
    passwordAuth('ann', 'secret', project('missing')),
    passwordAuth('ann', 'secret', project('foreign')),
    passwordAuth('ann', 'secret', { project: { id: 'missing' } }),
    passwordAuth('ann', 'secret', { domain: { id: 'default' } }),
    passwordAuth('ann', 'secret', { system: { all: true } }),
    {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'ann', domain: { id: 'missing' }, password: 'secret' } },
        },
      },
    },
    {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'in', domain: { name: 'closed' }, password: 'secret' } },
        },
      },
    },
    { auth: { identity: { methods: [] } } },
  ];
  for (const body of ways) {
    const answer = await host.call('POST', '/v3/auth/tokens', { body });
    t.is(answer.status, 401, JSON.stringify(body));
    t.deepEqual(answer.body, { error: refused } as never);
    t.regex(
      answer.headers.get('www-authenticate') ?? '',
      /^Keystone uri="http:\/\/127.0.0.1:\d+\/identity"$/,
    );
  }
  await asAdmin('PATCH', `/v3/projects/${projectId}`, { project: { enabled: false } });
  t.is(
    (
      await host.call('POST', '/v3/auth/tokens', {
        body: passwordAuth('ann', 'secret', { project: { id: projectId } }),
      })
    ).status,
    401,
  );
  const byId = {
    auth: { identity: { methods: ['password'], password: { user: { id: userId, password: 'secret' } } } },
  };
  t.is((await host.call('POST', '/v3/auth/tokens', { body: byId })).status, 201);
});

test('login: a request that says too little or too much is 400', async (t) => {
  const { host } = await openHost(t);
  const user = { name: 'admin', domain: { id: 'default' }, password: adminPassword };
  const identity = { methods: ['password'], password: { user } };
  const bodies: readonly (readonly [unknown, RegExp])[] = [
    [{}, /needs the field "auth"/],
    [{ auth: {} }, /needs the field "identity"/],
    [{ auth: { identity: { methods: 'password' } } }, /"auth.identity.methods"/],
    [
      { auth: { identity: { methods: ['password'] } } },
      /^Expecting to find password in identity\. The server could not comply/,
    ],
    [
      { auth: { identity: { methods: ['password'], password: { user: { password: 'x' } } } } },
      /id or name must be present/,
    ],
    [
      { auth: { identity: { methods: ['password'], password: { user: { name: 'a', password: 'x' } } } } },
      /Expecting to find domain in user/,
    ],
    [{ auth: { identity, scope: { project: { name: 'admin' } } } }, /Expecting to find domain in project/],
    [
      { auth: { identity, scope: { project: { id: 'a' }, system: { all: true } } } },
      /Expecting to find system, project, domain/,
    ],
    [{ auth: { identity, scope: 'everything' } }, /"auth.scope"/],
  ];
  for (const [body, message] of bodies) {
    const answer = await host.call('POST', '/v3/auth/tokens', { body });
    t.is(answer.status, 400, JSON.stringify(body));
    t.regex(String(answer.body.error?.message), message);
  }
  const text = await fetch(`${host.url}/identity/v3/auth/tokens`, { method: 'POST', body: 'hello' });
  t.is(text.status, 400);
  t.regex(await text.text(), /Expecting to find application\/json in Content-Type header/);
  const unknown = await host.call('POST', '/v3/auth/tokens', {
    body: { auth: { identity: { methods: ['kerberos'] } } },
  });
  t.is(unknown.status, 401);
  t.is(String(unknown.body.error?.message), 'Attempted to authenticate with an unsupported method.');
});

test('login: without a scope the default project is entered where it can be, else none', async (t) => {
  const opened = await openHost(t);
  const { userId, projectId, roleId } = await addMember(opened, 'ann');
  const { host, asAdmin } = opened;
  const login = async (scope?: unknown) =>
    (await host.call('POST', '/v3/auth/tokens', { body: passwordAuth('ann', 'secret', scope) })).body.token;
  const unscoped = await login();
  t.is(unscoped?.project, undefined);
  t.is(unscoped?.catalog, undefined);
  t.is(unscoped?.roles, undefined);
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { default_project_id: projectId } });
  t.is(String((await login())?.project?.id), projectId);
  t.is((await login('unscoped'))?.project, undefined);
  t.is((await login({ unscoped: {} }))?.project, undefined);
  await asAdmin('DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${roleId}`);
  t.is((await login())?.project, undefined);
});

test('login: domain and system scopes', async (t) => {
  const { host } = await openHost(t);
  const login = (scope: unknown) =>
    host.call('POST', '/v3/auth/tokens', { body: passwordAuth('admin', adminPassword, scope) });
  const inDomain = await login({ domain: { name: 'DEFAULT' } });
  t.like(inDomain.body.token, { domain: { id: 'default', name: 'Default' } });
  t.is(inDomain.body.token?.project, undefined);
  const catalog = itemsOf<{ type: string; endpoints: unknown[] }>(inDomain.body.token?.catalog);
  t.deepEqual(catalog.find(({ type }) => type === 'object-store')?.endpoints, []);
  const inSystem = await login({ system: { all: true } });
  t.deepEqual(inSystem.body.token?.system, { all: true } as never);
  const token = inSystem.headers.get('x-subject-token') ?? '';
  const narrowed = await host.call('POST', '/v3/auth/tokens', {
    body: tokenAuth(token, { project: { name: 'admin', domain: { id: 'default' } } }),
  });
  t.is(narrowed.status, 403);
});

test('login: a token made from a token keeps its end and names its parent', async (t) => {
  const opened = await openHost(t);
  await addMember(opened, 'ann');
  const { host } = opened;
  const first = await host.call('POST', '/v3/auth/tokens', {
    body: passwordAuth('ann', 'secret', 'unscoped'),
  });
  const text = first.headers.get('x-subject-token') ?? '';
  const scope = { project: { name: 'ann-project', domain: { id: 'default' } } };
  const second = await host.call('POST', '/v3/auth/tokens', { body: tokenAuth(text, scope) });
  t.is(second.status, 201);
  t.is(String(second.body.token?.expires_at), String(first.body.token?.expires_at));
  t.deepEqual([...itemsOf<string>(second.body.token?.methods)].sort(), ['password', 'token']);
  t.is(
    String(itemsOf<string>(second.body.token?.audit_ids)[1]),
    String(itemsOf<string>(first.body.token?.audit_ids)[0]),
  );
  // Not in its last characters, which say less than six bits.
  const changed = text.at(-9) === 'A' ? 'B' : 'A';
  const forged = await host.call('POST', '/v3/auth/tokens', {
    body: tokenAuth(`${text.slice(0, -9)}${changed}${text.slice(-8)}`),
  });
  t.is(forged.status, 404);
  t.regex(String(forged.body.error?.message), /^Could not find token/);
});

test.serial('login: an unknown user costs as much work as a wrong password', async (t) => {
  const { host } = await openHost(t);
  /** CPU of the whole process: hashes run on other threads, and what other programs do does not count. */
  const workMs = async (name: string): Promise<number> => {
    const before = process.cpuUsage();
    await host.call('POST', '/v3/auth/tokens', { body: passwordAuth(name, 'wrong') });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  const works: Record<'admin' | 'nobody', number[]> = { admin: [], nobody: [] };
  for (let i = 0; i < 9; i += 1)
    for (const name of ['admin', 'nobody'] as const) works[name].push(await workMs(name));
  const [known = 0, unknown = 0] = Object.values(works).map((each) => each.sort((a, b) => a - b)[4]);
  // A hash takes over 10 ms, all the rest about one: without it the ratio would be some 0.1.
  t.true(unknown / known > 0.5 && unknown / known < 2, `${unknown} ms and ${known} ms`);
});

test('login: an account is locked after the failures that are set, for the time that is set', async (t) => {
  const opened = await openHost(t, { lockoutFailures: 2, lockoutSeconds: 600 });
  const { userId } = await addMember(opened, 'ann');
  const { host } = opened;
  const login = (password: string) =>
    host.call('POST', '/v3/auth/tokens', { body: passwordAuth('ann', password) });
  await login('wrong');
  t.is((await login('secret')).status, 201);
  await login('wrong');
  t.is(String((await login('wrong')).body.error?.message), refused.message);
  const locked = await login('secret');
  t.is(locked.status, 401);
  t.is(String(locked.body.error?.message), `The account is locked for user: ${userId}.`);
  host.runtime.aheadMs += 600_000;
  t.is((await login('secret')).status, 201);
});

test('login: is never locked where no setting says so', async (t) => {
  const { host } = await openHost(t);
  for (let i = 0; i < 6; i += 1)
    await host.call('POST', '/v3/auth/tokens', { body: passwordAuth('admin', 'wrong') });
  await t.notThrowsAsync(host.login('admin', adminPassword));
});

test('login: users change their own password, with the old one as proof and no former one again', async (t) => {
  const opened = await openHost(t, { passwordHistory: 2 });
  const { userId } = await addMember(opened, 'ann');
  const { host } = opened;
  const before = await host.login('ann', 'secret', 'ann-project');
  const change = (original_password: string, password: string) =>
    host.call('POST', `/v3/users/${userId}/password`, { body: { user: { original_password, password } } });
  t.is((await change('wrong', 'new')).status, 401);
  t.is((await change('secret', 'secret')).status, 400);
  t.is((await change('secret', 'second')).status, 204);
  t.is((await host.call('GET', '/v3/auth/projects', { token: before })).status, 401);
  await t.throwsAsync(host.login('ann', 'secret'));
  const again = await change('second', 'secret');
  t.is(again.status, 400);
  t.regex(
    String(again.body.error?.message),
    /cannot be identical to a previous password.*must be unique is 2\.$/,
  );
  t.is((await change('second', 'third')).status, 204);
  await host.login('ann', 'third');
  t.is(
    (
      await host.call('POST', '/v3/users/nobody/password', {
        body: { user: { original_password: 'a', password: 'b' } },
      })
    ).status,
    401,
  );
});

test('login: a flood of refused logins does not flood the journal', async (t) => {
  const { host, world } = await openHost(t);
  for (let i = 0; i < refusalsPerMinuteMax + 20; i += 1)
    await host.call('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['kerberos'] } } } });
  const told = () => world.events.filter(({ outcome }) => outcome === 'refused').length;
  t.is(told(), refusalsPerMinuteMax);
  host.runtime.aheadMs += 60_000;
  await host.call('POST', '/v3/auth/tokens', { body: passwordAuth('admin', 'wrong') });
  t.is(told(), refusalsPerMinuteMax + 1);
});

test('login: done and refused logins are in the journal, never a password', async (t) => {
  const { host, world } = await openHost(t);
  await host.call('POST', '/v3/auth/tokens', { body: passwordAuth('admin', 'my secret guess') });
  const logins = world.events.filter(({ action }) => action === 'token.issue');
  t.like(logins[0], { outcome: 'done', actor: { userName: 'admin' } });
  t.like(logins[1], { outcome: 'refused', target: 'admin', actor: null });
  t.notRegex(JSON.stringify(world.events), /secret|first light/);
});
