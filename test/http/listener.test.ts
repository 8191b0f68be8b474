/** A listener that routes by itself. */
import test from 'ava';
import { openListener } from '../../agent/http/listener.ts';
import { refuseInJson } from '../../agent/http/shape.ts';
import { ShoalError } from '../../proto/error.ts';
import { fakeRuntime } from '../fake/http.ts';

test('a listener hands on every method and path as it came, and words errors in its own shape', async (t) => {
  const listener = openListener(
    { runtime: fakeRuntime() },
    {
      listen: '127.0.0.1:0',
      part: 'test',
      async work({ raw, path, body }) {
        if (path === '/no') throw new ShoalError('NOT_FOUND', 'nothing here');
        const pieces: Uint8Array[] = [];
        for await (const piece of body.read()) pieces.push(piece);
        return { status: 200, answer: { body: `${raw.method} ${raw.url} ${Buffer.concat(pieces)}` } };
      },
      shape: (error, { path }) => ({
        status: 418,
        headers: { 'Content-Type': 'text/plain' },
        body: `${error.code} ${path}`,
      }),
      standardHeaders: (_api, requestId) => ({ 'x-test-id': requestId }),
      refuseUnreadable: refuseInJson,
    },
  );
  const { url } = await listener.start();
  t.teardown(() => listener.stop());
  const answer = await fetch(`${url}/a%2Fb//c?x=1`, { method: 'PUT', body: 'bytes' });
  t.is(await answer.json(), 'PUT /a%2Fb//c?x=1 bytes');
  t.truthy(answer.headers.get('x-test-id'));
  const refused = await fetch(`${url}/no`);
  t.is(refused.status, 418);
  t.is(await refused.text(), 'NOT_FOUND /no');
});

test('a listener that cannot listen says so, and one that stops lets go of its port', async (t) => {
  const settings = {
    part: 'test',
    refuseUnreadable: refuseInJson,
    work: async () => ({ status: 200, answer: {} }),
    shape: () => ({ status: 500 }),
    standardHeaders: () => ({}),
  };
  const first = openListener({ runtime: fakeRuntime() }, { ...settings, listen: '127.0.0.1:0' });
  const { port } = await first.start();
  const second = openListener({ runtime: fakeRuntime() }, { ...settings, listen: `127.0.0.1:${port}` });
  await t.throwsAsync(second.start(), { code: 'EADDRINUSE' });
  await first.stop();
  await second.start();
  await second.stop();
});
