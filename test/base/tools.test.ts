import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readFileIfExists, writeFileAtomic } from '../../agent/base/atomic-file.ts';
import { backoffMs } from '../../agent/base/backoff.ts';
import {
  concatBytes,
  equalBytes,
  fromBase64Url,
  fromHex,
  toBase64Url,
  toHex,
} from '../../agent/base/bytes.ts';
import { deadline } from '../../agent/base/deadline.ts';
import { mapLimit } from '../../agent/base/map-limit.ts';
import { keyedSerial, serial } from '../../agent/base/serial.ts';

const gate = () => Promise.withResolvers<void>();
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('map limit: results keep the order of the items and never more than the limit run', async (t) => {
  let running = 0;
  let most = 0;
  const results = await mapLimit([3, 1, 2, 5, 4], 2, async (item) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < item; i++) await settle();
    running--;
    return item * 10;
  });
  t.deepEqual(results, [30, 10, 20, 50, 40]);
  t.is(most, 2);
});

test('map limit: the first failure aborts the others, waits for them, and starts no more', async (t) => {
  const started: number[] = [];
  let ended = false;
  const call = mapLimit([0, 1, 2, 3], 2, async (item, _index, signal) => {
    started.push(item);
    if (item === 0) throw new Error('first');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await settle();
    ended = true;
  });
  await t.throwsAsync(call, { message: 'first' });
  t.true(ended);
  t.deepEqual(started, [0, 1]);
});

test('map limit: a source is drawn no faster than work ends, and its own failure comes out', async (t) => {
  let drawn = 0;
  let done = 0;
  const source = async function* () {
    for (;;) {
      if (++drawn > 10) throw new Error('source');
      t.true(drawn - done <= 3);
      yield drawn;
    }
  };
  await t.throwsAsync(
    mapLimit(source(), 2, async () => {
      await settle();
      done++;
    }),
    { message: 'source' },
  );
  t.is(done, 10);
});

test('map limit: a caller that aborts gets its own reason', async (t) => {
  const stop = new AbortController();
  const call = mapLimit(
    [1, 2, 3],
    1,
    async (item) => {
      if (item === 2) stop.abort(new Error('enough'));
    },
    stop.signal,
  );
  await t.throwsAsync(call, { message: 'enough' });
});

test('serial: work runs one by one in the order of asking, a failure stops nobody', async (t) => {
  const lock = serial('thing', 10);
  const seen: string[] = [];
  const first = gate();
  const a = lock.run(async () => {
    await first.promise;
    seen.push('a');
    throw new Error('a');
  });
  const b = lock.run(() => void seen.push('b'));
  await settle();
  t.deepEqual(seen, []);
  first.resolve();
  await t.throwsAsync(a, { message: 'a' });
  await b;
  t.deepEqual(seen, ['a', 'b']);
  t.true(lock.idle);
});

test('serial: a waiter that aborts leaves the queue and takes no turn, one beyond the bound is refused', async (t) => {
  const lock = serial('thing', 1);
  const first = gate();
  const stop = new AbortController();
  const a = lock.run(() => first.promise);
  const b = lock.run(() => t.fail(), stop.signal);
  await t.throwsAsync(
    lock.run(() => {}),
    { code: 'BUSY' },
  );
  stop.abort(new Error('gone'));
  await t.throwsAsync(b, { message: 'gone' });
  const c = lock.run(() => 'c');
  first.resolve();
  await a;
  t.is(await c, 'c');
});

test('keyed serial: equal keys wait for each other, others do not, and idle keys are forgotten', async (t) => {
  const locks = keyedSerial('row', 10);
  const first = gate();
  const seen: string[] = [];
  const a = locks.run('x', () => first.promise);
  const b = locks.run('x', () => void seen.push('x'));
  await locks.run('y', () => void seen.push('y'));
  t.deepEqual(seen, ['y']);
  first.resolve();
  await Promise.all([a, b]);
  t.deepEqual(seen, ['y', 'x']);
  t.is(locks.size, 0);
});

test('backoff: waits lie under a doubling bound until the cap', (t) => {
  const options = { baseMs: 10, capMs: 100, random: () => 0.5 };
  t.deepEqual(
    [0, 1, 2, 3, 4, 2000].map((attempt) => backoffMs(attempt, options)),
    [5, 10, 20, 40, 50, 50],
  );
});

test('bytes: hex and base64url come back, and what they would not write is refused', (t) => {
  const bytes = Uint8Array.of(0, 255, 62, 63);
  t.true(equalBytes(fromHex(toHex(bytes)), bytes));
  t.true(equalBytes(fromBase64Url(toBase64Url(bytes)), bytes));
  for (const bad of ['abc', 'zz', '0x']) t.throws(() => fromHex(bad), { code: 'BAD_REQUEST' });
  for (const bad of ['a', 'a+b/', 'AA==', 'AB']) t.throws(() => fromBase64Url(bad), { code: 'BAD_REQUEST' });
  t.deepEqual(concatBytes(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3));
});

test('deadline: time that is up is a TIMEOUT, a caller that aborts gives its reason', async (t) => {
  {
    using limit = deadline('wait', 1);
    await new Promise((resolve) => limit.signal.addEventListener('abort', resolve));
    t.is((limit.signal.reason as { code: string }).code, 'TIMEOUT');
  }
  const stop = new AbortController();
  using limit = deadline('wait', 60_000, stop.signal);
  stop.abort('why');
  t.is(limit.signal.reason, 'why');
});

test('atomic file: it is replaced whole with its mode, a failure leaves the old one and no litter', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-base-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'key');
  t.is(await readFileIfExists(path), undefined);
  await writeFileAtomic(path, 'old');
  await writeFileAtomic(path, 'new', { mode: 0o600 });
  t.is(await readFile(path, 'utf8'), 'new');
  t.is((await stat(path)).mode & 0o777, 0o600);
  await t.throwsAsync(writeFileAtomic(folder, 'over a folder'), { code: 'INTERNAL' });
  t.deepEqual(await readdir(folder), ['key']);
  t.deepEqual(
    (await readdir(join(folder, '..'))).filter((name) => name.startsWith(`${folder.split('/').at(-1)}.`)),
    [],
  );
});
