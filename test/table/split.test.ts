/** Ranges that split on real hosts; docs/design/0016-split.md. What crashes and races do to it is the simulator's scenario `split`. */
import test from 'ava';
import { mapLimit } from '../../agent/base/map-limit.ts';
import { sub } from '../../agent/store/namespace.ts';
import { copyPageRows } from '../../agent/table/limits.ts';
import type { TableRange } from '../../agent/table/port.ts';
import { listGroups } from '../../agent/table/row-store.ts';
import { walkRows } from '../../agent/table/walk-rows.ts';
import { type ClusterOptions, cluster, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}

const open = async (t: Parameters<typeof cluster>[0], options: ClusterOptions) => {
  const c = await cluster(t, options);
  const tables = c.hosts.map(({ tables: each }) => ({
    main: each.rows<Thing>({ name: 'thing', weight: ({ size }) => size, splits: true }),
    sub: each.rows<Thing>({ name: 'thing/sub', splits: true }),
  }));
  const groupsOf = (host: (typeof c.hosts)[number]) =>
    listGroups(sub(host.keyValue, 'table')).map(({ record }) => record);
  /** Partition keys under which a host has rows of a table. */
  const rangesOn = (host: (typeof c.hosts)[number], table = 'thing'): string[] =>
    groupsOf(host)
      .filter((record) => record.table === table)
      .map(({ partitionKey }) => partitionKey);
  const isSplit = (ranges: number): boolean =>
    c.hosts.every((host) => {
      const own = rangesOn(host);
      return own.length >= ranges && !own.includes('p');
    });
  return { ...c, of: tables, rangesOn, groupsOf, isSplit };
};

const names = Array.from({ length: 60 }, (_, index) => `name-${String(index).padStart(4, '0')}`);

test('split: a group that grows is split by itself, and every host lists, reads and counts it as before', async (t) => {
  const { of, isSplit, groupsOf, hosts } = await open(t, { splitRows: 15 });
  const [a, b, c] = of;
  if (!a || !b || !c) return t.fail();
  for (const [index, name] of names.entries())
    await [a, b, c][index % 3]?.main.put('p', name, { size: index });
  await until(() => isSplit(4));
  const weight = (names.length * (names.length - 1)) / 2;
  for (const { main } of of) {
    t.deepEqual(await main.tally('p'), { rows: names.length, weight });
    const listed: string[] = [];
    for await (const { sortKey } of walkRows(main, 'p', { limit: 17 })) listed.push(sortKey);
    t.deepEqual(listed, names);
    t.deepEqual(await main.get('p', 'name-0047'), { size: 47 });
    t.is(await main.get('p', 'name-0047x'), undefined);
  }
  // Every range is one that a range should be, on each owner.
  await until(() => hosts.every((host) => groupsOf(host).every(({ rows }) => rows <= 15)));
});

test('split: a page goes over the ends of ranges in either direction, within its bounds', async (t) => {
  const { of, isSplit } = await open(t, { splitRows: 15 });
  const main = of[0]?.main;
  if (!main) return t.fail();
  await mapLimit(names, 16, (name) => main.put('p', name, { size: 1 }));
  await until(() => isSplit(4));
  const wishes: TableRange[] = [
    { limit: 1_000 },
    { limit: 1_000, reverse: true },
    { limit: 100, prefix: 'name-00' },
    { limit: 100, prefix: 'name-00', reverse: true },
    { limit: 30, after: 'name-0020' },
    { limit: 30, after: 'name-0050', reverse: true },
    { limit: 100, after: 'name-0010', before: 'name-0055' },
    { limit: 100, after: 'name-0055', before: 'name-0010', reverse: true },
    { limit: 100, after: 'zzz' },
    { limit: 100, before: 'a' },
    { limit: 60 },
    { limit: 59, reverse: true },
  ];
  for (const wish of wishes) {
    const { after, before, prefix, reverse } = wish;
    const [low, high] = reverse ? [before, after] : [after, before];
    const inside = names.filter(
      (name) =>
        (low === undefined || name > low) &&
        (high === undefined || name < high) &&
        name.startsWith(prefix ?? ''),
    );
    const expected = reverse ? inside.toReversed() : inside;
    const page = await main.range('p', wish);
    t.deepEqual(
      page.entries.map(({ sortKey }) => sortKey),
      expected.slice(0, wish.limit),
      JSON.stringify(wish),
    );
    t.is(page.more, expected.length > wish.limit, JSON.stringify(wish));
  }
});

test('split: a range that is written faster than it is copied closes when the rush is over', async (t) => {
  const { of, isSplit, rangesOn, hosts } = await open(t, { splitRows: 15, closeRowsMax: 0 });
  const main = of[0]?.main;
  if (!main) return t.fail();
  let count = 0;
  const isStarted = (): boolean =>
    hosts.some((host) => rangesOn(host).some((partitionKey) => partitionKey !== 'p'));
  // Its heirs have had rows for a while, and there is no pass that finds nothing new.
  for (let rounds = 0; rounds < 40; rounds += isStarted() ? 1 : 0)
    await mapLimit(Array(16).keys(), 16, () => main.put('p', `name-${count++}`, { size: 1 }));
  t.true(hosts.every((host) => rangesOn(host).includes('p')));
  t.is((await main.tally('p')).rows, count);
  await until(() => isSplit(2));
  t.is((await main.tally('p')).rows, count);
});

test('split: what was deleted stays so, and what a row brings along is where the row is', async (t) => {
  const { of, isSplit, rangesOn, hosts } = await open(t, { splitRows: 15 });
  const [a, b] = of;
  if (!a || !b) return t.fail();
  const bring = async (name: string, size: number): Promise<void> => {
    const stamp = (await a.main.getForPut('p', name)).stamp();
    await a.main.putAt('p', name, { size }, stamp, [a.sub.companion(`${name}\u0000${size}`, { size })]);
  };
  for (const name of names) await bring(name, 1);
  for (const name of names.filter((_, index) => index % 3 === 0)) await b.main.delete('p', name);
  await until(() => isSplit(3));
  for (const { main, sub: brought } of of) {
    t.is((await main.tally('p')).rows, 40);
    t.is((await brought.tally('p')).rows, names.length);
    t.is(await main.get('p', 'name-0003'), undefined);
    const page = await brought.range('p', { prefix: 'name-0050\u0000', limit: 10 });
    t.deepEqual(
      page.entries.map(({ row }) => row.size),
      [1],
    );
  }
  await bring('name-0050', 2);
  t.is((await b.sub.range('p', { prefix: 'name-0050\u0000', limit: 10 })).entries.length, 2);
  await until(() => hosts.every((host) => !rangesOn(host, 'thing/sub').includes('p')));
  await t.throwsAsync(
    async () => {
      const stamp = (await a.main.getForPut('p', 'name-0001')).stamp();
      await a.main.putAt('p', 'name-0001', { size: 1 }, stamp, [a.sub.companion('elsewhere', { size: 1 })]);
    },
    { code: 'BAD_REQUEST' },
  );
});

test('split: an owner that was away drops the range that is gone, and brings nothing of it back', async (t) => {
  const { of, hosts, isSplit, rangesOn, kill, restart } = await open(t, {
    splitRows: 15,
    compareEveryMs: 20,
  });
  const [first, , away] = hosts;
  const main = of[0]?.main;
  if (!main || !away || !first) return t.fail();
  const early = names.slice(0, 15);
  await mapLimit(early, 8, (name) => main.put('p', name, { size: 1 }));
  await until(() => rangesOn(away).includes('p') && away.tables.status().rowsToHeal === 0);
  await kill(away, { noticed: true });
  await mapLimit(names.slice(15), 8, (name) => main.put('p', name, { size: 1 }));
  await until(() => !rangesOn(first).includes('p'));
  await main.delete('p', 'name-0000');
  await restart(away);
  const again = away.tables.rows<Thing>({ name: 'thing', weight: ({ size }) => size, splits: true });
  away.tables.rows<Thing>({ name: 'thing/sub', splits: true });
  t.is(await again.get('p', 'name-0000'), undefined);
  await until(() => isSplit(4));
  t.is((await again.tally('p')).rows, names.length - 1);
  t.is(rangesOn(first).includes('p'), false);
});

test('split: what was written before anything split is split by the agents that come after', async (t) => {
  const c = await cluster(t, { splitRows: 15, store: 'lmdb' });
  const schema = { name: 'thing', weight: ({ size }: Thing) => size };
  const before = c.hosts.map(({ tables }) => tables.rows<Thing>(schema));
  await mapLimit(names, 16, (name) => before[0]?.put('p', name, { size: 1 }) ?? Promise.reject());
  for (const name of names.slice(0, 10)) await before[1]?.delete('p', name);
  for (const host of c.hosts) {
    await c.kill(host);
    await c.restart(host);
  }
  const after = c.hosts.map(({ tables }) => tables.rows<Thing>({ ...schema, splits: true }));
  await until(() =>
    c.hosts.every(({ keyValue }) => {
      const own = listGroups(sub(keyValue, 'table')).filter(({ record }) => record.table === 'thing');
      return own.length >= 4 && own.every(({ record }) => record.partitionKey !== 'p' && record.rows <= 15);
    }),
  );
  for (const rows of after) {
    const { entries } = await rows.range('p', { limit: 100 });
    t.deepEqual(
      entries.map(({ sortKey }) => sortKey),
      names.slice(10),
    );
    t.deepEqual(await rows.tally('p'), { rows: 50, weight: 50 });
  }
});

test('split: a write whose stamp is older than what was collected in the old range is refused by its heirs', async (t) => {
  const { of, isSplit, hosts } = await open(t, {
    ...{ splitRows: 15, collectAgeMs: 300, collectEveryMs: 50, compareEveryMs: 20 },
  });
  const [a, b] = of;
  if (!a || !b) return t.fail();
  const late = await a.main.getForPut('p', 'name-0000');
  const stamp = late.stamp();
  await b.main.put('p', 'name-0000', { size: 7 });
  await b.main.delete('p', 'name-0000');
  await until(() =>
    hosts.every(({ keyValue }) => {
      const range = { from: Uint8Array.of(0x64), to: Uint8Array.of(0x65) };
      return [...sub(keyValue, 'table').range(range)].length === 0;
    }),
  );
  await mapLimit(names.slice(1), 8, (name) => b.main.put('p', name, { size: 1 }));
  await until(() => isSplit(4));
  await t.throwsAsync(a.main.putAt('p', 'name-0000', { size: 7 }, stamp), { code: 'BUSY' });
  t.is(await a.main.get('p', 'name-0000'), undefined);
  await a.main.put('p', 'name-0000', { size: 8 });
  t.deepEqual(await b.main.get('p', 'name-0000'), { size: 8 });
});

test('split: a host of another version keeps all others from splitting, until it is as they are', async (t) => {
  const { of, hosts, isSplit, rangesOn } = await open(t, { splitRows: 15 });
  const [first, , third] = hosts;
  const main = of[0]?.main;
  if (!main || !first || !third) return t.fail();
  const tell = (version: string): void => {
    for (const host of hosts)
      for (const other of hosts) host.members.set(other.id, 'alive', other === third ? version : '0.2.0');
  };
  tell('0.1.0');
  await mapLimit(names, 8, (name) => main.put('p', name, { size: 1 }));
  await until(() => hosts.every((host) => host.tables.status().rowsToHeal === 0));
  // Owners look every 20 ms.
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const host of hosts) t.deepEqual(rangesOn(host), ['p']);
  tell('0.2.0');
  await until(() => isSplit(4));
});

test('split: a range of several pages is copied whole while it is written', async (t) => {
  t.timeout(180_000);
  const rows = 2 * copyPageRows + 500;
  const { of, isSplit } = await open(t, { splitRows: rows - 200 });
  const [a, b] = of;
  if (!a || !b) return t.fail();
  const many = Array.from({ length: rows }, (_, index) => String(index).padStart(6, '0'));
  await mapLimit(many, 256, (name) => a.main.put('p', name, { size: 1 }));
  let isDone = false;
  let last = 0;
  const writing = (async () => {
    for (; !isDone; last++) await b.main.put('p', many[(last * 613) % rows] ?? '', { size: 2 });
  })();
  await until(() => isSplit(2));
  isDone = true;
  await writing;
  const twice = new Set(Array.from({ length: last }, (_, index) => (index * 613) % rows)).size;
  t.deepEqual(await a.main.tally('p'), { rows, weight: rows + twice });
});
