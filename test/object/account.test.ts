import test from 'ava';
import { serveObjects } from './serve.ts';

test('account: it is there from the start and counts what it holds', async (t) => {
  const { call } = await serveObjects(t);
  t.is((await call('GET', '')).status, 204);
  for (const name of ['a', 'b', 'c']) await call('PUT', `/${name}`);
  await call('PUT', '/a/o', { body: '12345' });
  await call('PUT', '/b/o', { body: '123' });
  const head = await call('HEAD', '');
  t.is(head.status, 204);
  t.is(head.headers.get('x-account-container-count'), '3');
  t.is(head.headers.get('x-account-object-count'), '2');
  t.is(head.headers.get('x-account-bytes-used'), '8');
  t.is(head.headers.get('x-account-storage-policy-replica-3-bytes-used'), '8');
  t.regex(head.headers.get('x-trans-id') ?? '', /^tx[0-9a-f]{21}-[0-9a-f]{10}/);
});

test('account: containers are listed plain, as JSON with counters, and as XML', async (t) => {
  const { call } = await serveObjects(t);
  for (const name of ['a', 'b-1', 'b-2']) await call('PUT', `/${name}`);
  await call('PUT', '/a/o', { body: '12345' });
  t.is(await (await call('GET', '')).text(), 'a\nb-1\nb-2\n');
  t.is(await (await call('GET', '/')).text(), 'a\nb-1\nb-2\n');
  const rows = (await (await call('GET', '?format=json')).json()) as Record<string, unknown>[];
  t.like(rows[0], { name: 'a', count: 1, bytes: 5, storage_policy: 'replica-3' });
  t.like(rows[2], { name: 'b-2', count: 0, bytes: 0 });
  t.true(
    (await (await call('GET', '?format=xml')).text()).includes(
      '<account name="AUTH_p1"><container><name>a</name><count>1',
    ),
  );
});

test('account: listings take prefix, delimiter, marker, end marker, limit and reverse', async (t) => {
  const { call } = await serveObjects(t);
  for (const name of ['a', 'b-1', 'b-2', 'c']) await call('PUT', `/${name}`);
  const list = async (query: string): Promise<string> => (await call('GET', `?${query}`)).text();
  t.is(await list('prefix=b'), 'b-1\nb-2\n');
  t.is(await list('delimiter=-'), 'a\nb-\nc\n');
  t.is(await list('marker=a&end_marker=c'), 'b-1\nb-2\n');
  t.is(await list('limit=1'), 'a\n');
  t.is(await list('reverse=1'), 'c\nb-2\nb-1\na\n');
  t.is((await call('GET', '?limit=10001')).status, 412);
});

test('account: metadata is added by POST and removed by an empty value', async (t) => {
  const { call } = await serveObjects(t);
  t.is(
    (await call('POST', '', { headers: { 'X-Account-Meta-A': '1', 'X-Account-Meta-B': '2' } })).status,
    204,
  );
  await call('POST', '', { headers: { 'X-Account-Meta-A': '' } });
  const { headers } = await call('HEAD', '');
  t.is(headers.get('x-account-meta-a'), null);
  t.is(headers.get('x-account-meta-b'), '2');
});

test('account: it cannot be created or deleted, as it comes with its project', async (t) => {
  const { call } = await serveObjects(t);
  for (const method of ['PUT', 'DELETE']) {
    const answer = await call(method, '');
    t.is(answer.status, 405);
    t.is(answer.headers.get('allow'), 'GET, HEAD, POST');
  }
});

test('account: its quota is an admin’s to set, and holds', async (t) => {
  const { call } = await serveObjects(t);
  const quota = { 'X-Account-Meta-Quota-Bytes': '6' };
  t.is((await call('POST', '', { headers: quota })).status, 403);
  t.is((await call('POST', '', { headers: quota, token: 'admin' })).status, 204);
  await call('PUT', '/c');
  t.is((await call('PUT', '/c/o', { body: '12345' })).status, 201);
  t.is((await call('PUT', '/c/p', { body: '12' })).status, 413);
});

test('account: quotas are of bytes and objects, of all of it or of one policy, and an admin’s to set', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const set = async (headers: Record<string, string>, token = 'admin'): Promise<number> =>
    (await call('POST', '', { headers, token })).status;
  const shown = async (name: string): Promise<string | null> => (await call('HEAD', '')).headers.get(name);
  for (const name of [
    'Quota-Bytes',
    'Quota-Count',
    'Quota-Bytes-Policy-replica-3',
    'Quota-Count-Policy-replica-3',
  ]) {
    t.is(await set({ [`X-Account-${name}`]: '1' }, 'member:p1'), 403, name);
    t.is(await set({ [`X-Remove-Account-${name}`]: 't' }, 'member:p1'), 403, name);
    t.is(await set({ [`X-Account-${name}`]: 'much' }), 400, name);
    t.is(await set({ [`X-Account-${name}`]: '1' }), 204, name);
    t.is(await shown(`X-Account-${name}`), '1');
    const first = name.includes('Bytes') ? '1' : '';
    const beyond = name.includes('Bytes') ? '12' : '1';
    t.is((await call('PUT', '/c/o', { body: first })).status, 201, name);
    t.is((await call('PUT', '/c/p', { body: beyond })).status, 413, name);
    await call('DELETE', '/c/o');
    t.is(await set({ [`X-Remove-Account-${name}`]: 't' }), 204, name);
    t.is(await shown(`X-Account-${name}`), null);
    await set({ [`X-Account-${name}`]: '0' });
    t.is(await shown(`X-Account-${name}`), '0');
    await set({ [`X-Account-${name}`]: '' });
    t.is((await call('PUT', '/c/p', { body: '12' })).status, 201, name);
    await call('DELETE', '/c/p');
  }
  await set({ 'X-Account-Meta-Quota-Bytes': '7' });
  t.is(await shown('X-Account-Quota-Bytes'), '7', 'the older name means the same');
  t.is(await set({ 'X-Account-Quota-Bytes-Policy-none': '1' }, 'member:p1'), 204, 'no policy, no quota');
});

test('account: one of another domain says so', async (t) => {
  const { call } = await serveObjects(t, {
    domainOf: async (project) => (project === 'p1' ? 'd1' : 'default'),
  });
  t.is((await call('HEAD', '')).headers.get('x-account-project-domain-id'), 'd1');
});

test('account: temporary-URL keys are for the owner’s eyes', async (t) => {
  const { call } = await serveObjects(t);
  await call('POST', '', { headers: { 'X-Account-Meta-Temp-URL-Key': 'secret' } });
  t.is((await call('HEAD', '')).headers.get('x-account-meta-temp-url-key'), 'secret');
  t.is((await call('HEAD', '', { token: 'reader:p1' })).headers.get('x-account-meta-temp-url-key'), null);
});

test('account: one that is no project’s is not found, and info tells the limits', async (t) => {
  const { call, api } = await serveObjects(t);
  t.is((await call('GET', `${api.url}/object-store/v1/other`)).status, 404);
  const info = await call('GET', `${api.url}/object-store/info`, { token: null });
  t.is(info.status, 200);
  t.like(await info.json(), { swift: { max_object_name_length: 1024, container_listing_limit: 10000 } });
});
