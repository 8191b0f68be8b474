import test, { type ExecutionContext } from 'ava';
import { parseBase32, totpCode } from '../../agent/identity/totp.ts';
import { itemsOf, openHost, passwordAuth } from './world.ts';

const dayMs = 86_400_000;

/** The rules are the domain's own, so they hold on every host from now on. */
const openRules = async (t: ExecutionContext, rules: Record<string, unknown>) => {
  const opened = await openHost(t);
  const { asAdmin, host, world } = opened;
  const config = await asAdmin('PUT', '/v3/domains/default/config', {
    config: { security_compliance: rules },
  });
  t.is(config.status, 201, JSON.stringify(config.body));
  const create = (name: string, more: object = {}) =>
    asAdmin('POST', '/v3/users', { user: { name, password: 'first secret', ...more } });
  const login = (name: string, password: string, at = host) =>
    at.call('POST', '/v3/auth/tokens', { body: passwordAuth(name, password) });
  const change = (id: unknown, original_password: string, password: string) =>
    host.call('POST', `/v3/users/${String(id)}/password`, {
      body: { user: { original_password, password } },
    });
  return { ...opened, world, create, login, change };
};

test('password rules: one that expired is good for nothing but changing it', async (t) => {
  const { create, login, change, host, asAdmin } = await openRules(t, { password_expires_days: 30 });
  const made = await create('ann');
  const id = made.body.user?.id;
  const end = String(made.body.user?.password_expires_at);
  t.true(Math.abs(Date.parse(end) - Date.now() - 30 * dayMs) < 60_000, end);
  const spared = await create('bob', { options: { ignore_password_expiry: true } });
  t.is(spared.body.user?.password_expires_at, null as never);
  const answer = await login('ann', 'first secret');
  t.is(String(answer.body.token?.user?.password_expires_at), end);
  const ended = itemsOf(
    (
      await asAdmin(
        'GET',
        `/v3/users?password_expires_at=lt:${new Date(Date.now() + 31 * dayMs).toISOString()}`,
      )
    ).body.users,
  );
  t.true(ended.some(({ name }) => name === 'ann') && !ended.some(({ name }) => name === 'bob'));
  t.is((await asAdmin('GET', '/v3/users?password_expires_at=soon')).status, 400);
  host.runtime.aheadMs += 31 * dayMs;
  const late = await login('ann', 'first secret');
  t.is(late.status, 401);
  t.regex(String(late.body.error?.message), /expired and needs to be changed/);
  t.is(
    (await login('ann', 'wrong')).body.error?.message,
    'The request you have made requires authentication.' as never,
  );
  t.is((await login('bob', 'first secret')).status, 201);
  t.is((await change(id, 'first secret', 'second secret')).status, 204);
  t.is((await login('ann', 'second secret')).status, 201);
});

test('password rules: what an admin has set must be changed at first use', async (t) => {
  const { create, login, change, asAdmin } = await openRules(t, { change_password_upon_first_use: true });
  const id = (await create('ann')).body.user?.id;
  t.is((await login('ann', 'first secret')).status, 401);
  t.is((await change(id, 'first secret', 'second secret')).status, 204);
  t.is((await login('ann', 'second secret')).status, 201);
  await asAdmin('PATCH', `/v3/users/${id}`, { user: { password: 'reset' } });
  t.is((await login('ann', 'reset')).status, 401);
  await create('bob', { options: { ignore_change_password_upon_first_use: true } });
  t.is((await login('bob', 'first secret')).status, 201);
});

test('password rules: how long it must be kept, how it must look, how often it may come back', async (t) => {
  const { create, change, host } = await openRules(t, {
    minimum_password_age: 1,
    unique_last_password_count: 2,
    password_regex: '^(?=.*\\d).{7,}$',
    password_regex_description: 'seven characters, one of them a digit',
  });
  const bad = await create('ann');
  t.is(bad.status, 400);
  t.regex(String(bad.body.error?.message), /seven characters, one of them a digit/);
  const id = (await create('ann', { password: 'secret 1' })).body.user?.id;
  t.is((await change(id, 'secret 1', 'secret 2')).status, 204, 'the first change is free');
  t.is((await change(id, 'secret 2', 'secret 3')).status, 400, 'too early');
  host.runtime.aheadMs += dayMs;
  t.is((await change(id, 'secret 2', 'secret')).status, 400, 'no digit');
  t.is((await change(id, 'secret 2', 'secret 1')).status, 400, 'a former one');
  t.is((await change(id, 'secret 2', 'secret 3')).status, 204);
});

test('password rules: lock-out by a domain’s own rule, on every host, and users who are never locked', async (t) => {
  const { create, login, world, host, asAdmin } = await openRules(t, {
    lockout_failure_attempts: 2,
    lockout_duration: 5,
  });
  const id = (await create('ann')).body.user?.id;
  await create('bob', { options: { ignore_lockout_failure_attempts: true } });
  const there = await world.host();
  for (const at of [host, there]) await login('ann', 'wrong', at);
  t.regex(String((await login('ann', 'first secret')).body.error?.message), /locked for user/);
  for (let i = 0; i < 3; i += 1) await login('bob', 'wrong');
  t.is((await login('bob', 'first secret')).status, 201);
  await asAdmin('PATCH', `/v3/users/${id}`, { user: { password: 'by an admin' } });
  t.is((await login('ann', 'by an admin')).status, 201, 'a reset opens the account');
  t.is((await asAdmin('DELETE', '/v3/domains/default/config')).status, 204);
  for (let i = 0; i < 3; i += 1) await login('ann', 'wrong');
  t.is((await login('ann', 'by an admin')).status, 201, 'the rule is gone');
});

test('domain config: what makes no sense is refused', async (t) => {
  const { asAdmin } = await openHost(t);
  const put = async (config: unknown) =>
    (await asAdmin('PUT', '/v3/domains/default/config', { config })).status;
  t.is(await put({}), 400);
  t.is(await put({ security_compliance: { lockout_failure_attempts: -1 } }), 400);
  t.is(await put({ security_compliance: { lockout_failure_attempts: 'two' } }), 400);
  t.is(await put({ security_compliance: { password_regex: '(' } }), 400);
  t.is(await put({ security_compliance: { colour: 'red' } }), 403);
  t.is(await put({ kitchen: { colour: 'red' } }), 403);
  t.is(await put({ ldap: { password: 'x' } }), 403);
  t.is((await asAdmin('GET', '/v3/domains/default/config')).status, 404);
  t.is(
    (await asAdmin('PATCH', '/v3/domains/default/config', { config: { ldap: { url: 'x' } } })).status,
    404,
  );
  t.is((await asAdmin('PUT', '/v3/domains/missing/config', { config: { ldap: { url: 'x' } } })).status, 404);
});

test('user options: a locked password is changed by admins only', async (t) => {
  const { asAdmin, host } = await openHost(t);
  const made = await asAdmin('POST', '/v3/users', {
    user: { name: 'ann', password: 'secret', options: { lock_password: true } },
  });
  const id = made.body.user?.id;
  t.deepEqual(made.body.user?.options, { lock_password: true } as never);
  const change = () =>
    host.call('POST', `/v3/users/${id}/password`, {
      body: { user: { original_password: 'secret', password: 'other' } },
    });
  t.is((await change()).status, 403);
  await asAdmin('PATCH', `/v3/users/${id}`, { user: { options: { lock_password: null } } });
  t.is((await change()).status, 204);
  t.is((await asAdmin('PATCH', `/v3/users/${id}`, { user: { options: { colour: 1 } } })).status, 400);
});

test('totp: the codes of RFC 6238, seeds as people type them', (t) => {
  const seed = Buffer.from('12345678901234567890');
  for (const [seconds, code] of [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ] as const)
    t.is(totpCode(seed, seconds * 1000), code);
  t.deepEqual(parseBase32('gezd gnbv GY3T QOJQ GEZDGNBVGY3TQOJQ==='), Uint8Array.from(seed));
  t.is(parseBase32('not base32!'), undefined);
  t.is(parseBase32(''), undefined);
});

test('login: a user who asks for two proofs is let in with both only', async (t) => {
  const { asAdmin, host } = await openHost(t);
  const made = await asAdmin('POST', '/v3/users', {
    user: {
      name: 'ann',
      password: 'secret',
      options: { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'totp']] },
    },
  });
  const blob = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  await asAdmin('POST', '/v3/credentials', {
    credential: { type: 'totp', blob, user_id: String(made.body.user?.id) },
  });
  const user = { name: 'ann', domain: { id: 'default' } };
  const codeAt = (ms: number) => totpCode(parseBase32(blob) ?? new Uint8Array(), ms);
  const login = async (methods: string[], password: string, passcode: string) =>
    (
      await host.call('POST', '/v3/auth/tokens', {
        body: {
          auth: {
            identity: {
              methods,
              password: { user: { ...user, password } },
              totp: { user: { ...user, passcode } },
            },
          },
        },
      })
    ).status;
  // A code is good for its half minute and the one before: neither may end between two log-ins.
  const nowMs = Date.now();
  host.runtime.stopsAtMs = nowMs;
  const code = codeAt(nowMs);
  t.is(await login(['password', 'totp'], 'secret', code), 201);
  t.is(await login(['totp', 'password'], 'secret', codeAt(nowMs - 30_000)), 201, 'a slow clock');
  t.is(await login(['password'], 'secret', code), 401);
  t.is(await login(['totp'], 'secret', code), 401, 'a code alone is no proof');
  t.is(await login(['password', 'totp'], 'wrong', code), 401);
  t.is(await login(['password', 'totp'], 'secret', codeAt(nowMs - 300_000)), 401);
  t.is(await login(['password', 'totp'], 'secret', 'abcdef'), 401);
  await asAdmin('PATCH', `/v3/users/${made.body.user?.id}`, {
    user: { options: { multi_factor_auth_enabled: false } },
  });
  t.is(await login(['password'], 'secret', code), 201);
});

test('domain config: how a new password must look is for everyone to know, and nothing else of it', async (t) => {
  const rules = {
    password_regex: '^.{8,}$',
    password_regex_description: 'eight or more',
    lockout_duration: 9,
  };
  const { create, login, host } = await openRules(t, rules);
  await create('ann');
  const token = (await login('ann', 'first secret')).headers.get('x-subject-token') ?? '';
  const get = (path: string) => host.call('GET', `/v3/domains/default/config${path}`, { token });
  const { lockout_duration: _secret, ...open } = rules;
  const seen = await get('/security_compliance');
  t.is(seen.status, 200);
  t.deepEqual(seen.body.config, { security_compliance: open } as never);
  t.is((await get('/security_compliance/password_regex')).status, 200);
  t.is((await get('/security_compliance/lockout_duration')).status, 404);
  t.is((await get('/ldap')).status, 403);
  t.is((await get('')).status, 403);
});
