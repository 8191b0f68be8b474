import test from 'ava';
import { steadyTimers } from '../fake/steady-time.ts';
import { cluster, hostId, until } from './cluster.ts';
import { layouts, testRing } from './network.ts';

interface Thing {
  readonly size: number;
}
const schema = { name: 'thing', weight: (row: Thing) => row.size };
const ids = (...indices: number[]) => indices.map(hostId);
const never = new AbortController().signal;

test('layouts: while two versions live, a write needs a quorum of each', async (t) => {
  const all = await cluster(t, { hosts: 6, owners: 3, compareEveryMs: 60_000 });
  const rows = all.hosts.map(({ tables }) => tables.rows<Thing>(schema));
  const registers = all.hosts.map(({ tables }) => tables.registers<Thing>({ name: 'register' }));
  const both = [
    { version: 1, hosts: ids(0, 1, 2) },
    { version: 2, hosts: ids(3, 4, 5) },
  ];
  all.layouts.set(both);
  await rows[0]?.put('p', 'row', { size: 1 });
  await registers[4]?.change('p', 'r', () => ({ size: 1 }));
  all.layouts.set(both.slice(0, 1));
  t.is((await rows[5]?.get('p', 'row'))?.size, 1, 'the old owners alone know it');
  t.is((await registers[5]?.get('p', 'r'))?.size, 1);
  all.layouts.set(both.slice(1));
  t.is((await rows[0]?.get('p', 'row'))?.size, 1, 'and so do the new ones');
  t.is((await registers[0]?.get('p', 'r'))?.size, 1);

  all.layouts.set(both);
  for (const [first, second] of [
    [0, 1],
    [3, 4],
  ]) {
    const [x, y] = [all.hosts[first ?? 0], all.hosts[second ?? 0]];
    if (!x || !y) return t.fail();
    all.net.kill(x.id);
    await rows[2]?.put('p', 'row', { size: 2 });
    all.net.kill(y.id);
    await t.throwsAsync(rows[2]?.put('p', 'row', { size: 3 }) ?? Promise.resolve(), {
      code: 'QUORUM_MISSED',
    });
    await t.throwsAsync(registers[2]?.change('p', 'r', () => ({ size: 3 })) ?? Promise.resolve(), {
      code: 'QUORUM_MISSED',
    });
    all.net.revive(x.id);
    all.net.revive(y.id);
  }
});

test('layouts: a new owner has everything before its sync resolves', async (t) => {
  const all = await cluster(t, { hosts: 6, owners: 3, compareEveryMs: 60_000, store: 'lmdb' });
  const rows = all.hosts.map(({ tables }) => tables.rows<Thing>(schema));
  const registers = all.hosts.map(({ tables }) => tables.registers<Thing>({ name: 'register' }));
  const [first] = rows;
  // Each write misses another one of the owners: no single old owner has everything.
  for (let index = 0; index < 60; index++) {
    const away = hostId(1 + (index % 2));
    all.net.kill(away);
    await first?.put(`p${index % 7}`, `row-${index}`, { size: 1 });
    if (index % 5 === 4) await first?.delete(`p${(index - 4) % 7}`, `row-${index - 4}`);
    await registers[0]?.change('q', `r${index % 10}`, (row) => ({ size: (row?.size ?? 0) + 1 }));
    all.net.revive(away);
  }
  const both = [
    { version: 1, hosts: ids(0, 1, 2) },
    { version: 2, hosts: ids(3, 4, 5) },
  ];
  all.layouts.set(both);
  all.net.kill(hostId(0));
  const joining = all.hosts.slice(3);
  const syncing = Promise.all(joining.map(({ ring }) => ring.syncers[0]?.sync(2, never)));
  let synced = false;
  void syncing.then(() => {
    synced = true;
  });
  // With one old owner away the other two are a quorum. These writes go on meanwhile, to both versions.
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => rows[4]?.put('meanwhile', `${index}`, { size: 1 })),
  );
  await until(() => synced);
  await syncing;
  all.layouts.set(both.slice(1));
  for (const id of ids(1, 2)) all.net.kill(id);
  for (const table of rows.slice(3)) {
    const tallies = await Promise.all(Array.from({ length: 7 }, (_, index) => table.tally(`p${index}`)));
    t.is(
      tallies.reduce((sum, { rows: count }) => sum + count, 0),
      48,
    );
    t.deepEqual(await table.tally('meanwhile'), { rows: 20, weight: 20 });
    t.is(await table.get('p0', 'row-0'), undefined, 'what was deleted stays so');
  }
  for (const table of registers.slice(3)) {
    const page = await table.range('q', { limit: 20 });
    t.deepEqual(
      page.entries.map(({ row }) => row.size),
      Array.from({ length: 10 }, () => 6),
    );
  }
});

test('layouts: a sync that cannot reach a quorum of the old owners waits for it', async (t) => {
  const all = await cluster(t, { hosts: 4, owners: 3, compareEveryMs: 60_000 });
  await all.hosts[0]?.tables.rows<Thing>(schema).put('p', 'row', { size: 1 });
  for (const id of ids(0, 1)) all.net.kill(id);
  all.layouts.set([
    { version: 1, hosts: ids(0, 1, 2) },
    { version: 2, hosts: ids(1, 2, 3) },
  ]);
  let synced = false;
  const stop = new AbortController();
  const syncing = all.hosts[3]?.ring.syncers[0]?.sync(2, stop.signal).then(() => {
    synced = true;
  });
  await steadyTimers.sleep(300);
  t.false(synced);
  all.net.revive(hostId(0));
  await syncing;
  t.true(synced);
  stop.abort();
  const given = all.hosts[3]?.ring.syncers[0]?.sync(2, stop.signal) ?? Promise.resolve();
  await t.throwsAsync(given, { name: 'AbortError' });
});

test('layouts: a host with a layout of the past is refused, learns the new one and tries again', async (t) => {
  const all = await cluster(t, { hosts: 4, owners: 3 });
  const late = all.hosts[3];
  const first = all.hosts[0];
  if (!late || !first) return t.fail();
  // Host 3 lives in a world of its own, in which layout 1 with owners 0 to 2 still stands.
  const old = layouts(all.layouts.versions);
  Object.defineProperties(late.ring, Object.getOwnPropertyDescriptors(testRing(late.id, old)));
  const rows = late.tables.rows<Thing>(schema);
  const registers = late.tables.registers<Thing>({ name: 'register' });
  await rows.put('p', 'row', { size: 1 });
  all.layouts.set([{ version: 2, hosts: ids(0, 1, 2) }]);
  const put = rows.put('p', 'row', { size: 2 });
  const change = registers.change('p', 'r', () => ({ size: 2 }));
  await steadyTimers.sleep(100);
  old.set(all.layouts.versions);
  await put;
  await change;
  t.is((await first.tables.rows<Thing>(schema).get('p', 'row'))?.size, 2);
  t.is((await first.tables.registers<Thing>({ name: 'register' }).get('p', 'r'))?.size, 2);
});
