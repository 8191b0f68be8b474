import { createHmac } from 'node:crypto';
import test from 'ava';
import { type Served, serveObjects } from './serve.ts';

const site = async (served: Served, headers: Record<string, string> = {}): Promise<void> => {
  await served.call('PUT', '/w', { headers: { 'X-Container-Read': '.r:*,.rlistings', ...headers } });
  await served.call('PUT', '/w/index.html', { body: 'home' });
  await served.call('PUT', '/w/dir/index.html', { body: 'dir' });
  await served.call('PUT', '/w/files/a%3Cb', { body: 'x' });
  await served.call('PUT', '/w/404error.html', { body: 'lost' });
  await served.call('PUT', '/w/401error.html', { body: 'who' });
};
const get = (served: Served, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${served.storage}${path}`, { redirect: 'manual', headers });

test('web: folders show their index, with the slash that its links need', async (t) => {
  const served = await serveObjects(t);
  await site(served, { 'X-Container-Meta-Web-Index': 'index.html' });
  t.is(await (await get(served, '/w/')).text(), 'home');
  t.is(await (await get(served, '/w/dir/')).text(), 'dir');
  t.is((await get(served, '/w/dir/')).headers.get('content-type'), 'text/html');
  for (const path of ['/w', '/w/dir']) {
    const moved = await get(served, path);
    t.is(moved.status, 301);
    t.is(moved.headers.get('location'), `${served.storage}${path}/`);
  }
  t.is((await get(served, '/w/files/')).status, 404);
  t.is((await get(served, '/w/none')).status, 404);
  const own = await served.call('GET', '/w');
  t.regex(await own.text(), /^401error.html\n/, 'with a token it is the API');
  const asked = await served.call('GET', '/w/', { headers: { 'X-Web-Mode': 'true' } });
  t.is(await asked.text(), 'home');
});

test('web: a folder without an index is listed where that is on and allowed', async (t) => {
  const served = await serveObjects(t);
  await site(served, {
    'X-Container-Meta-Web-Listings': 'true',
    'X-Container-Meta-Web-Listings-CSS': 'style.css',
  });
  const page = await get(served, '/w/files/');
  t.is(page.status, 200);
  const text = await page.text();
  t.true(text.includes('<a href="./a%3Cb">a&lt;b</a>'), text);
  t.true(text.includes('href="../style.css"'));
  t.is((await get(served, '/w/nothing/')).status, 404);
  await served.call('POST', '/w', { headers: { 'X-Container-Read': '.r:*' } });
  t.is((await get(served, '/w/files/')).status, 401);
});

test('web: an address that is signed for a prefix shows the pages below it, and hands the signature on', async (t) => {
  const served = await serveObjects(t);
  await site(served, { 'X-Container-Read': '', 'X-Container-Meta-Web-Listings': 'true' });
  await served.call('POST', '', { headers: { 'X-Account-Meta-Temp-URL-Key': 'k' } });
  const signed = (prefix: string): string => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const text = `GET\n${expires}\nprefix:/v1/AUTH_p1/w/${prefix}`;
    const signature = createHmac('sha256', 'k').update(text).digest('hex');
    return `temp_url_prefix=${prefix}&temp_url_expires=${expires}&temp_url_sig=${signature}`;
  };
  const all = signed('');
  const moved = await get(served, `/w?${all}`);
  t.is(moved.status, 301);
  t.is(moved.headers.get('location'), `${served.storage}/w/?${all}`);
  const page = await get(served, `/w/files/?${signed('files/')}`);
  t.is(page.status, 200);
  t.is(page.headers.get('content-disposition'), 'inline');
  const text = await page.text();
  t.true(text.includes('Listing of /object-store/v1/AUTH_p1/w/files/'));
  t.true(text.includes(`href="./a%3Cb?${signed('files/').replaceAll('&', '&amp;')}"`), text);
  t.false(text.includes('href="../'), 'what lies above was not signed for');
  t.true((await (await get(served, `/w/files/?${all}`)).text()).includes('href="../?temp_url_prefix=&amp;'));
  t.is((await get(served, `/w/dir/?${signed('files/')}`)).status, 401);
  await served.call('POST', '/w', { headers: { 'X-Remove-Container-Meta-Web-Listings': 'x' } });
  t.is((await get(served, `/w/?${all}`)).status, 401);
  t.is((await get(served, `/w/files/?${all}`)).status, 404);
  t.is((await get(served, `/w?${all.replace('temp_url_prefix=&', '')}`)).status, 401);
});

test('web: an error shows the site’s own page with the error’s status', async (t) => {
  const served = await serveObjects(t);
  await site(served, { 'X-Container-Meta-Web-Error': 'error.html' });
  const lost = await get(served, '/w/none');
  t.is(lost.status, 404);
  t.is(await lost.text(), 'lost');
  await served.call('POST', '/w', { headers: { 'X-Container-Read': '' } });
  t.is((await get(served, '/w/index.html')).status, 401, 'nobody may read the error page either');
});

const origin = 'http://page.example';
const cors = { 'X-Container-Meta-Access-Control-Allow-Origin': `http://a.example ${origin}` };

test('cors: a browser’s question is answered for the origins of the container alone', async (t) => {
  const served = await serveObjects(t);
  await served.call('PUT', '/c', { headers: { ...cors, 'X-Container-Meta-Access-Control-Max-Age': '5' } });
  const ask = (headers: Record<string, string>, path = '/c/o') =>
    served.call('OPTIONS', path, { token: null, headers });
  const good = await ask({
    Origin: origin,
    'Access-Control-Request-Method': 'PUT',
    'Access-Control-Request-Headers': 'x-auth-token',
  });
  t.is(good.status, 200);
  t.is(good.headers.get('access-control-allow-origin'), origin);
  t.is(good.headers.get('access-control-allow-headers'), 'x-auth-token');
  t.is(good.headers.get('access-control-max-age'), '5');
  t.true((good.headers.get('access-control-allow-methods') ?? '').includes('COPY'));
  t.is((await ask({ Origin: 'http://evil.example', 'Access-Control-Request-Method': 'PUT' })).status, 401);
  t.is((await ask({ Origin: origin, 'Access-Control-Request-Method': 'PATCH' })).status, 401);
  t.is((await ask({ Origin: origin, 'Access-Control-Request-Method': 'GET' }, '/none/o')).status, 401);
  const plain = await ask({});
  t.is(plain.status, 200);
  t.is(plain.headers.get('allow'), 'COPY, DELETE, GET, HEAD, OPTIONS, POST, PUT');
});

test('cors: answers and refusals say which pages may see them', async (t) => {
  const served = await serveObjects(t);
  await served.call('PUT', '/c', {
    headers: { ...cors, 'X-Container-Meta-Access-Control-Expose-Headers': 'X-Mine' },
  });
  await served.call('PUT', '/c/o', { body: '1', headers: { 'X-Object-Meta-A': '1' } });
  const from = (path: string, who = origin, token: string | null = 'member:p1') =>
    served.call('GET', path, { token, headers: { Origin: who } });
  const good = await from('/c/o');
  t.is(good.headers.get('access-control-allow-origin'), origin);
  const seen = (good.headers.get('access-control-expose-headers') ?? '').split(', ');
  for (const name of ['etag', 'x-object-meta-a', 'X-Mine']) t.true(seen.includes(name), name);
  t.is((await from('/c/o', 'http://evil.example')).headers.get('access-control-allow-origin'), null);
  const lost = await from('/c/none');
  t.is(lost.status, 404);
  t.is(lost.headers.get('access-control-allow-origin'), origin);
  const stranger = await from('/c/o', origin, null);
  t.is(stranger.status, 401);
  t.is(stranger.headers.get('access-control-allow-origin'), origin);
  t.truthy(stranger.headers.get('www-authenticate'));
  await served.call('POST', '/c', { headers: { 'X-Container-Meta-Access-Control-Allow-Origin': '*' } });
  t.is((await from('/c/o', 'http://any.example')).headers.get('access-control-allow-origin'), '*');
});
