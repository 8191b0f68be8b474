import { createHash } from 'node:crypto';
import test from 'ava';
import { type Served, serveObjects } from './serve.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

const withSegments = async (served: Served): Promise<void> => {
  await served.call('PUT', '/s');
  await served.call('PUT', '/c');
  await served.call('PUT', '/s/1', { body: 'abcde' });
  await served.call('PUT', '/s/2', { body: '01234' });
};
const put = (served: Served, path: string, manifest: unknown, headers: Record<string, string> = {}) =>
  served.call('PUT', `${path}?multipart-manifest=put`, {
    body: typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
    headers,
  });
const two = [
  { path: '/s/1', etag: md5('abcde'), size_bytes: 5 },
  { path: 's/2', etag: null, size_bytes: null },
];
const joined = md5(md5('abcde') + md5('01234'));

test('static large object: it is read as its segments, whole and in ranges', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await withSegments(served);
  const made = await put(served, '/c/o', two, { 'Content-Type': 'text/x-big', 'X-Object-Meta-A': '1' });
  t.is(made.status, 201, await made.text());
  t.is(made.headers.get('etag'), `"${joined}"`);
  const get = await call('GET', '/c/o');
  t.is(await get.text(), 'abcde01234');
  t.is(get.headers.get('x-static-large-object'), 'True');
  t.is(get.headers.get('etag'), `"${joined}"`);
  t.is(get.headers.get('content-type'), 'text/x-big');
  t.is(get.headers.get('x-object-meta-a'), '1');
  t.is((await call('HEAD', '/c/o')).headers.get('content-length'), '10');
  const part = await call('GET', '/c/o', { headers: { Range: 'bytes=3-6' } });
  t.is(part.status, 206);
  t.is(await part.text(), 'de01');
  const same = await call('GET', '/c/o', { headers: { 'If-None-Match': `"${joined}"` } });
  t.is(same.status, 304);
  const [item] = (await (await call('GET', '/c?format=json')).json()) as [Record<string, unknown>];
  t.like(item, { name: 'o', bytes: 10, slo_etag: `"${joined}"` });
});

test('static large object: ranges of segments, bytes within the manifest and large objects within it', async (t) => {
  const served = await serveObjects(t);
  await withSegments(served);
  await put(served, '/c/inner', two);
  const data = Buffer.from('<>').toString('base64');
  const made = await put(served, '/c/o', [
    { path: '/s/1', range: '1-2' },
    { data },
    { path: '/c/inner', size_bytes: 10 },
    { path: '/s/2', range: '-2' },
  ]);
  t.is(made.status, 201, await made.text());
  t.is(made.headers.get('etag'), `"${md5(`${md5('abcde')}:1-2;${md5('<>')}${joined}${md5('01234')}:3-4;`)}"`);
  t.is(await (await served.call('GET', '/c/o')).text(), 'bc<>abcde0123434');
  const manifest = await served.call('GET', '/c/o?multipart-manifest=get');
  t.is(manifest.headers.get('content-type'), 'application/json; charset=utf-8');
  const [first, second, third] = (await manifest.json()) as Record<string, unknown>[];
  t.like(first, { name: '/s/1', bytes: 5, hash: md5('abcde'), range: '1-2' });
  t.deepEqual(second, { data });
  t.true(third?.sub_slo);
  const raw = await (await served.call('GET', '/c/o?multipart-manifest=get&format=raw')).text();
  t.is((await put(served, '/c/again', raw)).status, 201);
  t.is(await (await served.call('GET', '/c/again')).text(), 'bc<>abcde0123434');
});

test('static large object: a manifest that does not fit its segments is refused, each fault by name', async (t) => {
  const served = await serveObjects(t);
  await withSegments(served);
  const refused = await put(served, '/c/o', [
    { path: '/s/1', etag: md5('other') },
    { path: '/s/2', size_bytes: 6 },
    { path: '/s/none' },
    { path: '/s/1', range: '9-10' },
    { path: '/c/o' },
  ]);
  t.is(refused.status, 400);
  const text = await refused.text();
  for (const fault of [
    '/s/1, Etag Mismatch',
    '/s/2, Size Mismatch',
    '/s/none, 404 Not Found',
    '/s/1, Unsatisfiable Range',
    '/c/o, Manifest object name',
  ])
    t.true(text.includes(fault), fault);
  for (const bad of [
    '',
    '{}',
    '[]',
    '[1]',
    '[{"path":"/s"}]',
    '[{"path":"/s/1","more":1}]',
    '[{"data":"!"}]',
  ])
    t.is((await put(served, '/c/o', bad)).status, 400, bad);
  t.is((await put(served, '/c/o', [{ data: 'YQ==' }])).status, 400);
  t.is((await put(served, '/c/o', two, { ETag: md5('other') })).status, 422);
  t.is((await put(served, '/c/o', two, { ETag: joined })).status, 201);
  t.is((await put(served, '/c/big', ' '.repeat(8 * 1024 * 1024 + 1))).status, 413);
});

test('static large object: a segment that changed since is refused, not sent', async (t) => {
  const served = await serveObjects(t);
  await withSegments(served);
  await put(served, '/c/o', two);
  await served.call('PUT', '/s/1', { body: 'ABCDE' });
  t.is((await served.call('GET', '/c/o')).status, 409);
  t.is((await served.call('HEAD', '/c/o')).status, 200);
});

test('static large object: one of its parts is read by its number', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await withSegments(served);
  await put(served, '/c/o', two);
  const part = await call('GET', '/c/o?part-number=2');
  t.is(part.status, 206);
  t.is(await part.text(), '01234');
  t.is(part.headers.get('content-range'), 'bytes 5-9/10');
  t.is(part.headers.get('x-parts-count'), '2');
  t.is(part.headers.get('etag'), `"${joined}"`);
  const head = await call('HEAD', '/c/o?part-number=1');
  t.is(head.status, 206);
  t.is(head.headers.get('content-length'), '5');
  const beyond = await call('GET', '/c/o?part-number=3');
  t.is(beyond.status, 416);
  t.is(beyond.headers.get('content-range'), 'bytes */10');
  t.is((await call('HEAD', '/c/o?part-number=3')).headers.get('content-length'), '0');
  t.is((await call('GET', '/c/o?part-number=0')).status, 400);
  t.is((await call('GET', '/c/o?part-number=1', { headers: { Range: 'bytes=0-1' } })).status, 400);
  t.is((await call('GET', '/s/1?part-number=7')).status, 200, 'what has no parts has no part numbers');
  await call('COPY', '/c/o?part-number=2', { headers: { Destination: 'c/second' } });
  t.is(await (await call('GET', '/c/second')).text(), '01234');
});

test('static large object: who waits for it hears a heartbeat, and then what became of it', async (t) => {
  const served = await serveObjects(t);
  await withSegments(served);
  const beat = (manifest: unknown, accept: string): Promise<Response> =>
    served.call('PUT', '/c/o?multipart-manifest=put&heartbeat=on', {
      body: JSON.stringify(manifest),
      headers: { Accept: accept },
    });
  const made = await beat(two, 'text/plain');
  t.is(made.status, 202);
  const [blank, end, ...lines] = (await made.text()).split('\n');
  t.is(`${blank?.trim()}${end?.trim()}`, '');
  t.deepEqual(lines.slice(0, 1), [`Etag: "${joined}"`]);
  t.true(lines.includes('Response Status: 201 Created'));
  t.is(await (await served.call('GET', '/c/o')).text(), 'abcde01234');
  const bad = [...two, { path: '/s/none' }];
  const refused = await beat(bad, 'application/json');
  t.is(refused.status, 202);
  t.like(JSON.parse(await refused.text()), {
    'Response Status': '400 Bad Request',
    Errors: [['/s/none', '404 Not Found']],
  });
  const told = await put(served, '/c/o', bad, { Accept: 'application/json' });
  t.is(told.status, 400);
  t.deepEqual(await told.json(), { Errors: [['/s/none', '404 Not Found']] });
});

test('static large object: its manifest is copied where the segments are found, too', async (t) => {
  const served = await serveObjects(t);
  const { call, api } = served;
  await withSegments(served);
  await put(served, '/c/o', two);
  const other = `${api.url}/object-store/v1/AUTH_p2`;
  await call('PUT', `${other}/c`, { token: 'member:p2', headers: { 'X-Container-Write': 'p1:*' } });
  const headers = { Destination: 'c/o', 'Destination-Account': 'AUTH_p2' };
  const copy = () => call('COPY', '/c/o?multipart-manifest=get', { headers });
  const refused = await copy();
  t.is(refused.status, 400);
  t.regex(await refused.text(), /\/s\/1, 403 Forbidden/);
  await call('PUT', `${other}/s`, { token: 'member:p2', headers: { 'X-Container-Read': 'p1:*' } });
  for (const [name, body] of [
    ['1', 'abcde'],
    ['2', '01234'],
  ] as const)
    await call('PUT', `${other}/s/${name}`, { token: 'member:p2', body });
  t.is((await copy()).status, 201);
  t.is(await (await call('GET', `${other}/c/o`, { token: 'member:p2' })).text(), 'abcde01234');
});

test('static large object: a copy joins it, a copy of the manifest stays one', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await withSegments(served);
  await put(served, '/c/o', two);
  t.is((await call('COPY', '/c/o', { headers: { Destination: 'c/joined' } })).status, 201);
  t.is((await call('HEAD', '/c/joined')).headers.get('x-static-large-object'), null);
  await call('COPY', '/c/o?multipart-manifest=get', { headers: { Destination: 'c/manifest' } });
  t.is((await call('HEAD', '/c/manifest')).headers.get('etag'), `"${joined}"`);
  await call('DELETE', '/c/o?multipart-manifest=delete');
  t.is(await (await call('GET', '/c/joined')).text(), 'abcde01234');
});

test('static large object: it is deleted with its segments; what is no manifest is refused', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await withSegments(served);
  await put(served, '/c/inner', [two[0]]);
  await put(served, '/c/o', [{ path: '/c/inner' }, two[1]]);
  t.is((await call('DELETE', '/s/1?multipart-manifest=delete')).status, 400);
  const deleted = await call('DELETE', '/c/o?multipart-manifest=delete', {
    headers: { Accept: 'application/json' },
  });
  t.is(deleted.status, 200);
  t.like(await deleted.json(), { 'Number Deleted': 4, 'Number Not Found': 0, 'Response Status': '200 OK' });
  t.is(await (await call('GET', '/s')).text(), '');
  t.is(await (await call('GET', '/c')).text(), '');
  t.is((await call('DELETE', '/c/o?multipart-manifest=delete')).status, 404);
});

test('static large object: a stranger who may read it needs to read its segments too', async (t) => {
  const served = await serveObjects(t);
  await withSegments(served);
  await put(served, '/c/o', two);
  await served.call('POST', '/c', { headers: { 'X-Container-Read': '.r:*' } });
  const get = () => served.call('GET', '/c/o', { token: null });
  t.is((await get()).status, 409);
  await served.call('POST', '/s', { headers: { 'X-Container-Read': '.r:*' } });
  t.is(await (await get()).text(), 'abcde01234');
});
