import test from 'ava';
import { removeExpired } from '../../agent/object/expirer.ts';
import { expiryShards } from '../../agent/object/records.ts';
import { KiB } from '../../proto/units.ts';
import { type Served, serveObjects } from './serve.ts';

const large = 'x'.repeat(20 * KiB);
const never = new AbortController().signal;

const withClock = async (t: Parameters<typeof serveObjects>[0]) => {
  let nowMs = Date.now();
  const served = await serveObjects(t, { wallMs: () => nowMs });
  await served.call('PUT', '/c');
  const pass = (seconds: number): void => {
    nowMs += seconds * 1000;
  };
  return { served, pass };
};
const put = (served: Served, name: string, seconds: number, body = large) =>
  served.call('PUT', `/c/${name}`, { body, headers: { 'X-Delete-After': String(seconds) } });
const notes = async (served: Served): Promise<number> => {
  const pages = await Promise.all(
    expiryShards.map((shard) => served.objects.records.expiry.range(shard, { limit: 1000 })),
  );
  return pages.reduce((sum, page) => sum + page.entries.length, 0);
};
const count = async (served: Served) =>
  Number((await served.call('HEAD', '/c')).headers.get('x-container-object-count'));

test('expirer: what is due is removed, its room and its note too, and nothing else', async (t) => {
  const { served, pass } = await withClock(t);
  for (let index = 0; index < 20; index++) await put(served, `due${index}`, 10, `${index}${large}`);
  await put(served, 'later', 100);
  await served.call('PUT', '/c/kept', { body: large });
  t.is(await removeExpired(served.objects, never), 0);
  pass(11);
  t.is(await count(served), 22);
  t.is(await removeExpired(served.objects, never), 20);
  t.is(await count(served), 2);
  t.is(served.content.chunks.size, 1, 'later and kept share a chunk');
  t.is(await notes(served), 1);
  pass(100);
  t.is(await removeExpired(served.objects, never), 1);
  t.is(await (await served.call('GET', '/c')).text(), 'kept\n');
  t.is(await notes(served), 0);
});

test('expirer: an object that was overwritten or given more time stays', async (t) => {
  const { served, pass } = await withClock(t);
  await put(served, 'new', 10);
  await put(served, 'longer', 10);
  await put(served, 'forever', 10);
  await served.call('PUT', '/c/new', { body: 'new' });
  await served.call('POST', '/c/longer', { headers: { 'X-Delete-After': '50' } });
  await served.call('POST', '/c/forever');
  pass(11);
  t.is(await removeExpired(served.objects, never), 0);
  t.is(await count(served), 3);
  pass(50);
  t.is(await removeExpired(served.objects, never), 1);
  t.is(await (await served.call('GET', '/c')).text(), 'forever\nnew\n');
});

test('expirer: a POST may set the time, and a container that is gone leaves nothing to do', async (t) => {
  const { served, pass } = await withClock(t);
  await served.call('PUT', '/c/o', { body: large });
  await served.call('POST', '/c/o', { headers: { 'X-Delete-After': '10' } });
  await put(served, 'p', 10);
  pass(11);
  t.is((await served.call('DELETE', '/c')).status, 204);
  t.is(served.content.chunks.size, 0);
  t.is(await removeExpired(served.objects, never), 0);
  t.is(await notes(served), 0);
});

test('expirer: many hosts at once remove each object once', async (t) => {
  const { served, pass } = await withClock(t);
  for (let index = 0; index < 12; index++) await put(served, `o${index}`, 5);
  pass(6);
  const removed = await Promise.all([1, 2, 3].map(() => removeExpired(served.objects, never)));
  t.is(
    removed.reduce((sum, one) => sum + one, 0),
    12,
  );
  t.is(await count(served), 0);
});
