import { createHash } from 'node:crypto';
import test from 'ava';
import { type Served, serveObjects } from './serve.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const link = (served: Served, path: string, target: string, headers: Record<string, string> = {}) =>
  served.call('PUT', path, { body: '', headers: { 'X-Symlink-Target': target, ...headers } });

test('symlink: it is read as its target and can be looked at itself', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await call('PUT', '/c');
  await call('PUT', '/c/a%20b', { body: 'hello', headers: { 'X-Object-Meta-Of': 'target' } });
  const made = await link(served, '/c/l', 'c/a%20b', { 'X-Object-Meta-Of': 'link' });
  t.is(made.status, 201);
  const get = await call('GET', '/c/l');
  t.is(await get.text(), 'hello');
  t.is(get.headers.get('x-object-meta-of'), 'target');
  t.is(get.headers.get('content-location'), '/v1/AUTH_p1/c/a%20b');
  const head = await call('HEAD', '/c/l?symlink=get');
  t.is(head.headers.get('x-symlink-target'), 'c/a%20b');
  t.is(head.headers.get('content-length'), '0');
  t.is(head.headers.get('content-type'), 'application/symlink');
  t.is(head.headers.get('x-object-meta-of'), 'link');
  const post = await call('POST', '/c/l');
  t.is(post.status, 202, 'fetch follows the 307 to the target');
  const listed = (await (await call('GET', '/c?format=json')).json()) as Record<string, unknown>[];
  t.is(listed[1]?.symlink_path, '/v1/AUTH_p1/c/a%20b');
  t.is((await call('DELETE', '/c/l')).status, 204);
  t.is(await (await call('GET', '/c/a%20b')).text(), 'hello');
});

test('symlink: one to nothing is 404, circles and long chains are 409', async (t) => {
  const served = await serveObjects(t);
  await served.call('PUT', '/c');
  t.is((await link(served, '/c/l', 'c/none')).status, 201);
  const broken = await served.call('GET', '/c/l');
  t.is(broken.status, 404);
  t.is(broken.headers.get('content-location'), '/v1/AUTH_p1/c/none');
  await link(served, '/c/x', 'c/y');
  await link(served, '/c/y', 'c/x');
  t.is((await served.call('GET', '/c/x')).status, 409);
  for (const [path, target] of [
    ['/c/l', 'c/l'],
    ['/c/l', 'c'],
  ] as const)
    t.true([400, 412].includes((await link(served, path, target)).status), target);
  const withBody = await served.call('PUT', '/c/l', { body: '1', headers: { 'X-Symlink-Target': 'c/o' } });
  t.is(withBody.status, 400);
  t.is(
    (await served.call('PUT', '/c/l', { body: '', headers: { 'X-Symlink-Target-Etag': 'x' } })).status,
    400,
  );
});

test('symlink: a fixed one breaks when its target changes', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: 'hello' });
  const fixed = (etag: string, target = 'c/o') =>
    link(served, '/c/l', target, { 'X-Symlink-Target-Etag': etag });
  t.is((await fixed(md5('other'))).status, 409);
  t.is((await fixed(md5('hello'), 'c/none')).status, 409);
  t.is((await fixed(md5('hello'))).status, 201);
  t.is(await (await call('GET', '/c/l')).text(), 'hello');
  const head = await call('HEAD', '/c/l?symlink=get');
  t.is(head.headers.get('x-symlink-target-bytes'), '5');
  await call('PUT', '/c/o', { body: 'other' });
  const changed = await call('GET', '/c/l');
  t.is(changed.status, 409);
  t.is(changed.headers.get('content-location'), '/v1/AUTH_p1/c/o');
  t.regex(await changed.text(), /^Object Etag '/);
});

test('symlink: a fixed one to a link or a large object is fixed to what stands there, not to what that leads to', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: 'hello', headers: { 'Content-Type': 'text/x-target' } });
  await link(served, '/c/soft', 'c/o');
  const fixed = async (path: string, target: string, etag: string): Promise<number> =>
    (await link(served, path, target, { 'X-Symlink-Target-Etag': etag })).status;
  t.is(await fixed('/c/l', 'c/soft', md5('hello')), 409);
  t.is(await fixed('/c/l', 'c/soft', md5('')), 201);
  t.is(await (await call('GET', '/c/l')).text(), 'hello');
  t.is(await fixed('/c/hard', 'c/o', md5('hello')), 201);
  t.is(await fixed('/c/harder', 'c/hard', md5('hello')), 201);
  await call('PUT', '/c/big?multipart-manifest=put', { body: JSON.stringify([{ path: '/c/o' }]) });
  const manifest = await (await call('GET', '/c/big?multipart-manifest=get')).text();
  t.is(await fixed('/c/to-big', 'c/big', md5(md5('hello'))), 409);
  t.is(await fixed('/c/to-big', 'c/big', md5(manifest)), 201);
  t.is(await (await call('GET', '/c/to-big')).text(), 'hello');
  const listed = (await (await call('GET', '/c?format=json')).json()) as Record<string, unknown>[];
  t.like(
    listed.find(({ name }) => name === 'to-big'),
    { bytes: 0, symlink_bytes: 5, slo_etag: `"${md5(md5('hello'))}"` },
  );
  t.like(
    listed.find(({ name }) => name === 'hard'),
    { content_type: 'text/x-target' },
  );
});

test('symlink: copied to another account it leads within that, unless an account was named', async (t) => {
  const served = await serveObjects(t);
  const { call, api } = served;
  await call('PUT', '/c', { headers: { 'X-Container-Read': 'p2:*' } });
  await call('PUT', '/c/o', { body: 'ours' });
  await link(served, '/c/own', 'c/o');
  await link(served, '/c/named', 'c/o', { 'X-Symlink-Target-Account': 'AUTH_p1' });
  const theirs = `${api.url}/object-store/v1/AUTH_p2/c`;
  await call('PUT', theirs, { token: 'member:p2' });
  const copy = (from: string, headers: Record<string, string> = {}): Promise<Response> =>
    call('PUT', `${theirs}/l?symlink=get`, {
      token: 'member:p2',
      headers: { 'X-Copy-From-Account': 'AUTH_p1', 'X-Copy-From': from, ...headers },
    });
  const get = async (): Promise<[number, string | null]> => {
    const answer = await call('GET', `${theirs}/l`, { token: 'member:p2' });
    return [answer.status, answer.headers.get('content-location')];
  };
  t.is((await copy('c/own')).status, 201);
  t.deepEqual(await get(), [404, '/v1/AUTH_p2/c/o']);
  await copy('c/named');
  t.deepEqual(await get(), [200, '/v1/AUTH_p1/c/o']);
  await copy('c/own', { 'X-Symlink-Target-Account': 'AUTH_p1' });
  t.deepEqual(await get(), [200, '/v1/AUTH_p1/c/o']);
});

test('symlink: a POST is kept by the link, and the client is sent on to its target', async (t) => {
  const served = await serveObjects(t);
  await served.call('PUT', '/c');
  await link(served, '/c/l', 'c/none');
  for (const [base, location] of [
    [`${served.api.url}/object-store/v1`, '/object-store/v1/AUTH_p1/c/none'],
    [`${served.api.url}/v1`, '/v1/AUTH_p1/c/none'],
  ] as const) {
    const post = await fetch(`${base}/AUTH_p1/c/l`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'X-Auth-Token': 'member:p1', 'X-Object-Meta-A': '1' },
    });
    t.is(post.status, 307);
    t.is(post.headers.get('location'), location);
  }
  t.is((await served.call('HEAD', '/c/l?symlink=get')).headers.get('x-object-meta-a'), '1');
  const other = await served.call('POST', '/c/l', { headers: { 'X-Symlink-Target': 'c/o' } });
  t.is(other.status, 400);
});

test('symlink: it leads into another account only where that lets the reader in; a copy takes the bytes', async (t) => {
  const served = await serveObjects(t);
  const { call, api } = served;
  const other = `${api.url}/object-store/v1/AUTH_p2`;
  await call('PUT', `${other}/c`, { token: 'member:p2' });
  await call('PUT', `${other}/c/o`, { token: 'member:p2', body: 'theirs' });
  await call('PUT', '/c');
  t.is((await link(served, '/c/l', 'c/o', { 'X-Symlink-Target-Account': 'AUTH_p2' })).status, 201);
  t.is((await call('GET', '/c/l')).status, 403);
  await call('POST', `${other}/c`, { token: 'member:p2', headers: { 'X-Container-Read': 'p1:*' } });
  t.is(await (await call('GET', '/c/l')).text(), 'theirs');
  t.is((await call('COPY', '/c/l', { headers: { Destination: 'c/copy' } })).status, 201);
  t.is((await call('COPY', '/c/l?symlink=get', { headers: { Destination: 'c/link' } })).status, 201);
  await call('POST', `${other}/c`, { token: 'member:p2', headers: { 'X-Container-Read': '' } });
  t.is(await (await call('GET', '/c/copy')).text(), 'theirs');
  t.is((await call('GET', '/c/link')).status, 403);
});
