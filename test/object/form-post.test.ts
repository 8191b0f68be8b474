import { createHmac } from 'node:crypto';
import test from 'ava';
import { type Served, serveObjects } from './serve.ts';

interface Form {
  readonly path?: string;
  readonly redirect?: string;
  readonly size?: number;
  readonly count?: number;
  readonly expires?: number;
  readonly key?: string;
  readonly more?: Readonly<Record<string, string>>;
}
const form = (files: Readonly<Record<string, string>>, options: Form = {}): FormData => {
  const { path = '/v1/AUTH_p1/c/up/', redirect = '', size = 100, count = 2, key = 'k' } = options;
  const expires = options.expires ?? Math.floor(Date.now() / 1000) + 60;
  const signature = createHmac('sha256', key)
    .update([path, redirect, size, count, expires].join('\n'))
    .digest('hex');
  const data = new FormData();
  const fields = {
    redirect,
    max_file_size: size,
    max_file_count: count,
    expires,
    signature,
    ...options.more,
  };
  for (const [name, value] of Object.entries(fields)) data.set(name, String(value));
  let index = 0;
  for (const [name, body] of Object.entries(files))
    data.set(`file${index++}`, new Blob([body], { type: 'text/x-form' }), name);
  return data;
};
const send = (served: Served, path: string, body: FormData): Promise<Response> =>
  fetch(`${served.storage}${path}`, { method: 'POST', body, redirect: 'manual' });
const ready = async (served: Served): Promise<void> => {
  await served.call('PUT', '/c', { headers: { 'X-Container-Meta-Temp-URL-Key': 'k' } });
};

test('form: files come in under the form’s path, with their types', async (t) => {
  const served = await serveObjects(t);
  await ready(served);
  const answer = await send(
    served,
    '/c/up/',
    form({ 'a.txt': 'A', 'b b': 'B' }, { more: { x_delete_after: '60' } }),
  );
  t.is(answer.status, 201);
  t.is(await (await served.call('GET', '/c/up/a.txt')).text(), 'A');
  const head = await served.call('HEAD', '/c/up/b%20b');
  t.is(head.headers.get('content-type'), 'text/x-form');
  t.truthy(head.headers.get('x-delete-at'));
  t.is((await send(served, '/c', form({ z: 'Z' }, { path: '/object-store/v1/AUTH_p1/c' }))).status, 201);
  t.is(await (await served.call('GET', '/c/z')).text(), 'Z');
});

test('form: a browser is sent back with what became of it', async (t) => {
  const served = await serveObjects(t);
  await ready(served);
  const redirect = 'http://site.example/done?x=1';
  const good = await send(served, '/c/up/', form({ a: 'A' }, { redirect }));
  t.is(good.status, 303);
  t.is(good.headers.get('location'), `${redirect}&status=201&message=`);
  const large = await send(served, '/c/up/', form({ b: 'x'.repeat(200) }, { redirect }));
  t.regex(large.headers.get('location') ?? '', /status=413/);
  t.is((await served.call('GET', '/c/up/b')).status, 404);
});

test('form: one that was not signed so, is late, or asks for more than was signed is refused', async (t) => {
  const served = await serveObjects(t);
  await ready(served);
  const status = async (path: string, data: FormData) => (await send(served, path, data)).status;
  t.is(await status('/c/up/', form({ a: 'A' }, { key: 'wrong' })), 401);
  t.is(await status('/c/other/', form({ a: 'A' })), 401);
  t.is(await status('/c/up/', form({ a: 'A' }, { more: { max_file_size: '1000000' } })), 401);
  t.is(await status('/c/up/', form({ a: 'A' }, { more: { redirect: 'http://evil.example' } })), 401);
  t.is(await status('/c/up/', form({ a: 'A' }, { expires: 1_000_000 })), 401);
  t.is(await status('/c/up/', form({ a: 'A' }, { more: { max_file_count: 'many' } })), 400);
  t.is(await status('/c/up/', form({})), 400);
  t.is(await (await served.call('GET', '/c')).text(), '');
  t.is(await status('/c/up/', form({ a: 'x'.repeat(101) })), 413);
  t.is(await status('/c/up/', form({ a: '1', b: '2', c: '3' })), 400);
  t.is(
    await (await served.call('GET', '/c')).text(),
    'up/a\nup/b\n',
    'what came before the fault stays, as in Swift',
  );
  const broken = await fetch(`${served.storage}/c/up/`, {
    method: 'POST',
    body: '--x\r\nnonsense',
    headers: { 'Content-Type': 'multipart/form-data; boundary=x' },
  });
  t.is(broken.status, 400);
});
