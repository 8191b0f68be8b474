import { connect } from 'node:net';
import test from 'ava';
import { Type } from 'typebox';
import { route } from '../../proto/rest/route.ts';
import { fakeRuntime, startApi } from '../fake/http.ts';
import { until } from '../until.ts';

const put = route({
  api: 'object',
  name: 'put',
  method: 'PUT',
  path: '/v1/:name',
  policy: 'public',
  status: 201,
});
const wait = route({
  api: 'cluster',
  name: 'wait',
  method: 'GET',
  path: '/v1/wait',
  policy: 'public',
  status: 200,
});
const post = route({
  api: 'identity',
  name: 'post',
  method: 'POST',
  path: '/v3/things',
  policy: 'public',
  body: Type.Object({}),
  status: 200,
});

/** Time that runs a thousand times faster: a minute's patience is 60 ms. */
const hasty = (): ReturnType<typeof fakeRuntime> => {
  const runtime = fakeRuntime();
  return {
    ...runtime,
    clock: { wallMs: () => Date.now(), monotonicMs: () => runtime.clock.monotonicMs() * 1000 },
    timers: { ...runtime.timers, after: (delayMs, work) => runtime.timers.after(delayMs / 1000, work) },
  };
};

/** A connection that says `head` and then a letter every now and then. */
const drip = (port: number, head: string, everyMs: number): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(head));
    // The first letter is due after the head has left.
    const timer = setInterval(() => !socket.connecting && socket.write(' '), everyMs);
    socket.on('data', (piece) => {
      answer += piece;
      socket.destroy();
    });
    socket.on('close', () => {
      clearInterval(timer);
      resolve(answer);
    });
  });

test('limits: a client that stops in the midst of a body is told so', async (t) => {
  const api = await startApi(
    (http) =>
      http.serve(put, async ({ stream }) => {
        for await (const _ of stream);
        return {};
      }),
    { runtime: hasty() },
  );
  t.teardown(() => api.stop());
  const answer = await drip(
    api.port,
    'PUT /object-store/v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\nabc',
    10_000,
  );
  t.regex(answer, /^HTTP\/1.1 408 [\s\S]*sender is too slow/);
});

test('limits: a JSON body that drips has a time for the whole of it', async (t) => {
  const api = await startApi((http) => http.serve(post, async () => ({})), { runtime: hasty() });
  t.teardown(() => api.stop());
  const answer = await drip(
    api.port,
    'POST /identity/v3/things HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n{',
    5,
  );
  t.regex(answer, /^HTTP\/1.1 408 /);
});

test('limits: one request more than may be in work is answered 503, in the shape of its API, and the next is taken', async (t) => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let inWork = 0;
  const api = await startApi(
    (http) => {
      http.serve(wait, async () => {
        inWork += 1;
        await released;
        return { body: {} };
      });
      http.serve(post, async () => ({ body: {} }));
    },
    { requestsMax: 2 },
  );
  t.teardown(() => api.stop());
  const waiting = [fetch(`${api.url}/cluster/v1/wait`), fetch(`${api.url}/cluster/v1/wait`)];
  await until('both are in work', () => inWork === 2);
  const ask = () =>
    fetch(`${api.url}/identity/v3/things`, {
      method: 'POST',
      body: '{}',
      headers: { 'Content-Type': 'application/json' },
    });
  const busy = await ask();
  t.is(busy.status, 503);
  t.is(busy.headers.get('retry-after'), '1');
  t.like(await busy.json(), { error: { code: 503 } });
  release();
  await Promise.all(waiting);
  t.is((await ask()).status, 200);
});

test('limits: a stop lets a request in work end and takes no new one', async (t) => {
  let inWork = 0;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const api = await startApi((http) =>
    http.serve(wait, async () => {
      inWork += 1;
      await released;
      return { body: { done: true } };
    }),
  );
  const answer = fetch(`${api.url}/cluster/v1/wait`);
  await until('it is in work', () => inWork === 1);
  const stopped = api.stop();
  await t.throwsAsync(fetch(`${api.url}/cluster/v1/wait`));
  release();
  t.deepEqual(await (await answer).json(), { done: true });
  await stopped;
});

test('limits: a stop cuts off what does not end', async (t) => {
  let inWork = 0;
  const api = await startApi(
    (http) =>
      http.serve(wait, ({ signal }) => {
        inWork += 1;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }),
    { runtime: hasty() },
  );
  const answer = t.throwsAsync(fetch(`${api.url}/cluster/v1/wait`));
  await until('it is in work', () => inWork === 1);
  await api.stop();
  await answer;
});
