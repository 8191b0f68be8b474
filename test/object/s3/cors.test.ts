import test from 'ava';
import { serveS3, text, texts } from './serve.ts';

const config = (...rules: readonly string[]) => ({
  body: `<CORSConfiguration>${rules.map((rule) => `<CORSRule>${rule}</CORSRule>`).join('')}</CORSConfiguration>`,
});
const page = 'https://reef.example';
const one = `<ID>pages</ID><AllowedOrigin>https://*.example</AllowedOrigin><AllowedOrigin>${page}</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds>`;
const any = '<AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod>';

test('cors: rules are kept, told and taken away', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  t.is((await call('GET', '/reef?cors')).code, 'NoSuchCORSConfiguration');
  t.is((await call('PUT', '/reef?cors', config(one, any))).status, 200);
  const told = await call('GET', '/reef?cors');
  t.deepEqual(texts(told.xml, 'AllowedOrigin'), ['https://*.example', page, '*']);
  t.is(text(told.xml, 'MaxAgeSeconds'), '600');
  t.is((await call('DELETE', '/reef?cors')).status, 204);
  t.is((await call('GET', '/reef?cors')).code, 'NoSuchCORSConfiguration');
});

test('cors: a browser’s question is answered by the first rule that fits, with no signature', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const ask = (method: string, origin?: string, headers?: string, path = '/reef/a') =>
    call('OPTIONS', path, {
      token: null,
      headers: {
        ...(origin === undefined ? {} : { origin }),
        ...(method === '' ? {} : { 'access-control-request-method': method }),
        ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
      },
    });
  t.is((await ask('GET', page)).code, 'AccessForbidden');
  await call('PUT', '/reef?cors', config(one, any));
  const yes = await ask('PUT', page, 'content-type, X-Amz-Date');
  t.is(yes.status, 200);
  t.is(yes.headers.get('access-control-allow-origin'), page);
  t.is(yes.headers.get('access-control-allow-methods'), 'GET, PUT');
  t.is(yes.headers.get('access-control-allow-headers'), 'content-type, X-Amz-Date');
  t.is(yes.headers.get('access-control-max-age'), '600');
  t.is(yes.headers.get('access-control-expose-headers'), 'ETag');
  t.is((await ask('HEAD', 'http://anybody')).headers.get('access-control-allow-origin'), '*');
  t.is((await ask('GET', 'https://a.example')).status, 200);
  t.is((await ask('GET', 'https://reef.example.evil')).code, 'AccessForbidden');
  t.is((await ask('DELETE', page)).code, 'AccessForbidden');
  t.is((await ask('PUT', page, 'authorization')).code, 'AccessForbidden');
  t.is((await ask('PUT')).code, 'BadRequest');
  t.is((await ask('', page)).code, 'BadRequest');
  t.is((await ask('GET', page, undefined, '/nobody/a')).code, 'NoSuchBucket');
});

test('cors: answers and refusals say that the page may read them', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef?cors', config(one));
  await call('PUT', '/reef/a', { body: 'hello' });
  const from = (origin: string, path: string, token: string | null = 'member:p1') =>
    call('GET', path, { token, headers: { origin } });
  const read = await from(page, '/reef/a');
  t.is(read.text, 'hello');
  t.is(read.headers.get('access-control-allow-origin'), page);
  t.is(read.headers.get('vary'), 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method');
  const refused = await from(page, '/reef/a', null);
  t.is(refused.code, 'AccessDenied');
  t.is(refused.headers.get('access-control-allow-origin'), page);
  t.is((await from(page, '/reef/missing')).headers.get('access-control-allow-origin'), page);
  t.is((await from('http://evil', '/reef/a')).headers.get('access-control-allow-origin'), null);
  t.is((await call('GET', '/reef/a')).headers.get('access-control-allow-origin'), null);
});

test('cors: what is no rule is refused', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const put = async (...rules: readonly string[]) => (await call('PUT', '/reef?cors', config(...rules))).code;
  t.is(await put(), 'MalformedXML');
  t.is(await put('<AllowedOrigin>*</AllowedOrigin>'), 'MalformedXML');
  t.is(await put(any.replace('HEAD', 'PATCH')), 'InvalidRequest');
  t.is(await put(any.replace('*', '*x*')), 'InvalidRequest');
  t.is(await put(`${any}<MaxAgeSeconds>soon</MaxAgeSeconds>`), 'MalformedXML');
  t.is(await put(`${any}<ExposeHeader>a b</ExposeHeader>`), 'InvalidRequest');
  t.is(await put(...Array(101).fill(any)), 'MalformedXML');
  t.is((await call('PUT', '/reef?cors', { token: 'member:p2', ...config(any) })).code, 'AccessDenied');
});
