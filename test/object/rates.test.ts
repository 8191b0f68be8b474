import test from 'ava';
import { rateBufferMs, ratedMax, rateWaitMs } from '../../agent/object/limits.ts';
import { openRates, type RateLimits } from '../../agent/object/rates.ts';
import { hasCode } from '../../proto/error.ts';
import { serveObjects } from './serve.ts';

/** Time goes on where somebody waits, and where it is told to. */
const timed = (limits: RateLimits) => {
  let nowMs = 1_000_000;
  const waits: number[] = [];
  const rates = openRates(
    {
      clock: { wallMs: () => 0, monotonicMs: () => nowMs },
      timers: {
        after: () => () => undefined,
        sleep: async (delayMs) => void waits.push(delayMs),
      },
    },
    limits,
  );
  return { rates, waits, pass: (ms: number) => (nowMs += ms) };
};
const reef = { project: 'p1', container: 'reef' };
const burst = (perSecond: number): number => (rateBufferMs / 1000) * perSecond;

test('rates: what an idle time saved goes at once, what follows waits its turn', async (t) => {
  const { rates, waits, pass } = timed({ container: 10 });
  for (let writes = 0; writes <= burst(10); writes++) await rates.take('writeObject', reef);
  t.deepEqual(waits, []);
  await rates.take('writeObject', reef);
  await rates.take('writeObject', reef);
  t.deepEqual(waits, [100, 200]);
  pass(300);
  await rates.take('writeObject', reef);
  t.is(waits.length, 2);
});

test('rates: each container has its own, each account its own, and reads have none', async (t) => {
  const { rates, waits } = timed({ account: 1, container: 1 });
  for (let writes = 0; writes <= burst(1); writes++) {
    await rates.take('writeObject', reef);
    await rates.take('writeContainer', reef);
  }
  await rates.take('writeObject', { ...reef, container: 'sand' });
  await rates.take('writeObject', { ...reef, project: 'p2' });
  await rates.take('writeContainer', { ...reef, project: 'p2' });
  await rates.take('readObject', reef);
  t.deepEqual(waits, []);
  await rates.take('writeObject', reef);
  await rates.take('writeContainer', { ...reef, container: 'another' });
  t.deepEqual(waits, [1000, 1000]);
});

test('rates: a turn that is too far off is refused and not booked', async (t) => {
  const { rates, waits, pass } = timed({ container: 1 });
  const ahead = burst(1) + rateWaitMs / 1000 + 1;
  for (let writes = 0; writes < ahead; writes++) await rates.take('writeObject', reef);
  const refused = () => rates.take('writeObject', reef);
  for (let tries = 0; tries < 3; tries++) t.true(hasCode(await t.throwsAsync(refused), 'RATE_LIMITED'));
  t.is(Math.max(...waits), rateWaitMs);
  pass(1000);
  await t.notThrowsAsync(refused);
});

test('rates: what is kept is bounded, and whoever wrote last is kept', async (t) => {
  const { rates, waits } = timed({ container: 0.1 });
  for (let at = 0; at < ratedMax; at++) {
    await rates.take('writeObject', { ...reef, container: `c${at}` });
    if (at % 50_000 === 0) await rates.take('writeObject', { ...reef, container: 'busy' });
  }
  waits.length = 0;
  await rates.take('writeObject', { ...reef, container: 'busy' });
  await rates.take('writeObject', { ...reef, container: 'c0' });
  t.is(waits.length, 1);
});

test('rates: Swift answers 498, changes nothing, and tells its limits', async (t) => {
  const { call, api } = await serveObjects(t, { rateLimits: { container: 0.001 } });
  await call('PUT', '/reef');
  t.is((await call('PUT', '/reef/first', { body: '1' })).status, 201);
  const refused = await call('PUT', '/reef/second', { body: '2' });
  t.is(refused.status, 498);
  t.is(await refused.text(), 'Slow down');
  t.is(await (await call('GET', '/reef')).text(), 'first\n');
  const info = (await (await fetch(`${api.url}/object-store/info`)).json()) as Record<string, unknown>;
  t.deepEqual(info.ratelimit, {
    account_ratelimit: 0,
    max_sleep_time_seconds: 60,
    container_ratelimits: [[0, 0.001]],
    container_listing_ratelimits: [],
  });
});

test('rates: nothing is bounded, and nothing is told, unless the operator says so', async (t) => {
  const { call, api } = await serveObjects(t);
  await call('PUT', '/reef');
  for (let at = 0; at < 20; at++) t.is((await call('PUT', `/reef/${at}`, { body: '1' })).status, 201);
  const info = (await (await fetch(`${api.url}/object-store/info`)).json()) as Record<string, unknown>;
  t.false('ratelimit' in info);
});
