/** What every `Bulk` must do. */
import { createHash } from 'node:crypto';
import type { ExecutionContext, TestFn } from 'ava';
import type { Bulk } from '../../agent/peer/port.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { MiB } from '../../proto/units.ts';

export interface BulkMember {
  readonly self: HostId;
  readonly bulk: Bulk;
}
/** Two that reach each other; anew for each test. */
export type BulkPair = (t: ExecutionContext) => Promise<{ readonly a: BulkMember; readonly b: BulkMember }>;

export const collect = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
};

async function* pattern(pieces: number): AsyncIterable<Uint8Array> {
  for (let n = 0; n < pieces; n++) yield new Uint8Array(MiB).fill(n);
}

export const conformBulk = (test: TestFn, name: string, open: BulkPair): void => {
  test(`${name}: method, path, headers and body arrive, and so does the answer`, async (t) => {
    const { a, b } = await open(t);
    b.bulk.serve('chunk', async ({ from, method, path, headers, body }) => ({
      headers: { 'x-seen': JSON.stringify([from, method, path, headers['x-epoch']]) },
      body: await collect(body),
    }));
    const answer = await a.bulk.request(b.self, 'PUT', 'chunk/a b/c%d', {
      headers: { 'x-epoch': '7' },
      body: new Uint8Array([1, 2, 3]),
    });
    t.deepEqual(JSON.parse(answer.headers['x-seen'] ?? ''), [a.self, 'PUT', 'a b/c%d', '7']);
    t.deepEqual([...(await collect(answer.body))], [1, 2, 3]);
  });

  test(`${name}: 64 MiB stream both ways, byte for byte`, async (t) => {
    const { a, b } = await open(t);
    const size = 64 * MiB;
    const expected = createHash('sha256');
    for await (const piece of pattern(64)) expected.update(piece);
    const digest = expected.digest('hex');
    b.bulk.serve('up', async ({ body }) => {
      const hash = createHash('sha256');
      let length = 0;
      for await (const piece of body) {
        hash.update(piece);
        length += piece.length;
      }
      return { headers: { 'x-got': `${length} ${hash.digest('hex')}` } };
    });
    b.bulk.serve('down', async () => ({ body: pattern(64) }));
    const up = await a.bulk.request(b.self, 'PUT', 'up/x', { body: pattern(64) });
    await collect(up.body);
    t.is(up.headers['x-got'], `${size} ${digest}`);
    const down = await a.bulk.request(b.self, 'GET', 'down/x');
    const hash = createHash('sha256');
    for await (const piece of down.body) hash.update(piece);
    t.is(hash.digest('hex'), digest);
  });

  test(`${name}: a body goes straight into a buffer, where it fits, and the connection serves the next one`, async (t) => {
    const { a, b } = await open(t);
    const buffer = Buffer.alloc(4 * MiB);
    const filled: (number | string)[] = [];
    b.bulk.serve('fill', async ({ body }) => {
      await Promise.resolve(body.fill?.(buffer) ?? collect(body).then((all) => all.copy(buffer))).then(
        (length) => filled.push(length, createHash('md5').update(buffer.subarray(0, length)).digest('hex')),
      );
      return {};
    });
    for (const length of [0, 1, 70_000, 4 * MiB]) {
      const bytes = Buffer.alloc(length, `bytes of ${length}`);
      const { body } = await a.bulk.request(b.self, 'PUT', 'fill/x', { body: bytes });
      await collect(body);
      t.deepEqual(filled.splice(0), [length, createHash('md5').update(bytes).digest('hex')]);
    }
    b.bulk.serve('short', async ({ body }) => {
      await (body.fill?.(Buffer.alloc(100)) ?? Promise.reject(new ShoalError('TOO_LARGE', 'it is')));
      return {};
    });
    const error = await t.throwsAsync(
      a.bulk.request(b.self, 'PUT', 'short/x', { body: new Uint8Array(MiB) }),
      { instanceOf: ShoalError },
    );
    t.is(error?.code, 'TOO_LARGE');
  });

  test(`${name}: a body that breaks off is none to who wants it in a buffer`, async (t) => {
    const { a, b } = await open(t);
    const seen = Promise.withResolvers<unknown>();
    b.bulk.serve('cut', async ({ body }) => {
      const filling = body.fill?.(Buffer.alloc(4 * MiB)) ?? collect(body);
      await filling.then(seen.resolve, seen.resolve);
      return {};
    });
    const source = async function* () {
      yield new Uint8Array(MiB);
      throw new ShoalError('UNPROCESSABLE', 'the client lied');
    };
    await t.throwsAsync(a.bulk.request(b.self, 'PUT', 'cut/x', { body: source() }));
    t.true((await seen.promise) instanceof ShoalError);
  });

  test(`${name}: a reader that waits makes the sender wait`, async (t) => {
    const { a, b } = await open(t);
    let sent = 0;
    b.bulk.serve('slow', async () => ({
      body: (async function* () {
        for (; sent < 512; sent++) yield new Uint8Array(MiB);
      })(),
    }));
    const answer = await a.bulk.request(b.self, 'GET', 'slow/x');
    const iterator = answer.body[Symbol.asyncIterator]();
    await iterator.next();
    let before = -1;
    // The sender has stopped when a while passes without progress.
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    t.true(sent < 100, `${sent} MiB were sent to a reader that does not read`);
    await iterator.return?.();
  });

  test(`${name}: an error of the handler travels with its code and details`, async (t) => {
    const { a, b } = await open(t);
    b.bulk.serve('full', async () => {
      throw new ShoalError('DISK_FULL', 'Cannot store chunk: full', { details: { free: 0 } });
    });
    const error = await t.throwsAsync(
      a.bulk.request(b.self, 'PUT', 'full/x', { body: new Uint8Array(4 * MiB) }),
      { instanceOf: ShoalError },
    );
    t.is(error?.code, 'DISK_FULL');
    t.deepEqual(error?.details, { free: 0 });
  });

  test(`${name}: what is not served, or not yet, is another answer than what is not found`, async (t) => {
    const { a, b } = await open(t);
    for (const to of [a.self, b.self]) {
      const early = await t.throwsAsync(a.bulk.request(to, 'GET', 'thing/x'), { instanceOf: ShoalError });
      t.is(early?.code, 'NOT_IMPLEMENTED');
    }
    b.bulk.serve('thing', async () => {
      throw new ShoalError('NOT_FOUND', 'Cannot find it');
    });
    const absent = await t.throwsAsync(a.bulk.request(b.self, 'GET', 'thing/x'), { instanceOf: ShoalError });
    t.is(absent?.code, 'NOT_FOUND');
  });

  test(`${name}: an answer that breaks off is an error to its reader, never a short good one`, async (t) => {
    const { a, b } = await open(t);
    b.bulk.serve('broken', async () => ({
      body: (async function* () {
        yield new Uint8Array(MiB);
        throw new Error('the disk died');
      })(),
    }));
    const error = await t.throwsAsync(
      (async () => collect((await a.bulk.request(b.self, 'GET', 'broken/x')).body))(),
    );
    t.truthy(error);
  });

  test(`${name}: an upload whose source fails gives the source's error, and its receiver an early end`, async (t) => {
    const { a, b } = await open(t);
    const seen = Promise.withResolvers<unknown>();
    b.bulk.serve('cut', async ({ body }) => {
      await collect(body).then(seen.resolve, seen.resolve);
      return {};
    });
    const source = async function* () {
      yield new Uint8Array(MiB);
      throw new ShoalError('UNPROCESSABLE', 'the client lied');
    };
    const error = await t.throwsAsync(a.bulk.request(b.self, 'PUT', 'cut/x', { body: source() }), {
      instanceOf: ShoalError,
    });
    t.is(error?.code, 'UNPROCESSABLE');
    t.true((await seen.promise) instanceof Error);
  });

  test(`${name}: a caller that aborts gets its own reason, and the handler is told to stop`, async (t) => {
    const { a, b } = await open(t);
    const started = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    b.bulk.serve('hang', ({ signal }) => {
      started.resolve();
      signal.addEventListener('abort', () => stopped.resolve());
      return new Promise(() => {});
    });
    const stop = new AbortController();
    const request = a.bulk.request(b.self, 'GET', 'hang/x', { signal: stop.signal });
    await started.promise;
    stop.abort(new Error('enough'));
    await t.throwsAsync(request, { message: 'enough' });
    await stopped.promise;
  });
};
