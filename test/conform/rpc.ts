/** What every `Rpc` must do, whatever carries it. */
import type { ExecutionContext, TestFn } from 'ava';
import type { Rpc } from '../../agent/peer/port.ts';
import { ShoalError } from '../../proto/error.ts';

/** Two that reach each other; anew for each test. */
export type RpcPair = (t: ExecutionContext) => Promise<{ readonly a: Rpc; readonly b: Rpc }>;

export const conformRpc = (test: TestFn, name: string, open: RpcPair): void => {
  test(`${name}: an answer comes back to the one who asked, and the handler knows who that was`, async (t) => {
    const { a, b } = await open(t);
    b.handle('test.who', (from, body) => ({ from, body }));
    const body = { text: 'ä', list: [1, null, true], bytes: new Uint8Array([0, 255]) };
    const answer = (await a.request(b.self, 'test.who', body)) as { from: string; body: typeof body };
    t.is(answer.from, a.self);
    t.deepEqual({ ...answer.body, bytes: Uint8Array.from(answer.body.bytes) }, body);
  });

  test(`${name}: a request to oneself calls the own handler`, async (t) => {
    const { a } = await open(t);
    a.handle('test.self', (from) => from);
    t.is(await a.request(a.self, 'test.self', null), a.self);
  });

  test(`${name}: a thousand requests are in flight at once and each gets its own answer`, async (t) => {
    const { a, b } = await open(t);
    const all = Promise.withResolvers<void>();
    let inFlight = 0;
    b.handle('test.double', async (_from, body) => {
      if (++inFlight === 1_000) all.resolve();
      await all.promise;
      return Number(body) * 2;
    });
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => a.request(b.self, 'test.double', n, { timeoutMs: 30_000 })),
    );
    t.deepEqual(
      answers,
      Array.from({ length: 1_000 }, (_, n) => n * 2),
    );
  });

  test(`${name}: an error of the handler travels with its code, message and details`, async (t) => {
    const { a, b } = await open(t);
    b.handle('test.refuse', () => {
      throw new ShoalError('NO_CAPACITY', 'Cannot place "x": full', { details: { free: 3 } });
    });
    for (const to of [b.self]) {
      const error = await t.throwsAsync(a.request(to, 'test.refuse', null), { instanceOf: ShoalError });
      t.is(error?.code, 'NO_CAPACITY');
      t.is(error?.message, 'Cannot place "x": full');
      t.deepEqual(error?.details, { free: 3 });
    }
  });

  test(`${name}: a bug in a handler is INTERNAL to the caller and tells nothing of its inside`, async (t) => {
    const { a, b } = await open(t);
    b.handle('test.bug', () => {
      throw new TypeError('secret path /etc');
    });
    const error = await t.throwsAsync(a.request(b.self, 'test.bug', null), { instanceOf: ShoalError });
    t.is(error?.code, 'INTERNAL');
    t.false(error?.message.includes('secret'));
  });

  test(`${name}: an unknown method is refused`, async (t) => {
    const { a, b } = await open(t);
    await t.throwsAsync(a.request(b.self, 'test.none', null), { instanceOf: ShoalError });
    await t.throwsAsync(a.request(a.self, 'test.none', null), { instanceOf: ShoalError });
  });

  test(`${name}: no answer in time is TIMEOUT, and the handler is told to stop`, async (t) => {
    const { a, b } = await open(t);
    const stopped = Promise.withResolvers<void>();
    b.handle('test.hang', (_from, _body, signal) => {
      signal.addEventListener('abort', () => stopped.resolve());
      return new Promise(() => {});
    });
    const error = await t.throwsAsync(a.request(b.self, 'test.hang', null, { timeoutMs: 100 }), {
      instanceOf: ShoalError,
    });
    t.is(error?.code, 'TIMEOUT');
    await stopped.promise;
    t.pass();
  });

  test(`${name}: a caller that aborts gets its own reason, and the handler is told to stop`, async (t) => {
    const { a, b } = await open(t);
    const started = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    b.handle('test.hang', (_from, _body, signal) => {
      started.resolve();
      signal.addEventListener('abort', () => stopped.resolve());
      return new Promise(() => {});
    });
    const stop = new AbortController();
    const request = a.request(b.self, 'test.hang', null, { signal: stop.signal });
    await started.promise;
    stop.abort(new Error('enough'));
    await t.throwsAsync(request, { message: 'enough' });
    await stopped.promise;
    await t.throwsAsync(
      a.request(b.self, 'test.hang', null, { signal: AbortSignal.abort(new Error('no')) }),
      {
        message: 'no',
      },
    );
  });

  test(`${name}: a notification arrives and none of its errors comes back`, async (t) => {
    const { a, b } = await open(t);
    const heard = Promise.withResolvers<unknown>();
    b.handle('test.note', (_from, body) => {
      heard.resolve(body);
      throw new Error('nobody hears this');
    });
    a.notify(b.self, 'test.note', 'hi');
    a.notify(b.self, 'test.none', 'hi');
    t.is(await heard.promise, 'hi');
  });
};
