import test from 'ava';
import { parseAccessList, principalAllowed } from '../../agent/object/access-list.ts';
import { serveObjects } from './serve.ts';

test('access: a stranger gets 401 without a token and 403 with a foreign one, for all that there is', async (t) => {
  const { call, api } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1' });
  const calls = [
    ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE'].map((method) => [method, '']),
    ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE'].map((method) => [method, '/c']),
    ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'COPY'].map((method) => [method, '/c/o']),
    ...['GET', 'PUT'].map((method) => [method, '/none/o']),
  ] as const;
  for (const [method = '', path = ''] of calls) {
    const headers = { Destination: 'c/p' };
    t.is((await call(method, path, { headers, token: null })).status, 401, `${method} ${path}`);
    t.is((await call(method, path, { headers, token: 'forged' })).status, 401, `${method} ${path}`);
    t.is((await call(method, path, { headers, token: 'member:p2' })).status, 403, `${method} ${path}`);
    t.is((await call(method, path, { headers, token: 'unscoped:u' })).status, 403, `${method} ${path}`);
  }
  t.is(await (await call('GET', '/c/o')).text(), '1');
  const strange = await call('GET', `${api.url}/v1/AUTH_%22%0Ax`, { token: null });
  t.is(strange.status, 401);
  t.true((strange.headers.get('www-authenticate') ?? '').includes('Swift realm="AUTH_%22%0Ax"'));
  t.is((await call('GET', `${api.url}/v1/AUTH_%22%0Ax`)).status, 404);
});

test('access: a reader may look and change nothing', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1' });
  const status = async (method: string, path: string): Promise<number> =>
    (await call(method, path, { token: 'reader:p1' })).status;
  for (const path of ['', '/c', '/c/o']) t.is(await status('GET', path), 200);
  for (const [method, path] of [
    ['POST', ''],
    ['PUT', '/d'],
    ['DELETE', '/c'],
    ['PUT', '/c/p'],
    ['POST', '/c/o'],
    ['DELETE', '/c/o'],
  ] as const)
    t.is(await status(method, path), 403, `${method} ${path}`);
});

test('access: an admin acts on any account', async (t) => {
  const { call } = await serveObjects(t);
  t.is((await call('PUT', '/c', { token: 'admin' })).status, 201);
  t.is((await call('PUT', '/c/o', { token: 'admin', body: '1' })).status, 201);
  t.is((await call('GET', '/c/o')).status, 200);
});

test('access: .r:* opens objects to the world, and .rlistings their names', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c', { headers: { 'X-Container-Read': '.r:*' } });
  await call('PUT', '/c/o', { body: '1' });
  const anyone = async (method: string, path: string): Promise<number> =>
    (await call(method, path, { token: null })).status;
  t.is(await anyone('GET', '/c/o'), 200);
  t.is(await anyone('HEAD', '/c/o'), 200);
  t.is(await anyone('GET', '/c'), 401);
  t.is(await anyone('PUT', '/c/o'), 401);
  await call('POST', '/c', { headers: { 'X-Container-Read': '.r:*,.rlistings' } });
  t.is(await anyone('GET', '/c'), 200);
  const shown = await call('HEAD', '/c', { token: null });
  t.is(shown.headers.get('x-container-read'), null);
  t.is((await call('HEAD', '/c')).headers.get('x-container-read'), '.r:*,.rlistings');
  await call('POST', '/c', { headers: { 'X-Remove-Container-Read': 'x' } });
  t.is(await anyone('GET', '/c/o'), 401);
});

test('access: a public manifest opens no private segments', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/open', { headers: { 'X-Container-Read': '.r:*' } });
  await call('PUT', '/seg');
  await call('PUT', '/seg/a', { body: 'secret' });
  await call('PUT', '/open/o', { body: '', headers: { 'X-Object-Manifest': 'seg/a' } });
  t.is((await call('GET', '/open/o', { token: null })).status, 401);
  t.is((await call('GET', '/open/o', { token: 'member:p2' })).status, 403);
  t.is(await (await call('GET', '/open/o')).text(), 'secret');
});

test('access: a referrer may be let in by host and kept out by another', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c', { headers: { 'X-Container-Read': '.r:*.example.org,.r:-bad.example.org' } });
  await call('PUT', '/c/o', { body: '1' });
  const from = async (referer: string): Promise<number> =>
    (await call('GET', '/c/o', { token: null, headers: { Referer: referer } })).status;
  t.is(await from('https://good.example.org/page'), 200);
  t.is(await from('https://bad.example.org/page'), 401);
  t.is(await from('https://example.com/'), 401);
  t.is(await from('nonsense'), 401);
});

test('access: projects and users are let in to read or to write', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c', { headers: { 'X-Container-Read': 'p2:*', 'X-Container-Write': 'p3:u-p3' } });
  await call('PUT', '/c/o', { body: '1' });
  const as = async (token: string, method: string, path: string): Promise<number> =>
    (await call(method, path, { token, ...(method === 'PUT' ? { body: '2' } : {}) })).status;
  t.is(await as('member:p2', 'GET', '/c/o'), 200);
  t.is(await as('member:p2', 'GET', '/c'), 200);
  t.is(await as('member:p2', 'PUT', '/c/o'), 403);
  t.is(await as('member:p3', 'PUT', '/c/o'), 201);
  t.is(await as('reader:p3', 'PUT', '/c/o'), 403);
  t.is(await as('member:p3', 'GET', '/c/o'), 403);
  t.is(await as('member:p3', 'POST', '/c'), 403);
  t.is(await as('member:p3', 'DELETE', '/c'), 403);
});

test('access: names are those of the default domain, and mean nobody in an account of another one', (t) => {
  const domain = { id: 'default', name: 'Default' };
  const principal = {
    ...{ methods: [], auditIds: [], issuedAtMs: 0, expiresAtMs: 0 },
    user: { id: 'u1', name: 'ann', domain },
    scope: { kind: 'project', id: 'p1', name: 'sea', domain },
    roles: [{ id: 'r', name: 'diver' }],
  } as const;
  const other = { ...principal, user: { ...principal.user, domain: { id: 'd2', name: 'Two' } } };
  for (const [entry, byName, byId, elsewhere] of [
    ['sea:ann', true, false, false],
    ['p1:u1', true, true, true],
    ['p1:*', true, true, true],
    ['sea:*', true, false, true],
    ['diver', true, true, true],
  ] as const) {
    t.is(principalAllowed([entry], principal), byName, entry);
    t.is(principalAllowed([entry], principal, true), byId, entry);
    t.is(principalAllowed([entry], other), elsewhere, entry);
  }
});

test('access: lists are cleaned, and those that mean nothing refused', (t) => {
  t.is(parseAccessList('X-Container-Read', ' .ref:* , p:u,, .rlistings'), '.r:*,p:u,.rlistings');
  t.is(parseAccessList('X-Container-Read', '.r:-*.a.org'), '.r:-.a.org');
  for (const list of ['.r:', '.unknown:x', '.r: - '])
    t.throws(() => parseAccessList('X-Container-Read', list), { message: /ACL/ }, list);
  t.throws(() => parseAccessList('X-Container-Write', '.r:*'), { message: /not allowed in write ACL/ });
});

test('access: an account’s own list lets others read, write, or do all in it', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1' });
  const list = (levels: object) =>
    call('POST', '', { headers: { 'X-Account-Access-Control': JSON.stringify(levels) } });
  const as = async (method: string, path: string, headers: Record<string, string> = {}) =>
    (await call(method, path, { token: 'member:p2', headers, ...(method === 'PUT' ? { body: '1' } : {}) }))
      .status;
  t.is(await as('GET', '/c/o'), 403);
  t.is((await list({ 'read-only': ['p2:*'] })).status, 204);
  t.is(await as('GET', '/c/o'), 200);
  t.is(await as('GET', ''), 200);
  t.is(await as('PUT', '/c/o'), 403);
  await list({ 'read-write': ['p2:u-p2'] });
  t.is(await as('PUT', '/c/o'), 201);
  t.is(await as('PUT', '/d'), 201);
  t.is(await as('POST', '', { 'X-Account-Meta-A': '1' }), 403);
  const secrets = {
    'X-Container-Read': '.r:*',
    'X-Container-Meta-Temp-URL-Key': 'k',
    'X-Container-Meta-A': '1',
  };
  t.is(await as('POST', '/d', secrets), 204);
  const seen = await call('HEAD', '/d');
  t.is(seen.headers.get('x-container-meta-a'), '1');
  t.is(seen.headers.get('x-container-read'), null, 'who may write does not say who else may');
  t.is(seen.headers.get('x-container-meta-temp-url-key'), null);
  await list({ admin: ['p2:u-p2'] });
  t.is(await as('POST', '/d', secrets), 204);
  t.is((await call('HEAD', '/d', { token: 'member:p2' })).headers.get('x-container-read'), '.r:*');
  await list({ 'read-write': ['p2:u-p2'] });
  const head = await call('HEAD', '', { token: 'member:p2' });
  t.is(head.headers.get('x-account-access-control'), null);
  await list({ admin: ['p2:*'] });
  t.is(await as('POST', '', { 'X-Account-Meta-A': '1' }), 204);
  t.is((await call('HEAD', '')).headers.get('x-account-access-control'), '{"admin":["p2:*"]}');
  for (const bad of ['nonsense', '[]', '{"owner":["x"]}', '{"admin":"x"}', '{"admin":[1]}'])
    t.is((await call('POST', '', { headers: { 'X-Account-Access-Control': bad } })).status, 400, bad);
  await list({});
  t.is(await as('GET', '/c/o'), 403);
});
