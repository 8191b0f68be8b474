import test from 'ava';
import { freshMs, staleMs } from '../../agent/identity/limits.ts';
import { openRevocations } from '../../agent/identity/revocation.ts';
import { ShoalError } from '../../proto/error.ts';
import { hourMs } from '../../proto/units.ts';
import { fakeTables } from '../fake/tables.ts';
import { hookedTables } from './hooked-tables.ts';
import { addMember, adminPassword, type Host, itemsOf, openHost, openWorld, type World } from './world.ts';

/** Two hosts of one cloud and a member with a token that both have seen. */
const openTwo = async (t: Parameters<typeof openWorld>[0], world: World = openWorld(t)) => {
  const [here, there] = [await world.host(), await world.host()];
  const admin = await here.login('admin', adminPassword, 'admin');
  const asAdmin = (method: string, path: string, body?: unknown) =>
    here.call(method, path, { token: admin, ...(body !== undefined && { body }) });
  const ids = await addMember({ asAdmin }, 'ann');
  const token = await here.login('ann', 'secret', 'ann-project');
  const statusAt = async (host: Host, text = token): Promise<number> =>
    (await host.call('GET', '/v3/auth/projects', { token: text })).status;
  t.is(await statusAt(here), 200);
  t.is(await statusAt(there), 200);
  return { world, here, there, asAdmin, admin, token, statusAt, ...ids };
};

test('revocation: a token that was taken back on one host is dead on all at once', async (t) => {
  const { here, there, token, statusAt } = await openTwo(t);
  const own = { token, headers: { 'X-Subject-Token': token } };
  t.is((await here.call('DELETE', '/v3/auth/tokens', own)).status, 204);
  t.is(await statusAt(here), 401);
  t.is(await statusAt(there), 401);
});

test('revocation: where gossip is lost, a host learns of it within the freshness bound', async (t) => {
  const { world, here, there, token, statusAt } = await openTwo(t);
  world.gossip.air.lossy = true;
  await here.call('DELETE', '/v3/auth/tokens', { token, headers: { 'X-Subject-Token': token } });
  there.runtime.aheadMs += freshMs;
  t.is(await statusAt(there), 401);
});

test('revocation: a host that was down learns of it before it serves', async (t) => {
  const { world, here, token, statusAt } = await openTwo(t);
  await here.call('DELETE', '/v3/auth/tokens', { token, headers: { 'X-Subject-Token': token } });
  t.is(await statusAt(await world.host()), 401);
});

test('revocation: a token taken back stays so in the hours in which it may still be asked about', async (t) => {
  const { here, token, admin } = await openTwo(t);
  await here.call('DELETE', '/v3/auth/tokens', { token, headers: { 'X-Subject-Token': token } });
  const ask = () =>
    here.call('GET', '/v3/auth/tokens?allow_expired=1', {
      token: admin,
      headers: { 'X-Subject-Token': token },
    });
  t.is((await ask()).status, 404);
});

test('revocation: rows are swept when nobody may ask for the token any more, not before', async (t) => {
  const tables = fakeTables();
  let nowMs = 1_700_000_000_000;
  const revocations = openRevocations({ tables, clock: { wallMs: () => nowMs, monotonicMs: () => nowMs } });
  const tokens = Array.from({ length: 40 }, (_, i) => [`audit-${i}-`, nowMs + i * 60_000] as const);
  for (const [audit, expiresAtMs] of tokens) await revocations.revoke(audit, expiresAtMs);
  const left = async (): Promise<number> =>
    (await Promise.all(tokens.map((token) => revocations.isRevoked(...token)))).filter(Boolean).length;
  nowMs += 48 * hourMs;
  await revocations.sweep();
  t.is(await left(), 40);
  nowMs += 3 * hourMs;
  await revocations.sweep();
  t.is(await left(), 0);
});

test('revocation: a disabled user’s tokens end for good', async (t) => {
  const { here, there, asAdmin, userId, statusAt } = await openTwo(t);
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { enabled: false } });
  t.is(await statusAt(here), 401);
  t.is(await statusAt(there), 401);
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { enabled: true } });
  t.is(await statusAt(there), 401);
  t.is(await statusAt(there, await here.login('ann', 'secret', 'ann-project')), 200);
});

test('revocation: a password set by an admin ends all tokens of the user', async (t) => {
  const { there, asAdmin, userId, statusAt } = await openTwo(t);
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { password: 'other' } });
  t.is(await statusAt(there), 401);
});

test('revocation: deleting or disabling what a token is for ends it', async (t) => {
  for (const end of [
    (p: string, u: string, r: string) => ['DELETE', `/v3/projects/${p}/users/${u}/roles/${r}`] as const,
    (p: string) => ['DELETE', `/v3/projects/${p}`] as const,
    (_: string, u: string) => ['DELETE', `/v3/users/${u}`] as const,
    (_: string, __: string, r: string) => ['DELETE', `/v3/roles/${r}`] as const,
    (p: string) => ['PATCH', `/v3/projects/${p}`, { project: { enabled: false } }] as const,
    () => ['PATCH', '/v3/domains/default', { domain: { enabled: false } }] as const,
  ]) {
    const { there, asAdmin, projectId, userId, statusAt } = await openTwo(t);
    const role = await asAdmin('POST', '/v3/roles', { role: { name: 'single' } });
    const [method, path, body] = end(projectId, userId, String(role.body.role?.id));
    if (path.includes('/roles/')) {
      const roles = await asAdmin('GET', `/v3/projects/${projectId}/users/${userId}/roles`);
      const [member] = itemsOf(roles.body.roles);
      await asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${role.body.role?.id}`);
      await asAdmin('DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${member?.id}`);
    }
    t.is(await statusAt(there), 200);
    t.true((await asAdmin(method, path, body)).status < 300, path);
    t.is(await statusAt(there), 401, `${method} ${path}`);
  }
});

test('revocation: a role and then a token work at once on another host, gossip or not', async (t) => {
  const { world, here, there, asAdmin, userId, projectId, statusAt } = await openTwo(t);
  world.gossip.air.lossy = true;
  const admins = await asAdmin('GET', '/v3/roles?name=admin');
  const [admin] = itemsOf(admins.body.roles);
  await asAdmin('PUT', `/v3/projects/${projectId}/users/${userId}/roles/${admin?.id}`);
  const token = await here.login('ann', 'secret', 'ann-project');
  t.is((await there.call('GET', '/v3/users', { token })).status, 200);
  // Also when the issuer's clock is behind: a refusal is decided on fresh rows.
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { password: 'other' } });
  here.runtime.aheadMs -= 2_000;
  t.is(await statusAt(there, await here.login('ann', 'other', 'ann-project')), 200);
});

test('token: an expired one is nobody’s, but may be looked at for two days by who asks for it', async (t) => {
  const { host, admin, world } = await openHost(t, { tokenSeconds: 7200 });
  const other = await world.host({ tokenSeconds: 60 });
  const short = await other.login('admin', adminPassword, 'admin');
  const look = (query: string) =>
    host.call('GET', `/v3/auth/tokens${query}`, { token: admin, headers: { 'X-Subject-Token': short } });
  t.is((await look('')).status, 200);
  host.runtime.aheadMs += 61_000;
  const gone = await look('');
  t.is(gone.status, 404);
  t.is(String(gone.body.error?.message), 'Failed to validate token');
  t.is((await look('?allow_expired=1')).status, 200);
  t.is((await host.call('GET', '/v3/auth/projects', { token: short })).status, 401);
  t.is((await host.call('GET', '/v3/auth/projects', { token: admin })).status, 200);
  host.runtime.aheadMs += 2 * hourMs;
  t.is((await host.call('GET', '/v3/auth/projects', { token: admin })).status, 401);
});

test('token: one’s own may be looked at and taken back, another’s only by an admin', async (t) => {
  const { here, token, admin } = await openTwo(t);
  const of = (subject: string) => ({ token, headers: { 'X-Subject-Token': subject } });
  t.is((await here.call('GET', '/v3/auth/tokens', of(token))).status, 200);
  t.is((await here.call('HEAD', '/v3/auth/tokens', of(token))).status, 200);
  t.is((await here.call('GET', '/v3/auth/tokens', of(admin))).status, 403);
  t.is((await here.call('DELETE', '/v3/auth/tokens', of(admin))).status, 403);
  t.is((await here.call('GET', '/v3/auth/tokens', { token })).status, 404);
  t.is(
    (await here.call('DELETE', '/v3/auth/tokens', { token: admin, headers: { 'X-Subject-Token': token } }))
      .status,
    204,
  );
});

test('token: the host that signed it is taken off the roster, and it is worth nothing', async (t) => {
  const { world, here, there, token, statusAt } = await openTwo(t);
  world.roster.remove(here.signer.hostId);
  t.is(await statusAt(there, token), 401);
});

test('outage: without a quorum a known token works for a while, an unknown one gets 503 and not 401', async (t) => {
  const outage = { on: false };
  const tables = hookedTables(fakeTables(), () => {
    if (outage.on) throw new ShoalError('QUORUM_MISSED', 'Cannot read: 1 of 3 owners answered');
    return undefined;
  });
  const { here, there, statusAt, token } = await openTwo(t, openWorld(t, tables));
  const fresh = await here.login('ann', 'secret', 'ann-project');
  outage.on = true;
  there.runtime.aheadMs += freshMs + 1_000;
  t.is((await there.call('GET', '/v3/limits/model', { token })).status, 200);
  t.is((await there.call('GET', '/v3/limits/model', { token: fresh })).status, 503);
  t.is((await there.call('GET', '/v3/limits/model', { token: `${fresh}A` })).status, 401);
  there.runtime.aheadMs += staleMs;
  t.is((await there.call('GET', '/v3/limits/model', { token })).status, 503);
  outage.on = false;
  t.is(await statusAt(there), 200);
});
