import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import test from 'ava';
import { KiB } from '../../proto/units.ts';
import { serveObjects } from './serve.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const large = 'x'.repeat(40 * KiB);

test('object: what was put is got back, with its type, ETag, metadata and dates', async (t) => {
  const { call } = await serveObjects(t);
  t.is((await call('PUT', '/c')).status, 201);
  for (const [name, body] of [
    ['small', 'hello'],
    ['large', large],
    ['empty', ''],
  ] as const) {
    const put = await call('PUT', `/c/${name}`, {
      body,
      headers: {
        'Content-Type': 'text/x-test',
        'X-Object-Meta-Colour': 'blue',
        'Content-Disposition': 'inline',
      },
    });
    t.is(put.status, 201, name);
    t.is(put.headers.get('etag'), md5(body));
    const get = await call('GET', `/c/${name}`);
    t.is(get.status, 200);
    t.is(await get.text(), body);
    t.is(get.headers.get('content-length'), String(body.length));
    t.is(get.headers.get('content-type'), 'text/x-test');
    t.is(get.headers.get('content-disposition'), 'inline');
    t.is(get.headers.get('last-modified'), put.headers.get('last-modified'));
    t.regex(get.headers.get('x-timestamp') ?? '', /^\d{10}\.\d{5}$/);
    t.is(get.headers.get('accept-ranges'), 'bytes');
    const head = await call('HEAD', `/c/${name}`);
    t.is(head.status, 200);
    t.is(head.headers.get('content-length'), String(body.length));
    t.is(head.headers.get('etag'), md5(body));
    t.is(await head.text(), '');
  }
});

test('object: metadata travels as UTF-8', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const utf8 = Buffer.from('blå ☃').toString('latin1');
  await call('PUT', '/c/o', { body: '1', headers: { 'X-Object-Meta-Colour': utf8 } });
  const value = (await call('HEAD', '/c/o')).headers.get('x-object-meta-colour') ?? '';
  t.is(Buffer.from(value, 'latin1').toString(), 'blå ☃');
  const bad = await call('PUT', '/c/o', { body: '1', headers: { 'X-Object-Meta-Colour': '\xff\xfe' } });
  t.is(bad.status, 400);
});

test('object: POST replaces metadata wholesale and keeps bytes, type and ETag', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', {
    body: 'hello',
    headers: { 'X-Object-Meta-A': '1', 'Content-Type': 'text/a', 'Content-Encoding': 'gzip' },
  });
  t.is((await call('POST', '/c/o', { headers: { 'X-Object-Meta-B': '2' } })).status, 202);
  const head = await call('HEAD', '/c/o');
  t.is(head.headers.get('x-object-meta-a'), null);
  t.is(head.headers.get('x-object-meta-b'), '2');
  t.is(head.headers.get('content-type'), 'text/a');
  t.is(head.headers.get('content-encoding'), null);
  t.is(head.headers.get('etag'), md5('hello'));
  await call('POST', '/c/o', { headers: { 'Content-Type': 'text/b' } });
  const [row] = (await (await call('GET', '/c?format=json')).json()) as [{ content_type: string }];
  t.is(row.content_type, 'text/b');
  t.is((await call('POST', '/c/none')).status, 404);
  await call('PUT', '/c/o', { body: 'new' });
  t.is((await call('HEAD', '/c/o')).headers.get('content-type'), 'application/octet-stream');
});

test('object: a wrong ETag is refused with 422 and leaves nothing', async (t) => {
  const { call, content } = await serveObjects(t);
  await call('PUT', '/c');
  for (const etag of [md5('other'), 'nonsense']) {
    const put = await call('PUT', '/c/o', { body: large, headers: { ETag: etag } });
    t.is(put.status, 422);
  }
  t.is((await call('GET', '/c/o')).status, 404);
  t.is(content.chunks.size, 0);
  t.is((await call('PUT', '/c/o', { body: large, headers: { ETag: `"${md5(large)}"` } })).status, 201);
});

test('object: DELETE removes it and its chunks, and a second one finds nothing', async (t) => {
  const { call, content } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: large });
  t.is(content.chunks.size, 1);
  t.is((await call('DELETE', '/c/o')).status, 204);
  t.is(content.chunks.size, 0);
  t.is((await call('DELETE', '/c/o')).status, 404);
  t.is((await call('GET', '/c/o')).status, 404);
});

test('object: an overwrite gives back what it replaced', async (t) => {
  const { call, content } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: large });
  await call('PUT', '/c/o', { body: 'y'.repeat(50 * KiB) });
  t.is(content.chunks.size, 1);
  await call('PUT', '/c/o', { body: 'small now' });
  t.is(content.chunks.size, 0);
});

test('object: ranges give parts, and 416 what lies outside', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '0123456789', headers: { 'Content-Type': 'text/plain' } });
  const get = (range: string) => call('GET', '/c/o', { headers: { Range: range } });
  const part = await get('bytes=2-4');
  t.is(part.status, 206);
  t.is(part.headers.get('content-range'), 'bytes 2-4/10');
  t.is(part.headers.get('content-length'), '3');
  t.is(await part.text(), '234');
  t.is(await (await get('bytes=-2')).text(), '89');
  const outside = await get('bytes=10-');
  t.is(outside.status, 416);
  t.is(outside.headers.get('content-range'), 'bytes */10');
  t.is((await get('bytes=4-2')).status, 200);
  const several = await get('bytes=0-1,8-9');
  t.is(several.status, 206);
  t.regex(several.headers.get('content-type') ?? '', /^multipart\/byteranges;boundary=/);
  const text = await several.text();
  t.is(several.headers.get('content-length'), String(text.length));
  t.true(text.includes('\r\n\r\n01\r\n') && text.includes('\r\n\r\n89\r\n'));
});

test('object: conditions answer 304 and 412 with the validators', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: 'hello' });
  const etag = md5('hello');
  const status = async (name: string, value: string, method = 'GET'): Promise<number> => {
    const answer = await call(method, '/c/o', { headers: { [name]: value } });
    if (answer.status !== 200) t.is(answer.headers.get('etag'), etag);
    await answer.arrayBuffer();
    return answer.status;
  };
  t.is(await status('If-None-Match', etag), 304);
  t.is(await status('If-None-Match', etag, 'HEAD'), 304);
  t.is(await status('If-None-Match', 'other'), 200);
  t.is(await status('If-Match', `"${etag}"`), 200);
  t.is(await status('If-Match', 'other'), 412);
  const now = new Date(Date.now() + 5000).toUTCString();
  const past = new Date(Date.now() - 5000).toUTCString();
  t.is(await status('If-Modified-Since', now), 304);
  t.is(await status('If-Modified-Since', past), 200);
  t.is(await status('If-Unmodified-Since', past), 412);
  t.is(await status('If-Unmodified-Since', now), 200);
});

test('object: If-None-Match * lets only the first PUT through', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const put = async (value: string): Promise<number> =>
    (await call('PUT', '/c/o', { body: '1', headers: { 'If-None-Match': value } })).status;
  t.is(await put('*'), 201);
  t.is(await put('*'), 412);
  t.is(await put('abc'), 400);
  const match = async (value: string): Promise<number> =>
    (await call('PUT', '/c/o', { body: '2', headers: { 'If-Match': value } })).status;
  t.is(await match('abc'), 412);
  t.is(await match(md5('1')), 201);
});

test('object: copies share the chunks and carry metadata, unless it is to be fresh', async (t) => {
  const { call, content } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/d');
  await call('PUT', '/c/o', { body: large, headers: { 'X-Object-Meta-A': '1', 'Content-Type': 'text/a' } });
  const copied = await call('COPY', '/c/o', {
    headers: { Destination: '/d/%C3%A5', 'X-Object-Meta-B': '2' },
  });
  t.is(copied.status, 201);
  t.is(copied.headers.get('x-copied-from'), 'c/o');
  t.is(copied.headers.get('x-copied-from-account'), 'AUTH_p1');
  t.truthy(copied.headers.get('x-copied-from-last-modified'));
  t.is(copied.headers.get('etag'), md5(large));
  const head = await call('HEAD', '/d/%C3%A5');
  t.is(head.headers.get('x-object-meta-a'), '1');
  t.is(head.headers.get('x-object-meta-b'), '2');
  t.is(head.headers.get('content-type'), 'text/a');
  t.is(content.chunks.size, 1);

  const put = await call('PUT', '/d/fresh', {
    headers: { 'X-Copy-From': 'c/o', 'X-Fresh-Metadata': 'true', 'Content-Type': 'text/b' },
  });
  t.is(put.status, 201);
  const fresh = await call('HEAD', '/d/fresh');
  t.is(fresh.headers.get('x-object-meta-a'), null);
  t.is(fresh.headers.get('content-type'), 'text/b');

  await call('DELETE', '/c/o');
  t.is(await (await call('GET', '/d/fresh')).text(), large);
  await call('DELETE', '/d/fresh');
  await call('DELETE', '/d/%C3%A5');
  t.is(content.chunks.size, 0);
});

test('object: a copy onto itself changes its metadata', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: large, headers: { 'X-Object-Meta-A': '1' } });
  await call('COPY', '/c/o', { headers: { Destination: 'c/o', 'X-Object-Meta-A': '2' } });
  const get = await call('GET', '/c/o');
  t.is(get.headers.get('x-object-meta-a'), '2');
  t.is(await get.text(), large);
});

test('object: a range of it is copied as an object of its own', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: 'hello', headers: { 'X-Object-Meta-A': '1' } });
  const copied = await call('COPY', '/c/o', { headers: { Destination: 'c/p', Range: 'bytes=1-3' } });
  t.is(copied.status, 201);
  t.is(copied.headers.get('etag'), md5('ell'));
  const get = await call('GET', '/c/p');
  t.is(await get.text(), 'ell');
  t.is(get.headers.get('x-object-meta-a'), '1');
  const from = { 'X-Copy-From': 'c/o', Range: 'bytes=-2' };
  t.is((await call('PUT', '/c/q', { headers: from })).status, 201);
  t.is(await (await call('GET', '/c/q')).text(), 'lo');
});

test('object: of a copy that fails at both ends the source is told', async (t) => {
  const { call, api } = await serveObjects(t);
  await call('PUT', `${api.url}/object-store/v1/AUTH_p2/c`, { token: 'member:p2' });
  const from = { 'X-Copy-From': 'c/o', 'X-Copy-From-Account': 'AUTH_p2' };
  t.is((await call('PUT', '/none/o', { headers: from })).status, 403);
});

test('object: a deletion may be for one whose time it knows', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1', headers: { 'X-Delete-At': '9999999999' } });
  const remove = async (at: string): Promise<number> =>
    (await call('DELETE', '/c/o', { headers: { 'X-If-Delete-At': at } })).status;
  t.is(await remove('soon'), 400);
  t.is(await remove('9999999998'), 412);
  t.is(await remove('9999999999'), 204);
});

test('object: a copy that cannot be is refused', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1' });
  const copy = async (headers: Record<string, string>): Promise<number> =>
    (await call('COPY', '/c/o', { headers })).status;
  t.is(await copy({}), 412);
  t.is(await copy({ Destination: 'nocontainer' }), 412);
  t.is(await copy({ Destination: 'none/o' }), 404);
  t.is(await copy({ Destination: 'c/p', Range: 'bytes=1-' }), 416);
  t.is(await copy({ Destination: 'c/p', Range: 'bytes=0-0,0-0' }), 501);
  t.is(await copy({ Destination: 'none/o', Range: 'bytes=0-0' }), 404);
  t.is((await call('COPY', '/c/none', { headers: { Destination: 'c/p' } })).status, 404);
  t.is((await call('PUT', '/c/p', { headers: { 'X-Copy-From': 'c/o' }, body: 'body' })).status, 400);
  t.is(await copy({ Destination: 'c/p', 'Destination-Account': 'AUTH_p2' }), 403);
  t.is(
    (await call('PUT', '/c/p', { headers: { 'X-Copy-From': 'x/o', 'X-Copy-From-Account': 'AUTH_p2' } }))
      .status,
    403,
  );
});

test('object: X-Delete-At hides it from that second on, in listings too', async (t) => {
  let nowMs = 1_800_000_000_000;
  const { call, content } = await serveObjects(t, { wallMs: () => nowMs });
  await call('PUT', '/c');
  await call('PUT', '/c/a', { body: large, headers: { 'X-Delete-After': '10' } });
  await call('PUT', '/c/b', { body: '2' });
  await call('POST', '/c/b', { headers: { 'X-Delete-At': '1800000020' } });
  t.is((await call('HEAD', '/c/a')).headers.get('x-delete-at'), '1800000010');
  t.is((await call('HEAD', '/c/b')).headers.get('x-delete-at'), '1800000020');
  nowMs += 10_000;
  t.is((await call('GET', '/c/a')).status, 404);
  t.is(await (await call('GET', '/c')).text(), 'b\n');
  nowMs += 10_000;
  t.is((await call('GET', '/c')).status, 204);
  t.is((await call('POST', '/c/a')).status, 404);
  t.is((await call('PUT', '/c/x', { body: '1', headers: { 'X-Delete-At': '1800000000' } })).status, 400);
  t.is((await call('PUT', '/c/x', { body: '1', headers: { 'X-Delete-After': 'soon' } })).status, 400);
  t.is((await call('DELETE', '/c')).status, 204);
  t.is(content.chunks.size, 0);
});

test('object: deleting an expired object frees it and says 404', async (t) => {
  let nowMs = 1_800_000_000_000;
  const { call, content } = await serveObjects(t, { wallMs: () => nowMs });
  await call('PUT', '/c');
  await call('PUT', '/c/a', { body: large, headers: { 'X-Delete-After': '10' } });
  nowMs += 10_000;
  t.is((await call('DELETE', '/c/a')).status, 404);
  t.is(content.chunks.size, 0);
});

test('object: a type that is not told is guessed by the name, when asked even over one that is', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const typeOf = async (name: string, headers: Record<string, string> = {}) => {
    await call('PUT', `/c/${name}`, { body: '1', headers });
    return (await call('HEAD', `/c/${name}`)).headers.get('content-type');
  };
  t.is(await typeOf('a.html'), 'text/html');
  t.is(await typeOf('dir.html/a'), 'application/octet-stream');
  t.is(await typeOf('a.PNG', { 'Content-Type': 'text/x' }), 'text/x');
  t.is(await typeOf('a.PNG', { 'Content-Type': 'text/x', 'X-Detect-Content-Type': 'true' }), 'image/png');
  t.is(await typeOf('a.constructor'), 'application/octet-stream');
});

test('large object: a manifest is read as all that lies below its prefix, in order and in parts', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/seg');
  for (const [name, body] of [
    ['big/2', '4567'],
    ['big/1', '0123'],
    ['big/3', '89'],
    ['other', 'x'],
  ] as const)
    await call('PUT', `/seg/${name}`, { body });
  const put = await call('PUT', '/c/o', { body: '', headers: { 'X-Object-Manifest': 'seg/big%2F' } });
  t.is(put.status, 201);
  const get = await call('GET', '/c/o');
  t.is(await get.text(), '0123456789');
  t.is(get.headers.get('x-object-manifest'), 'seg/big%2F');
  const etag = `"${md5(md5('0123') + md5('4567') + md5('89'))}"`;
  t.is(get.headers.get('etag'), etag);
  t.is((await call('HEAD', '/c/o')).headers.get('content-length'), '10');
  const part = await call('GET', '/c/o', { headers: { Range: 'bytes=3-8' } });
  t.is(part.status, 206);
  t.is(await part.text(), '345678');
  t.is((await call('GET', '/c/o', { headers: { 'If-None-Match': etag } })).status, 304);
  t.is(await (await call('GET', '/c/o?multipart-manifest=get')).text(), '');

  await call('COPY', '/c/o', { headers: { Destination: 'c/whole' } });
  await call('COPY', '/c/o?multipart-manifest=get', { headers: { Destination: 'c/again' } });
  await call('PUT', '/seg/big/4', { body: '!' });
  t.is(await (await call('GET', '/c/whole')).text(), '0123456789');
  t.is((await call('HEAD', '/c/whole')).headers.get('x-object-manifest'), null);
  t.is(await (await call('GET', '/c/again')).text(), '0123456789!');
  t.is((await call('PUT', '/c/p', { headers: { 'X-Object-Manifest': 'noslash' } })).status, 400);
  await call('PUT', '/c/lost', { body: '', headers: { 'X-Object-Manifest': 'none/x' } });
  t.is((await call('GET', '/c/lost')).status, 404);
});

test('object: names of any kind are kept as they are', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const names = ['/leading', 'trailing/', 'a//b', 'blå ☃', '?&=#%', 'a b\n', `${'n'.repeat(1024)}`, 'COM1:'];
  for (const name of names) {
    const path = `/c/${name.split('/').map(encodeURIComponent).join('/')}`;
    t.is((await call('PUT', path, { body: name })).status, 201, name);
    t.is(await (await call('GET', path)).text(), name);
  }
  const listed = (await (await call('GET', '/c?format=json')).json()) as { name: string }[];
  t.deepEqual(listed.map(({ name }) => name).sort(), [...names].sort());
});

test('object: names that cannot be are refused', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  t.is((await call('PUT', `/c/${'n'.repeat(1025)}`, { body: '1' })).status, 400);
  t.is((await call('PUT', `/c/${encodeURIComponent('☃'.repeat(342))}`, { body: '1' })).status, 400);
  t.is((await call('PUT', '/c/%FF%FE', { body: '1' })).status, 412);
  t.is((await call('PUT', '/c/a%00b', { body: '1' })).status, 412);
  t.is((await call('PUT', `/${'c'.repeat(257)}`)).status, 400);
  t.is((await call('PUT', '/none/o', { body: '1' })).status, 404);
});

test('object: an escaped slash separates container and object', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  t.is((await call('PUT', '/c%2Fo', { body: '1' })).status, 201);
  t.is(await (await call('GET', '/c/o')).text(), '1');
  t.is((await call('DELETE', '/c%2Fo')).status, 204);
});

test('object: metadata beyond the limits is refused and changes nothing', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  const put = async (headers: Record<string, string>): Promise<number> =>
    (await call('PUT', '/c/o', { body: '1', headers })).status;
  const meta = (name: string, value: string) => ({ [`X-Object-Meta-${name}`]: value });
  t.is(await put(meta('n'.repeat(128), 'v'.repeat(256))), 201);
  t.is(await put(meta('n'.repeat(129), 'v')), 400);
  t.is(await put(meta('n', 'v'.repeat(257))), 400);
  t.is(await put(meta('', 'v')), 400);
  t.is(await put(Object.assign({}, ...Array.from({ length: 91 }, (_, at) => meta(`n${at}`, 'v')))), 400);
  t.is(
    await put(Object.assign({}, ...Array.from({ length: 20 }, (_, at) => meta(`n${at}`, 'v'.repeat(250))))),
    400,
  );
});

/** Sends raw bytes, gives what came back until the server closed or the time to speak is over. */
const speak = (port: number, text: string, hangUp: boolean): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(text, () => hangUp && socket.destroy());
    });
    let heard = '';
    socket.on('data', (piece) => {
      heard += piece;
      if (/\r\n\r\n/.test(heard)) socket.end();
    });
    socket.on('close', () => resolve(heard));
    socket.on('error', reject);
  });

test('object: without a length nothing is taken, beyond 5 GiB it is too large', async (t) => {
  const { call, api } = await serveObjects(t);
  await call('PUT', '/c');
  const head = (more: string): string =>
    `PUT /object-store/v1/AUTH_p1/c/o HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member:p1\r\n${more}\r\n`;
  t.regex(await speak(api.port, head(''), false), /^HTTP\/1.1 411 /);
  t.regex(await speak(api.port, head('Content-Length: 5368709121\r\n'), false), /^HTTP\/1.1 413 /);
  t.regex(
    await speak(api.port, `${head('Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n0\r\n\r\n`, false),
    /^HTTP\/1.1 201 /,
  );
  t.is(await (await call('GET', '/c/o')).text(), 'hello');
});

test('object: dots in a name are no way up', async (t) => {
  const { call, api } = await serveObjects(t);
  await call('PUT', '/c');
  const head = `HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member:p1\r\n`;
  const put = `PUT /object-store/v1/AUTH_p1/c/../d/./o ${head}Content-Length: 2\r\n\r\nhi`;
  t.regex(await speak(api.port, put, false), /^HTTP\/1.1 201 /);
  t.is(await (await call('GET', '/c')).text(), '../d/./o\n');
});

test('object: a body that ends early leaves nothing behind', async (t) => {
  const { call, api, content } = await serveObjects(t);
  await call('PUT', '/c');
  const head = `PUT /object-store/v1/AUTH_p1/c/o HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member:p1\r\n`;
  await speak(api.port, `${head}Content-Length: 50000\r\n\r\n${'x'.repeat(30_000)}`, true);
  await speak(api.port, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`, true);
  t.is((await call('GET', '/c/o')).status, 404);
  t.is((await call('GET', '/c')).status, 204);
  t.is(content.chunks.size, 0);
});

test('object: every accepted change is in the journal, with who did it', async (t) => {
  const { call, journal } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1' });
  await call('POST', '/c/o');
  await call('COPY', '/c/o', { headers: { Destination: 'c/p' } });
  await call('DELETE', '/c/p');
  await call('PUT', '/none/o', { body: '1' });
  t.deepEqual(
    journal.events.map(({ action, target }) => `${action} ${target}`),
    [
      'container.create AUTH_p1/c',
      'object.put AUTH_p1/c/o',
      'object.update AUTH_p1/c/o',
      'object.copy AUTH_p1/c/p',
      'object.delete AUTH_p1/c/p',
    ],
  );
  t.like(journal.events[1], { actor: { userId: 'u-p1', projectId: 'p1' }, detail: { bytes: 1 } });
});
