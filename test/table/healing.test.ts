import test from 'ava';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import { rootOf } from '../../agent/table/tree.ts';
import { steadyClock } from '../fake/steady-time.ts';
import { type Cluster, cluster, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}
const schema = { name: 'thing', weight: (row: Thing) => row.size };
const roots = (keyValue: KeyValue): string[] =>
  Array.from({ length: 16 }, (_, partition) =>
    Buffer.from(rootOf(sub(keyValue, 'table'), partition)).toString('hex'),
  );
const agree = ({ hosts }: Cluster): boolean =>
  new Set(hosts.map(({ keyValue }) => roots(keyValue).join())).size === 1;

for (const store of ['memory', 'lmdb'] as const) {
  test(`healing: an owner that was away has everything seconds after its return (${store})`, async (t) => {
    const all = await cluster(t, { store });
    const [a, b, c] = all.hosts;
    if (!a || !b || !c) return t.fail();
    const rows = a.tables.rows<Thing>(schema);
    const registers = b.tables.registers<{ n: number }>({ name: 'counter' });
    const put = (from: number, to: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: to - from }, (_, index) =>
          rows.put(`p${index % 5}`, `row-${from + index}`, { size: 1 }),
        ),
      );
    await put(0, 200);
    for (let index = 0; index < 10; index++) await registers.change('q', `r${index}`, () => ({ n: 1 }));
    await until(() => agree(all));
    await all.kill(c, { noticed: true });
    await put(200, 400);
    for (let index = 0; index < 50; index++) await rows.delete(`p${index % 5}`, `row-${index}`);
    for (let index = 5; index < 15; index++) await registers.change('q', `r${index}`, () => ({ n: 2 }));
    t.false(agree(all));
    await all.restart(c);
    const start = steadyClock.monotonicMs();
    await until(() => agree(all));
    t.true(steadyClock.monotonicMs() - start < 10_000);
    await until(() => [a, b, c].every(({ tables }) => tables.status().hostsToCompare === 0));
    t.is(c.tables.status().rowsToHeal, 0);
    // What it has it has by itself: with another owner gone, its own rows decide.
    await all.kill(a, { noticed: true });
    const own = c.tables.rows<Thing>(schema);
    const tallies = await Promise.all(Array.from({ length: 5 }, (_, index) => own.tally(`p${index}`)));
    t.is(
      tallies.reduce((sum, { rows }) => sum + rows, 0),
      350,
    );
    const counters = c.tables.registers<{ n: number }>({ name: 'counter' });
    const page = await counters.range('q', { limit: 100 });
    t.deepEqual(page.entries.map(({ row }) => row.n).sort(), [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
  });
}

test('healing: the cost follows the difference, not the size of the table', async (t) => {
  const all = await cluster(t, { compareEveryMs: 60_000 });
  const [a, , c] = all.hosts;
  if (!a || !c) return t.fail();
  const rows = a.tables.rows<Thing>(schema);
  const held = (host: typeof c): number => [...host.keyValue.range({})].length;
  await Promise.all(Array.from({ length: 3_000 }, (_, index) => rows.put('p', `row-${index}`, { size: 1 })));
  // A quorum answered; the copies for C may still be on their way, and it shall miss no more than what comes next.
  await until(() => held(c) > 3_000 && held(c) === held(a));
  all.net.kill(c.id);
  for (let index = 0; index < 3; index++) await rows.put('p', `late-${index}`, { size: 1 });
  // The copy for C is sent after the others have answered: let it fail first.
  await new Promise((resolve) => setImmediate(resolve));
  all.net.revive(c.id);
  all.net.requests.clear();
  let bytes = 0;
  all.net.onRequest = (_to, body) => {
    bytes += JSON.stringify(body).length;
  };
  c.members.set(a.id, 'dead');
  c.members.set(a.id, 'alive');
  await until(() => c.tables.status().rowsPulled >= 3);
  await until(() => c.tables.status().hostsToCompare === 0);
  t.is(c.tables.status().rowsPulled, 3);
  const requests = [...all.net.requests.values()].reduce((sum, count) => sum + count, 0);
  t.true(requests <= 20, `${requests} requests for 3 of 3,000 rows`);
  t.true(bytes < 50_000, `${bytes} bytes of JSON asked, the whole table has some 500,000`);
});

test('healing: a host that lost its disk answers only after it has copied what it vouched for', async (t) => {
  const all = await cluster(t, { store: 'lmdb' });
  const [a, b, c] = all.hosts;
  if (!a || !b || !c) return t.fail();
  const rows = a.tables.rows<Thing>(schema);
  const registers = a.tables.registers<{ n: number }>({ name: 'counter' });
  // B misses this: A and C alone hold it.
  all.net.kill(b.id);
  await rows.put('p', 'row', { size: 9 });
  await registers.change('p', 'r', () => ({ n: 9 }));
  all.net.revive(b.id);
  await all.kill(c, { noticed: true });
  await all.kill(a, { noticed: true });
  await all.restart(c, { emptyDisk: true });
  const others = b.tables.rows<Thing>(schema);
  t.false(c.tables.status().whole);
  await t.throwsAsync(
    others.get('p', 'row'),
    { code: 'QUORUM_MISSED' },
    'B and an empty C must not say "no such row"',
  );
  await t.throwsAsync(b.tables.registers<{ n: number }>({ name: 'counter' }).get('p', 'r'), {
    code: 'QUORUM_MISSED',
  });
  await all.restart(a);
  await until(() => c.tables.status().whole);
  await all.kill(a, { noticed: true });
  t.is((await others.get('p', 'row'))?.size, 9);
  t.deepEqual(await c.tables.registers<{ n: number }>({ name: 'counter' }).get('p', 'r'), { n: 9 });
});
