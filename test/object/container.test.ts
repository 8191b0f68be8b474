import test from 'ava';
import { serveObjects } from './serve.ts';

const lines = async (answer: Response): Promise<string[]> => (await answer.text()).split('\n').slice(0, -1);

test('container: it is created once, then changed by the same call', async (t) => {
  const { call } = await serveObjects(t);
  t.is((await call('PUT', '/c', { headers: { 'X-Container-Meta-A': '1' } })).status, 201);
  t.is((await call('PUT', '/c', { headers: { 'X-Container-Meta-B': '2' } })).status, 202);
  const head = await call('HEAD', '/c');
  t.is(head.status, 204);
  t.is(head.headers.get('x-container-meta-a'), '1');
  t.is(head.headers.get('x-container-meta-b'), '2');
  t.is(head.headers.get('x-container-object-count'), '0');
  t.is(head.headers.get('x-container-bytes-used'), '0');
  t.is(head.headers.get('x-storage-policy'), 'replica-3');
  t.regex(head.headers.get('x-timestamp') ?? '', /^\d{10}\.\d{5}$/);
  t.regex(head.headers.get('last-modified') ?? '', / GMT$/);
});

test('container: POST adds, an empty value or X-Remove takes away', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c', { headers: { 'X-Container-Meta-A': '1', 'X-Container-Meta-B': '2' } });
  await call('POST', '/c', { headers: { 'X-Container-Meta-A': '', 'X-Container-Meta-C': '3' } });
  await call('POST', '/c', { headers: { 'X-Remove-Container-Meta-B': 'x' } });
  const { headers } = await call('HEAD', '/c');
  t.is(headers.get('x-container-meta-a'), null);
  t.is(headers.get('x-container-meta-b'), null);
  t.is(headers.get('x-container-meta-c'), '3');
  t.is((await call('POST', '/none')).status, 404);
});

test('container: an underscore in the name of metadata is a hyphen', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c', { headers: { 'X-Container-Meta-a_b': '1' } });
  t.is((await call('HEAD', '/c')).headers.get('x-container-meta-a-b'), '1');
  await call('POST', '/c', { headers: { 'X-Remove-Container-Meta-a_b': 'x' } });
  t.is((await call('HEAD', '/c')).headers.get('x-container-meta-a-b'), null);
});

test('container: metadata that would pass the limit together is refused', async (t) => {
  const { call } = await serveObjects(t);
  const some = (from: number) =>
    Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`X-Container-Meta-N${from + at}`, 'v']));
  t.is((await call('PUT', '/c', { headers: some(0) })).status, 201);
  t.is((await call('POST', '/c', { headers: some(60) })).status, 400);
  t.is((await call('HEAD', '/c')).headers.get('x-container-meta-n60'), null);
});

test('container: one that is not empty is kept, an empty one goes', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1' });
  t.is((await call('DELETE', '/c')).status, 409);
  t.is((await call('GET', '/c/o')).status, 200);
  t.is((await call('PUT', '/c/p', { body: '1' })).status, 201);
  await call('DELETE', '/c/o');
  await call('DELETE', '/c/p');
  t.is((await call('DELETE', '/c')).status, 204);
  t.is((await call('DELETE', '/c')).status, 404);
  for (const method of ['GET', 'HEAD']) t.is((await call(method, '/c')).status, 404);
});

test('container: one created again is empty and bare', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c', { headers: { 'X-Container-Meta-A': '1', 'X-Container-Read': '.r:*' } });
  await call('DELETE', '/c');
  await call('PUT', '/c');
  const { headers } = await call('HEAD', '/c');
  t.is(headers.get('x-container-meta-a'), null);
  t.is(headers.get('x-container-read'), null);
});

test('container: its counters follow puts, overwrites and deletions', async (t) => {
  const { call } = await serveObjects(t);
  const counters = async (): Promise<string> => {
    const { headers } = await call('HEAD', '/c');
    return `${headers.get('x-container-object-count')} ${headers.get('x-container-bytes-used')}`;
  };
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '12345' });
  await call('PUT', '/c/p', { body: '123' });
  t.is(await counters(), '2 8');
  await call('PUT', '/c/o', { body: '1' });
  await call('POST', '/c/o', { headers: { 'X-Object-Meta-A': '1' } });
  t.is(await counters(), '2 4');
  await call('DELETE', '/c/p');
  t.is(await counters(), '1 1');
});

test('listing: plain text, JSON and XML, by parameter or by Accept', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/a%26b', { body: 'hello', headers: { 'Content-Type': 'text/a' } });
  const plain = await call('GET', '/c');
  t.is(plain.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(await plain.text(), 'a&b\n');
  const json = await call('GET', '/c?format=json');
  t.is(json.headers.get('content-type'), 'application/json; charset=utf-8');
  const [row] = (await json.json()) as [Record<string, unknown>];
  t.like(row, { name: 'a&b', bytes: 5, hash: '5d41402abc4b2a76b9719d911017c592', content_type: 'text/a' });
  t.regex(String(row?.last_modified), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  const xml = await (await call('GET', '/c?format=xml')).text();
  t.true(xml.includes('<container name="c"><object><name>a&amp;b</name>'));
  const accept = async (value: string): Promise<string | null> =>
    (await call('GET', '/c', { headers: { Accept: value } })).headers.get('content-type');
  t.is(await accept('application/json'), 'application/json; charset=utf-8');
  t.is(await accept('text/xml'), 'application/xml; charset=utf-8');
  t.is(await accept('application/json;q=0.5, text/plain'), 'text/plain; charset=utf-8');
  t.is((await call('GET', '/c', { headers: { Accept: 'image/png' } })).status, 406);
});

test('listing: an empty one is 204 in plain text and an empty list in JSON', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const plain = await call('GET', '/c');
  t.is(plain.status, 204);
  t.is(plain.headers.get('x-container-object-count'), '0');
  t.deepEqual(await (await call('GET', '/c?format=json')).json(), []);
});

test('listing: prefix, delimiter, marker, end marker, limit, reverse and path', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  for (const name of ['a', 'b/1', 'b/2', 'c']) await call('PUT', `/c/${name}`, { body: '1' });
  const list = async (query: string): Promise<string[]> => lines(await call('GET', `/c?${query}`));
  t.deepEqual(await list('prefix=b'), ['b/1', 'b/2']);
  t.deepEqual(await list('delimiter=/'), ['a', 'b/', 'c']);
  t.deepEqual(await list('marker=a&end_marker=c'), ['b/1', 'b/2']);
  t.deepEqual(await list('limit=2'), ['a', 'b/1']);
  t.deepEqual(await list('limit=0'), []);
  t.deepEqual(await list('reverse=true'), ['c', 'b/2', 'b/1', 'a']);
  t.deepEqual(await list('reverse=on&marker=b/2&limit=1'), ['b/1']);
  t.deepEqual(await list('path=b'), ['b/1', 'b/2']);
  t.deepEqual(await list('path='), ['a', 'c']);
  t.deepEqual(await list('limit=many'), ['a', 'b/1', 'b/2', 'c']);
  t.is((await call('GET', '/c?limit=10001')).status, 412);
  const rows = (await (await call('GET', '/c?delimiter=/&format=json')).json()) as object[];
  t.deepEqual(rows[1], { subdir: 'b/' });
  const xml = await (await call('GET', '/c?delimiter=/&format=xml')).text();
  t.true(xml.includes('<subdir name="b/"><name>b/</name></subdir>'));
});

test('listing: pages by marker give every name once', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const names = Array.from({ length: 25 }, (_, at) => `n${String(at).padStart(2, '0')}`);
  for (const name of names) await call('PUT', `/c/${name}`, { body: '' });
  const seen: string[] = [];
  for (;;) {
    const page = await lines(await call('GET', `/c?limit=10&marker=${seen.at(-1) ?? ''}`));
    if (page.length === 0) break;
    seen.push(...page);
  }
  t.deepEqual(seen, names);
});

test('container: quotas in bytes and objects refuse what would pass them', async (t) => {
  const { call } = await serveObjects(t);
  t.is((await call('PUT', '/c', { headers: { 'X-Container-Meta-Quota-Bytes': 'many' } })).status, 400);
  await call('PUT', '/c', {
    headers: { 'X-Container-Meta-Quota-Bytes': '10', 'X-Container-Meta-Quota-Count': '2' },
  });
  t.is((await call('PUT', '/c/a', { body: '12345678' })).status, 201);
  t.is((await call('PUT', '/c/b', { body: '123' })).status, 413);
  t.is((await call('PUT', '/c/b', { headers: { 'X-Copy-From': 'c/a' } })).status, 413);
  t.is((await call('PUT', '/c/b', { body: '12' })).status, 201);
  t.is((await call('PUT', '/c/d', { body: '' })).status, 413);
});

test('container: an unknown policy and what is not served yet are refused', async (t) => {
  const { call } = await serveObjects(t);
  t.is((await call('PUT', '/c', { headers: { 'X-Storage-Policy': 'gold' } })).status, 400);
  t.is((await call('PUT', '/c', { headers: { 'X-Container-Sync-To': 'old' } })).status, 501);
  t.is((await call('HEAD', '/c')).status, 404);
  t.is((await call('PUT', '/c', { headers: { 'X-Storage-Policy': 'Replica-3' } })).status, 201);
});
