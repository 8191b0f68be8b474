import { createHmac } from 'node:crypto';
import test from 'ava';
import { type Served, serveObjects } from './serve.ts';

const soon = (): number => Math.floor(Date.now() / 1000) + 60;

interface Sign {
  readonly method?: string;
  readonly path?: string;
  readonly key?: string;
  readonly digest?: 'sha1' | 'sha256' | 'sha512';
  readonly expires?: number | string;
  readonly head?: string;
}
const sign = ({
  method = 'GET',
  path = '/v1/AUTH_p1/c/o',
  key = 'k1',
  digest = 'sha256',
  ...more
}: Sign): string => {
  const { expires = soon(), head = '' } = more;
  const at = typeof expires === 'number' ? expires : Math.floor(Date.parse(expires) / 1000);
  const signature = createHmac(digest, key).update(`${head}${method}\n${at}\n${path}`).digest('hex');
  return `temp_url_sig=${signature}&temp_url_expires=${expires}`;
};

const ready = async (served: Served): Promise<void> => {
  await served.call('POST', '', {
    headers: { 'X-Account-Meta-Temp-URL-Key': 'k1', 'X-Account-Meta-Temp-URL-Key-2': 'k2' },
  });
  await served.call('PUT', '/c', { headers: { 'X-Container-Meta-Temp-URL-Key': 'ck' } });
  await served.call('PUT', '/c/o', {
    body: 'hello',
    headers: { 'X-Object-Meta-Secret': '1', 'X-Object-Meta-Public-Name': '2' },
  });
};

test('temp url: each key and digest lets a stranger read, until the second comes', async (t) => {
  let nowMs = Date.now();
  const served = await serveObjects(t, { wallMs: () => nowMs });
  await ready(served);
  const get = (query: string, method = 'GET') => served.call(method, `/c/o?${query}`, { token: null });
  for (const key of ['k1', 'k2', 'ck'])
    for (const digest of ['sha1', 'sha256', 'sha512'] as const)
      t.is(await (await get(sign({ key, digest }))).text(), 'hello', `${key} ${digest}`);
  t.is((await get(sign({ path: '/object-store/v1/AUTH_p1/c/o' }))).status, 200);
  t.is(
    (await get(sign({ expires: `${new Date(Date.now() + 60_000).toISOString().slice(0, 19)}Z` }))).status,
    200,
  );
  const at = soon();
  const raw = createHmac('sha256', 'k1').update(`GET\n${at}\n/v1/AUTH_p1/c/o`).digest('base64url');
  t.is((await get(`temp_url_sig=sha256:${raw}&temp_url_expires=${at}`)).status, 200);
  t.is((await get(sign({}), 'HEAD')).status, 200);
  const query = sign({});
  nowMs += 3_600_000;
  t.is((await get(query)).status, 401);
});

test('temp url: any part that was not signed is refused', async (t) => {
  const served = await serveObjects(t);
  await ready(served);
  await served.call('PUT', '/c/p', { body: '1' });
  const status = async (method: string, path: string, query: string, headers = {}) =>
    (
      await served.call(method, `${path}?${query}`, {
        token: null,
        headers,
        ...(method === 'PUT' ? { body: '1' } : {}),
      })
    ).status;
  t.is(await status('GET', '/c/p', sign({})), 401);
  t.is(await status('PUT', '/c/o', sign({})), 401);
  t.is(await status('DELETE', '/c/o', sign({})), 401);
  t.is(await status('GET', '/c/o', sign({ key: 'wrong' })), 401);
  t.is(await status('GET', '/c/o', sign({}).replace(/expires=\d+/, `expires=${soon() + 999}`)), 401);
  t.is(await status('GET', '/c/o', 'temp_url_sig=zz&temp_url_expires=1'), 401);
  t.is(await status('GET', '/c/o', `temp_url_expires=${soon()}`), 401);
  t.is(await status('GET', '/c', sign({ path: '/v1/AUTH_p1/c' })), 401);
  t.is(
    await status('PUT', '/c/m', sign({ method: 'PUT', path: '/v1/AUTH_p1/c/m' }), {
      'X-Object-Manifest': 'c/o',
    }),
    400,
  );
  t.is(await status('GET', '/c/o', sign({})), 200);
});

test('temp url: PUT and DELETE do what was signed, a key of a container stays in it', async (t) => {
  const served = await serveObjects(t);
  await ready(served);
  const put = { method: 'PUT', path: '/v1/AUTH_p1/c/new' };
  t.is((await served.call('PUT', `/c/new?${sign(put)}`, { token: null, body: 'new' })).status, 201);
  t.is((await served.call('HEAD', `/c/new?${sign(put)}`, { token: null })).status, 200);
  t.is(
    (await served.call('DELETE', `/c/new?${sign({ ...put, method: 'DELETE' })}`, { token: null })).status,
    204,
  );
  await served.call('PUT', '/other');
  await served.call('PUT', '/other/s', { body: 'segment' });
  await served.call('PUT', '/c/o', { body: '', headers: { 'X-Object-Manifest': 'other/s' } });
  t.is((await served.call('GET', `/c/o?${sign({ key: 'ck' })}`, { token: null })).status, 401);
  t.is(await (await served.call('GET', `/c/o?${sign({ key: 'k1' })}`, { token: null })).text(), 'segment');
});

test('temp url: a prefix opens what lies below it, a range of addresses only those', async (t) => {
  const served = await serveObjects(t);
  await ready(served);
  await served.call('PUT', '/c/dir/x', { body: 'x' });
  const below = `${sign({ path: 'prefix:/v1/AUTH_p1/c/dir/' })}&temp_url_prefix=dir/`;
  t.is(await (await served.call('GET', `/c/dir/x?${below}`, { token: null })).text(), 'x');
  t.is((await served.call('GET', `/c/o?${below}`, { token: null })).status, 401);
  for (const [range, status] of [
    ['127.0.0.1', 200],
    ['127.0.0.0/8', 200],
    ['10.0.0.0/8', 401],
    ['nonsense', 401],
  ] as const) {
    const query = `${sign({ head: `ip=${range}\n` })}&temp_url_ip_range=${range}`;
    t.is((await served.call('GET', `/c/o?${query}`, { token: null })).status, status, range);
  }
});

test('temp url: a browser saves it under its name, and private metadata stays private', async (t) => {
  const served = await serveObjects(t);
  await ready(served);
  const head = async (more: string) => {
    const answer = await served.call('GET', `/c/o?${sign({})}${more}`, { token: null });
    return answer.headers;
  };
  const plain = await head('');
  t.regex(plain.get('content-disposition') ?? '', /^attachment; filename="o"/);
  t.is(plain.get('x-object-meta-secret'), null);
  t.is(plain.get('x-object-meta-public-name'), '2');
  t.truthy(plain.get('expires'));
  t.is((await head('&inline')).get('content-disposition'), 'inline');
  t.regex(
    (await head('&filename=a%22b%0d%0ac.txt')).get('content-disposition') ?? '',
    /^attachment; filename="a_b__c.txt"/,
  );
});
