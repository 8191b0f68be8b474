import { get } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { Type } from 'typebox';
import { principalOf } from '../../agent/http/port.ts';
import { ShoalError } from '../../proto/error.ts';
import { route } from '../../proto/rest/route.ts';
import { MiB } from '../../proto/units.ts';
import { type FakeApi, startApi } from '../fake/http.ts';
import { until } from '../until.ts';

const createThing = route({
  api: 'identity',
  name: 'createThing',
  method: 'POST',
  path: '/v3/things',
  policy: 'admin',
  body: Type.Object(
    {
      thing: Type.Object({
        name: Type.String({ minLength: 1 }),
        size: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
      }),
    },
    { additionalProperties: false },
  ),
  status: 201,
});
const showThing = route({
  api: 'identity',
  name: 'showThing',
  method: 'GET',
  path: '/v3/things/:id',
  policy: 'token',
  status: 200,
});
const putObject = route({
  api: 'object',
  name: 'putObject',
  method: 'PUT',
  path: '/v1/:account/:container/*',
  policy: 'member',
  status: 201,
});
const getObject = route({
  api: 'object',
  name: 'getObject',
  method: 'GET',
  path: '/v1/:account/:container/*',
  policy: 'project',
  status: 200,
});
const copyObject = route({
  api: 'object',
  name: 'copyObject',
  method: 'COPY',
  path: '/v1/:account/:container/*',
  policy: 'member',
  status: 201,
});
const showContainer = route({
  api: 'object',
  name: 'showContainer',
  method: 'GET',
  path: '/v1/:account/:container',
  policy: 'public',
  status: 200,
});
const failing = route({
  api: 'compute',
  name: 'failing',
  method: 'GET',
  path: '/v2.1/fail/:code',
  policy: 'public',
  status: 200,
});
const showImage = route({
  api: 'image',
  name: 'showImage',
  method: 'GET',
  path: '/v2/images/:id',
  policy: 'public',
  status: 200,
});
const failHost = route({
  api: 'cluster',
  name: 'failHost',
  method: 'GET',
  path: '/v1/fail',
  policy: 'public',
  status: 200,
});

async function* piecesOf(count: number, size: number, failAt = -1): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i += 1) {
    if (i === failAt) throw new ShoalError('DAMAGED', 'Cannot read chunk: no copy is left');
    yield new Uint8Array(size).fill(i);
  }
}

interface Seen {
  names: string[];
  bodies: number[];
  ended: ShoalError[];
  aborted: unknown[];
  returned: number;
}

const start = async (t: ExecutionContext): Promise<FakeApi & { seen: Seen }> => {
  const seen: Seen = { names: [], bodies: [], ended: [], aborted: [], returned: 0 };
  const api = await startApi((http) => {
    http.serve(createThing, async ({ body, origin }) => ({
      headers: { Location: `${origin}/made` },
      body: { thing: body.thing },
    }));
    http.serve(showThing, async (request) => ({
      body: { id: request.params.id, who: principalOf(request).user.id },
    }));
    http.serve(putObject, async ({ params, stream, headers }) => {
      seen.names.push(`${params.container}|${params['*']}`);
      if (headers['x-refuse']) throw new ShoalError('CONFLICT', 'Cannot store it: the container is closed');
      let length = 0;
      try {
        for await (const piece of stream) {
          length += piece.length;
          if (headers['x-stop']) break;
        }
      } catch (error) {
        seen.ended.push(error as ShoalError);
        throw error;
      }
      seen.bodies.push(length);
      return { headers: { ETag: String(length) } };
    });
    http.serve(getObject, async ({ params, signal }) => {
      seen.names.push(`${params.container}|${params['*']}`);
      signal.addEventListener('abort', () => seen.aborted.push(signal.reason));
      const [count = 1, size = 1, failAt = -1] = (params['*'] ?? '').split(',').map(Number);
      const source = piecesOf(count, size, failAt);
      const body: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          next: () => source.next(),
          return: async () => {
            seen.returned += 1;
            return source.return(undefined);
          },
        }),
      };
      return { headers: { 'Content-Type': 'x/y', 'Content-Length': String(count * size) }, body };
    });
    http.serve(copyObject, async ({ params }) => ({ headers: { 'X-Copied': params['*'] ?? '' } }));
    http.serve(showContainer, async ({ params, principal }) => ({
      headers: { 'X-Who': principal?.user.id ?? 'nobody' },
      body: { container: params.container },
    }));
    http.serve(failing, async ({ params }) => {
      if (params.code === 'bug') throw new TypeError('secret internals of the agent');
      throw new ShoalError(params.code as 'BUSY', `Cannot do <it>: ${params.code}`);
    });
    http.serve(showImage, async ({ params }) => {
      throw new ShoalError('NOT_FOUND', `No image found with ID ${params.id}`);
    });
    http.serve(failHost, async () => {
      throw new ShoalError('CONFLICT', 'Cannot do it', { details: { need: 2, got: 1 } });
    });
    http.serveRaw('/metrics', async ({ path }) => ({
      headers: { 'Content-Type': 'text/plain' },
      body: `metrics ${path}`,
    }));
    http.serveRaw('/', async ({ path }) => ({
      headers: { 'Content-Type': 'text/html' },
      body: `<p>${path}</p>`,
    }));
  });
  t.teardown(() => api.stop());
  return { ...api, seen };
};

const member = { 'X-Auth-Token': 'member:p1' };

/** Sends the bytes as they are and collects what comes until the server closes or `enough` is true. */
const raw = (
  port: number,
  text: string,
  enough: (answer: string) => boolean = () => false,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      answer += piece;
      if (enough(answer)) socket.end();
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });

test('http: an object name reaches its handler decoded once and not normalised', async (t) => {
  const { port, seen } = await start(t);
  const names: readonly (readonly [string, string])[] = [
    ['c//a/../b', 'c|/a/../b'],
    ['c/dir/', 'c|dir/'],
    ['c/./x', 'c|./x'],
    ['c/a%2Fb%20c', 'c|a/b c'],
    ['c/a+b', 'c|a+b'],
    ['c/%252F', 'c|%2F'],
    ['c/100%25', 'c|100%'],
    ['c/%C3%A4%F0%9F%90%9F', 'c|ä🐟'],
    ['c%3Fd/q%3Fx%23y', 'c?d|q?x#y'],
    ['c//', 'c|/'],
    [`c/${'n'.repeat(1024)}`, `c|${'n'.repeat(1024)}`],
    ['c/a;b=c&d:e@f,g', 'c|a;b=c&d:e@f,g'],
    ['c/..', 'c|..'],
  ];
  for (const [path, name] of names) {
    const answer = await raw(
      port,
      `PUT /object-store/v1/AUTH_p1/${path} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: member:p1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    t.regex(answer, /^HTTP\/1.1 201 /, path);
    t.is(seen.names.at(-1), name);
  }
});

test('http: a container with or without a trailing slash is the container', async (t) => {
  const { url } = await start(t);
  for (const path of ['c', 'c/', 'c?format=json', 'c/?x']) {
    const answer = await fetch(`${url}/object-store/v1/AUTH_p1/${path}`, { headers: member });
    t.is(answer.status, 200, path);
    t.deepEqual(await answer.json(), { container: 'c' });
    t.is(answer.headers.get('x-who'), 'u-p1');
  }
});

test('http: a route that says so has no second form with a slash', async (t) => {
  const path = (at: string, exact: boolean) =>
    route({ api: 'image', name: at, method: 'GET', path: at, exact, policy: 'public', status: 200 });
  const api = await startApi((http) => {
    http.serve(path('/v2/images', true), async () => ({ body: {} }));
    http.serve(path('/v2/tasks', false), async () => ({ body: {} }));
    http.serve(path('/v2/images/:image', false), async () => ({ body: {} }));
  });
  t.teardown(() => api.stop());
  const status = async (at: string) => (await fetch(`${api.url}/image${at}`)).status;
  t.is(await status('/v2/images'), 200);
  t.is(await status('/v2/images/'), 404);
  t.is(await status('/v2/images/x'), 200);
  t.is(await status('/v2/tasks/'), 200);
});

test('http: a route at the root of an API is served with and without its slash', async (t) => {
  for (const root of ['', '/']) {
    const at = route({
      api: 'object',
      name: 'root',
      method: 'GET',
      path: root,
      policy: 'public',
      status: 200,
    });
    const api = await startApi((http) => http.serve(at, async () => ({ body: { root } })));
    t.teardown(() => api.stop());
    for (const path of ['/object-store', '/object-store/'])
      t.is((await fetch(`${api.url}${path}`)).status, 200, `${root} at ${path}`);
    t.is((await fetch(`${api.url}/object-store/v1`)).status, 404);
  }
});

test('http: a path with a hole is not found', async (t) => {
  const { url } = await start(t);
  t.is((await fetch(`${url}/identity/v3/things//`, { headers: member })).status, 404);
  t.is((await fetch(`${url}/object-store/v1//c`, { headers: member })).status, 404);
});

test('http: bad percent-encoding is refused in the shape of the API', async (t) => {
  const { port } = await start(t);
  const ask = (path: string): Promise<string> =>
    raw(port, `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
  t.regex(await ask('/identity/v3/things/%zz'), /^HTTP\/1.1 400 [\s\S]*"error":\{"code":400/);
  t.regex(await ask('/compute/v2.1/%ff'), /^HTTP\/1.1 400 [\s\S]*"badRequest"/);
  t.regex(await ask('/object-store/v1/a/c/%c3%28'), /^HTTP\/1.1 400 [\s\S]*<html><h1>Bad Request/);
  t.regex(await ask('/%'), /^HTTP\/1.1 400 [\s\S]*"BAD_REQUEST"/);
});

test('http: an unknown path is 404 and a wrong method 405 with Allow, each in the words of its API', async (t) => {
  const { url } = await start(t);
  const unknown = await fetch(`${url}/identity/v3/nothing`);
  t.is(unknown.status, 404);
  t.like(await unknown.json(), { error: { code: 404, title: 'Not Found' } });
  t.like(await (await fetch(`${url}/compute/nothing`)).json(), { itemNotFound: { code: 404 } });
  t.like(await (await fetch(`${url}/cluster/`)).json(), { error: { code: 'NOT_FOUND' } });
  t.regex(await (await fetch(`${url}/object-store/v1`)).text(), /^<html><h1>Not Found<\/h1>/);
  const wrong = await fetch(`${url}/identity/v3/things`, { method: 'DELETE' });
  t.is(wrong.status, 405);
  t.is(wrong.headers.get('allow'), 'POST');
  t.is((await fetch(`${url}/identity/v3/things/1`, { method: 'PUT' })).headers.get('allow'), 'GET, HEAD');
  t.is((await fetch(`${url}/identity/v3/things`, { method: 'PROPFIND' })).status, 405);
});

test('http: an error of Glance can be read by its client and hides no markup', async (t) => {
  const { url } = await start(t);
  const answer = await fetch(`${url}/image/v2/images/%3Cb%3E`);
  t.is(answer.status, 404);
  t.is(answer.headers.get('content-type'), 'text/html; charset=UTF-8');
  t.regex(await answer.text(), /<h1>404 Not Found<\/h1>\n {2}No image found with ID &lt;b&gt;<br \/>/);
});

test('http: an error of the operator API carries its code and values', async (t) => {
  const { url } = await start(t);
  t.deepEqual(await (await fetch(`${url}/cluster/v1/fail`)).json(), {
    error: { code: 'CONFLICT', message: 'Cannot do it', details: { need: 2, got: 1 } },
  });
});

test('http: a bug answers 500 without a word of its inside, and the log has it under the request id', async (t) => {
  const { url, runtime } = await start(t);
  const answer = await fetch(`${url}/compute/v2.1/fail/bug`);
  t.is(answer.status, 500);
  const text = await answer.text();
  t.regex(text, /"computeFault"/);
  t.notRegex(text, /secret|at .*\.ts/);
  const record = runtime.records.find(({ level }) => level === 'error');
  t.like(record?.fields, { requestId: answer.headers.get('x-openstack-request-id') });
  t.regex(JSON.stringify(record), /secret internals/);
});

test('http: what may be tried again says when', async (t) => {
  const { url } = await start(t);
  const answer = await fetch(`${url}/compute/v2.1/fail/QUORUM_MISSED`);
  t.is(answer.status, 503);
  t.is(answer.headers.get('retry-after'), '1');
  t.like(await answer.json(), {
    serviceUnavailable: { code: 503, message: 'Cannot do <it>: QUORUM_MISSED' },
  });
});

test('http: a body is checked and the refusal names the field and the wish', async (t) => {
  const { url } = await start(t);
  const post = async (body: string | undefined, type = 'application/json'): Promise<[number, string]> => {
    const answer = await fetch(`${url}/identity/v3/things`, {
      method: 'POST',
      headers: { 'X-Auth-Token': 'admin', 'Content-Type': type },
      ...(body !== undefined && { body }),
    });
    const json = (await answer.json()) as { error?: { message: string } };
    return [answer.status, json.error?.message ?? JSON.stringify(json)];
  };
  t.deepEqual(await post('{"thing":{"name":"a","size":null}}'), [201, '{"thing":{"name":"a","size":null}}']);
  t.deepEqual(await post('{"thing":{"name":7}}'), [
    400,
    'Cannot read "thing.name" of the body: it must be string',
  ]);
  t.deepEqual(await post('{"thing":{}}'), [
    400,
    'Cannot read "thing" of the body: it needs the field "name"',
  ]);
  t.deepEqual(await post('{"thing":{"name":"a","size":"b"}}'), [
    400,
    'Cannot read "thing.size" of the body: it must be integer or must be null',
  ]);
  t.deepEqual(await post('{"thing":{"name":"a"},"z":1}'), [
    400,
    'Cannot read the body: it takes no field "z"',
  ]);
  t.deepEqual(await post(undefined), [400, 'Cannot read the body: it must be object']);
  t.regex((await post('{"thing":'))[1], /^Cannot read the body as JSON: /);
  t.is((await post('{}', 'text/plain'))[0], 415);
  t.is((await post(`{"thing":{"name":"${'a'.repeat(MiB)}"}}`))[0], 413);
  t.regex((await post(`{"thing":${'['.repeat(100)}${']'.repeat(100)}}`))[1], /nests deeper than 64/);
});

test('http: without a token 401 tells where to get one; without the role 403', async (t) => {
  const { url, port } = await start(t);
  const none = await fetch(`${url}/identity/v3/things/1`);
  t.is(none.status, 401);
  t.is(none.headers.get('www-authenticate'), `Keystone uri="http://127.0.0.1:${port}/identity"`);
  t.is((await fetch(`${url}/identity/v3/things/1`, { headers: { 'X-Auth-Token': 'forged' } })).status, 401);
  t.is(
    (await fetch(`${url}/identity/v3/things/1`, { headers: { 'X-Auth-Token': 'unscoped:u' } })).status,
    200,
  );
  t.is((await fetch(`${url}/identity/v3/things`, { method: 'POST', headers: member })).status, 403);
  const put = (token: string): Promise<Response> =>
    fetch(`${url}/object-store/v1/a/c/o`, { method: 'PUT', headers: { 'X-Auth-Token': token } });
  t.is((await put('reader:p1')).status, 403);
  t.is((await put('unscoped:u')).status, 403);
  t.is((await put('member:p1')).status, 201);
  const open = await fetch(`${url}/object-store/v1/a/c`, { headers: { 'X-Auth-Token': 'forged' } });
  t.is(open.headers.get('x-who'), 'nobody');
});

test('http: every answer has its request id, and an object answer Swift’s transaction id', async (t) => {
  const { url } = await start(t);
  const swift = await fetch(`${url}/object-store/v1/a/c`);
  t.regex(swift.headers.get('x-trans-id') ?? '', /^tx[0-9a-f]{21}-[0-9a-f]{10}$/);
  t.is(swift.headers.get('x-openstack-request-id'), swift.headers.get('x-trans-id'));
  const keystone = await fetch(`${url}/identity/no`);
  t.regex(keystone.headers.get('x-openstack-request-id') ?? '', /^req-/);
  t.is(keystone.headers.get('vary'), 'X-Auth-Token');
});

test('http: Swift’s API stands at the root too, and is called Swift’s there', async (t) => {
  const { url, seen } = await start(t);
  const put = await fetch(`${url}/v1/a/c/d/`, { method: 'PUT', headers: { 'X-Auth-Token': 'member:p1' } });
  t.is(put.status, 201);
  t.deepEqual(seen.names, ['c|d/']);
  t.regex(put.headers.get('x-trans-id') ?? '', /^tx/);
  const refused = await fetch(`${url}/v1/a/c/o`, { method: 'PUT' });
  t.is(refused.status, 401);
  t.regex(await refused.text(), /^<html><h1>Unauthorized/);
  const bad = await fetch(`${url}/v1/a/%ff`);
  t.is(bad.status, 400);
  t.regex(bad.headers.get('x-trans-id') ?? '', /^tx/);
});

test('http: names of headers leave as the API writes them', async (t) => {
  const api = await startApi((http) => {
    http.serve(showContainer, async () => ({
      headers: { 'X-Auth-Token': 'secret', ETag: 'e' },
      body: { a: 1 },
    }));
  });
  t.teardown(() => api.stop());
  const names = await new Promise<string[]>((resolve, reject) => {
    get(`${api.url}/object-store/v1/a/c`, (answer) => {
      answer.resume();
      resolve(answer.rawHeaders.filter((_name, at) => at % 2 === 0));
    }).on('error', reject);
  });
  for (const name of [
    'X-Auth-Token',
    'ETag',
    'X-Trans-Id',
    'X-Openstack-Request-Id',
    'Content-Type',
    'Content-Length',
  ])
    t.true(names.includes(name), name);
});

test('http: headers beyond ASCII leave as they are, beside any body and any other header', async (t) => {
  const name = Buffer.from('attachment; filename="påske.txt"').toString('latin1');
  const api = await startApi((http) => {
    http.serve(showContainer, async () => ({
      headers: {
        'Content-Length': '2',
        'Content-Disposition': name,
        'X-Name': name,
        'Content-Type': 'text/a',
      },
      body: 'ok',
    }));
  });
  t.teardown(() => api.stop());
  const answer = await fetch(`${api.url}/object-store/v1/a/c`);
  t.is(await answer.text(), 'ok');
  t.is(answer.headers.get('x-name'), name);
  t.is(answer.headers.get('content-disposition'), name);
});

test('http: a bounded body streams in, plain and chunked, with any content type', async (t) => {
  const { url, seen } = await start(t);
  const put = (headers: Record<string, string>, body: BodyInit): Promise<Response> =>
    fetch(`${url}/object-store/v1/a/c/o`, {
      method: 'PUT',
      headers: { ...member, ...headers },
      body,
      duplex: 'half',
    } as RequestInit);
  t.is(
    (await put({ 'Content-Type': 'no type at all' }, new Uint8Array(3 * MiB))).headers.get('etag'),
    String(3 * MiB),
  );
  const chunked = await put({}, Readable.toWeb(Readable.from(piecesOf(40, 65_000))) as ReadableStream);
  t.is(chunked.headers.get('etag'), String(40 * 65_000));
  t.deepEqual(seen.bodies, [3 * MiB, 40 * 65_000]);
});

test('http: the client is told why when its body is refused before or in the midst of it', async (t) => {
  const { url } = await start(t);
  const put = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/object-store/v1/a/c/o`, { method: 'PUT', headers, body: new Uint8Array(6 * MiB) });
  t.is((await put({})).status, 401);
  t.is((await put({ ...member, 'X-Refuse': '1' })).status, 409);
  t.is((await put({ ...member, 'X-Stop': '1' })).status, 201);
  t.is((await put(member)).status, 201);
});

test('http: a client that expects 100-continue sends its body only when it will be read', async (t) => {
  const { port } = await start(t);
  const head = (token: string): string =>
    `PUT /object-store/v1/a/c/o HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${token}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n`;
  const refused = await raw(port, `${head('forged')}\r\n`);
  t.regex(refused, /^HTTP\/1.1 401 /);
  t.regex(refused, /connection: close/i);
  const taken = await new Promise<string>((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`${head('member:p1')}Connection: close\r\n\r\n`),
    );
    socket.on('data', (piece) => {
      if (answer === '') socket.write('abc');
      answer += piece;
    });
    socket.on('close', () => resolve(answer));
  });
  t.regex(taken, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 [\s\S]*etag: 3/i);
});

test('http: another expectation than 100-continue is none', async (t) => {
  const { port } = await start(t);
  for (const expectation of ['', '200', 'x=1'])
    t.regex(
      await raw(
        port,
        `PUT /object-store/v1/a/c/o HTTP/1.1\r\nHost: h\r\nX-Auth-Token: member:p1\r\nExpect: ${expectation}\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc`,
      ),
      /^HTTP\/1.1 201 /,
      expectation,
    );
});

test('http: a client that goes away in its body throws ABORTED out of the stream', async (t) => {
  const { port, seen } = await start(t);
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(
      'PUT /object-store/v1/a/c/o HTTP/1.1\r\nHost: h\r\nX-Auth-Token: member:p1\r\nContent-Length: 100\r\n\r\nabc',
    ),
  );
  await until('the handler has it', () => seen.names.length === 1);
  socket.destroy();
  await until('its stream has ended', () => seen.ended.length === 1);
  t.is(seen.ended[0]?.code, 'ABORTED');
});

test('http: a client that stops taking a body aborts the signal and closes its source', async (t) => {
  const { port, seen } = await start(t);
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(
      'GET /object-store/v1/a/c/1000,1048576 HTTP/1.1\r\nHost: h\r\nX-Auth-Token: member:p1\r\n\r\n',
    ),
  );
  socket.once('data', () => socket.destroy());
  await until('both were told', () => seen.aborted.length === 1 && seen.returned === 1);
  t.is((seen.aborted[0] as ShoalError).code, 'ABORTED');
});

test('http: a source that fails at once is an error status, one that fails later cuts the connection', async (t) => {
  const { url } = await start(t);
  const get = (name: string): Promise<Response> =>
    fetch(`${url}/object-store/v1/a/c/${name}`, { headers: member });
  t.is((await get('3,10,0')).status, 500);
  const broken = await get('3,100000,2');
  t.is(broken.status, 200);
  await t.throwsAsync(broken.arrayBuffer());
  t.is((await (await get('3,100000')).arrayBuffer()).byteLength, 300_000);
});

test('http: HEAD gives the headers of GET without its body', async (t) => {
  const { url, port, seen } = await start(t);
  const head = await fetch(`${url}/object-store/v1/a/c/5,10`, { method: 'HEAD', headers: member });
  t.is(head.headers.get('content-length'), '50');
  t.is(seen.returned, 1);
  const json = await fetch(`${url}/identity/v3/things/1`, { method: 'HEAD', headers: member });
  t.is(json.headers.get('content-length'), String('{"id":"1","who":"u-p1"}'.length));
  const missing = await raw(port, 'HEAD /identity/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  t.true(missing.endsWith('\r\n\r\n'));
});

test('http: COPY is a method like the others', async (t) => {
  const { url } = await start(t);
  const answer = await fetch(`${url}/object-store/v1/a/c/o`, { method: 'COPY', headers: member });
  t.is(answer.status, 201);
  t.is(answer.headers.get('x-copied'), 'o');
});

test('http: links follow the Host header, and one that is no host is refused', async (t) => {
  const { port } = await start(t);
  const post = (host: string): Promise<string> =>
    raw(
      port,
      `POST /identity/v3/things HTTP/1.1\r\nHost: ${host}\r\nX-Auth-Token: admin\r\nConnection: close\r\nContent-Length: 22\r\n\r\n{"thing":{"name":"a"}}`,
    );
  t.regex(await post('cloud.example:5000'), /location: http:\/\/cloud.example:5000\/made/i);
  t.regex(await post('[::1]:80'), /location: http:\/\/\[::1\]:80\/made/i);
  t.regex(await post('evil/?x='), /^HTTP\/1.1 400 /);
});

test('http: headers that are too long or no HTTP at all end with a status', async (t) => {
  const { port } = await start(t);
  t.regex(
    await raw(port, `GET / HTTP/1.1\r\nHost: h\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`),
    /^HTTP\/1.1 431 [\s\S]*\{"error":\{"code":431,"message":"Cannot read the request: line and headers exceed/,
  );
  t.regex(await raw(port, 'hello\r\n\r\n'), /^HTTP\/1.1 400 [\s\S]*\{"error":\{"code":400,/);
  t.regex(await raw(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1.1 400 [\s\S]*"code":400/);
  const nobody = await raw(port, 'GET /identity/v3/things/1 HTTP/1.1\r\nConnection: close\r\n\r\n');
  t.regex(nobody, /^HTTP\/1.1 400 [\s\S]*without a Host header/);
});

test('http: a query that is no UTF-8 is refused, one with U+FFFD in it is not', async (t) => {
  const { url } = await start(t);
  const ask = async (query: string): Promise<number> =>
    (await fetch(`${url}/identity/v3/things/1?${query}`, { headers: member })).status;
  t.is(await ask('marker=%ff'), 400);
  t.is(await ask('%ed%a0%80=x'), 400);
  for (const fine of ['marker=%EF%BF%BD', 'marker=50%', 'marker=%zz', 'marker=%C3%BC'])
    t.is(await ask(fine), 200, fine);
});

test('http: a request is answered though what comes behind it is no HTTP, one that is broken itself is not waited for', async (t) => {
  const { port } = await start(t);
  const head = 'Host: h\r\nX-Auth-Token: member:p1\r\n';
  const whole = await raw(port, `GET /identity/v3/things/1 HTTP/1.1\r\n${head}\r\nno length was told`);
  t.regex(whole, /^HTTP\/1.1 200 OK/);
  t.regex(whole, /Connection: close/i);
  t.is(whole.split('HTTP/1.1').length, 2, 'and nothing else');
  const broken = `PUT /v1/a/c/o HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n`;
  t.regex(await raw(port, broken), /^HTTP\/1.1 400 /);
});

test('http: the panel gets every path that no API has', async (t) => {
  const { url } = await start(t);
  t.is(await (await fetch(`${url}/`)).text(), '<p></p>');
  t.is(await (await fetch(`${url}/some/page.js?x=1`)).text(), '<p>some/page.js</p>');
  t.is(await (await fetch(`${url}/metrics`)).text(), 'metrics ');
  t.is((await fetch(`${url}/some`, { method: 'POST' })).status, 405);
  t.is((await fetch(`${url}/identity/some`)).status, 404);
});

test('http: a route served twice is a bug that stops the start', async (t) => {
  await t.throwsAsync(
    startApi((http) => {
      http.serve(failHost, async () => ({}));
      http.serve(failHost, async () => ({}));
    }),
    { message: /served twice/ },
  );
});
