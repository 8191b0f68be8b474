import test from 'ava';
import { sub } from '../../agent/store/namespace.ts';
import { readCutoff } from '../../agent/table/cutoff.ts';
import { encodeSortKey, placeFinder } from '../../agent/table/keys.ts';
import { readRow } from '../../agent/table/row-store.ts';
import { oldestTombstone } from '../../agent/table/tombstones.ts';
import { steadyTimers } from '../fake/steady-time.ts';
import { type Cluster, cluster, hostId, type TestHost, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}
const quick = { collectAgeMs: 300, collectEveryMs: 50 };
const schema = { name: 'thing', weight: (row: Thing) => row.size };
const openAll = (all: Cluster) => all.hosts.map(({ tables }) => tables.rows<Thing>(schema));
const at = <T>(list: readonly T[], index: number): T => list[index] as T;
const ids = (...indices: number[]) => indices.map(hostId);
const never = new AbortController().signal;

/** Keys in a host's store that begin so: r rows, g groups, d tombstones. */
const keysOf = ({ keyValue }: TestHost, kind: string): number => {
  const from = Uint8Array.of(kind.charCodeAt(0));
  const to = Uint8Array.of(kind.charCodeAt(0) + 1);
  return [...sub(keyValue, 'table').range({ from, to })].length;
};
/** Of rows alone: registers of collection stay. */
const holds = (host: TestHost, sortKey: string): boolean => {
  const place = placeFinder(host.ring)(schema.name, 'p');
  return readRow(sub(host.keyValue, 'table'), place, encodeSortKey(sortKey)) !== undefined;
};
const cutoffOf = (host: TestHost): number =>
  readCutoff(sub(host.keyValue, 'table'), placeFinder(host.ring)(schema.name, 'p').partition).cutoff;

/** What a host that was stopped in the middle of it sends when it goes on. */
const putLate = (all: Cluster, to: TestHost, from: TestHost, sortKey: string, wallMs: number) =>
  all.net.rpc(from.id).request(to.id, 'table.ask', {
    layout: all.hosts[0]?.ring.newest,
    operations: [
      {
        ...{ do: 'put', table: schema.name, partitionKey: 'p', sortKey, weight: 1, repair: false },
        stamp: { wallMs, count: 0, host: from.id },
        value: Uint8Array.of(1),
      },
    ],
  }) as Promise<{ answers: [{ error?: { code: string }; value?: { kind: string } }] }>;

test('collection: a deleted row leaves nothing at any owner, and no name of its group', async (t) => {
  const all = await cluster(t, quick);
  const rows = openAll(all);
  await at(rows, 0).put('p', 'stays', { size: 1 });
  for (let index = 0; index < 50; index++) await at(rows, index % 3).put(`q${index}`, 'row', { size: 1 });
  for (let index = 0; index < 50; index++) await at(rows, index % 3).delete(`q${index}`, 'row');
  t.true(all.hosts.some((host) => keysOf(host, 'd') > 0));
  await until(() => all.hosts.every((host) => keysOf(host, 'd') === 0));
  for (const host of all.hosts) {
    const place = placeFinder(host.ring)(schema.name, 'q7');
    t.is(readRow(sub(host.keyValue, 'table'), place, encodeSortKey('row')), undefined);
    t.true(keysOf(host, 'g') <= 1 + 16, 'what stays, and the registers of the partitions');
  }
  t.deepEqual(await at(rows, 1).get('p', 'stays'), { size: 1 });
  t.deepEqual(await at(rows, 2).tally('q7'), { rows: 0, weight: 0 });
  await at(rows, 2).put('q7', 'row', { size: 5 });
  t.deepEqual(await at(rows, 1).tally('q7'), { rows: 1, weight: 5 }, 'and the name can be used again');
});

test('collection: a tombstone waits for the owner that is away, and goes when it is back', async (t) => {
  const all = await cluster(t, quick);
  const rows = openAll(all);
  await at(rows, 0).put('p', 'row', { size: 1 });
  await until(() => all.hosts.every((host) => holds(host, 'row')));
  await all.kill(at(all.hosts, 2));
  await at(rows, 0).delete('p', 'row');
  // That nothing happens has no state to wait for: some looks of the collector, each of which would have taken it.
  await steadyTimers.sleep(4 * quick.collectAgeMs);
  const store = sub(at(all.hosts, 0).keyValue, 'table');
  const { partition } = placeFinder(at(all.hosts, 0).ring)(schema.name, 'p');
  t.not(oldestTombstone(store, partition, Number.MAX_SAFE_INTEGER), undefined, 'still there');
  await all.restart(at(all.hosts, 2));
  await until(() => all.hosts.every((host) => !holds(host, 'row')));
  t.is(await at(rows, 0).get('p', 'row'), undefined);
});

test('collection: a put that comes after what deleted it was collected is refused, a new one is not', async (t) => {
  const all = await cluster(t, quick);
  const [x, y] = [at(all.hosts, 0), at(all.hosts, 1)];
  const rows = openAll(all);
  const beganMs = Date.now();
  await at(rows, 0).put('p', 'row', { size: 1 });
  await at(rows, 0).delete('p', 'row');
  await until(() => all.hosts.every((host) => cutoffOf(host) > 0 && !holds(host, 'row')));
  const { answers } = await putLate(all, x, y, 'row', beganMs - 1000);
  t.is(answers[0].error?.code, 'BUSY');
  const other = await putLate(all, x, y, 'never deleted', beganMs - 1000);
  t.is(other.answers[0].error?.code, 'BUSY', 'nobody can tell it from one that was');
  t.is(await at(rows, 1).get('p', 'row'), undefined);
  // A clock that lags by an hour is no reason to refuse: stamps go above the cutoff.
  for (const host of all.hosts) host.skewMs = -3_600_000;
  await at(rows, 2).put('p', 'row', { size: 2 });
  t.deepEqual(await at(rows, 1).get('p', 'row'), { size: 2 });
});

test('collection: an owner of the past that comes back with its old disk brings no row back', async (t) => {
  const all = await cluster(t, { ...quick, hosts: 4, owners: 3, compareEveryMs: 60_000 });
  const rows = openAll(all);
  const past = at(all.hosts, 2);
  for (const key of ['gone', 'kept', 'written over']) await at(rows, 0).put('p', key, { size: 1 });
  await until(() => holds(past, 'written over'));
  all.net.kill(past.id);
  all.layouts.set([{ version: 2, hosts: ids(0, 1, 3) }]);
  for (const host of all.hosts) host.tables.heal();
  await until(() => holds(at(all.hosts, 3), 'gone'));
  await at(rows, 0).delete('p', 'gone');
  await at(rows, 0).put('p', 'written over', { size: 7 });
  await until(() => [0, 1, 3].every((index) => !holds(at(all.hosts, index), 'gone')));
  t.true(holds(past, 'gone'), 'it has not heard of it');

  all.net.revive(past.id);
  const both = [
    { version: 2, hosts: ids(0, 1, 3) },
    { version: 3, hosts: ids(1, 2, 3) },
  ];
  all.layouts.set(both);
  t.is(await at(rows, 0).get('p', 'gone'), undefined, 'while it has not copied yet');
  t.deepEqual(
    (await at(rows, 2).range('p', { limit: 10 })).entries.map(({ sortKey }) => sortKey),
    ['kept', 'written over'],
  );
  for (const host of all.hosts.slice(1)) await at(host.ring.syncers, 0).sync(3, never);
  all.layouts.set(both.slice(1));
  t.false(holds(past, 'gone'));
  t.is(cutoffOf(past), cutoffOf(at(all.hosts, 3)), 'it refuses late puts of it as well');
  t.deepEqual(await at(rows, 2).get('p', 'written over'), { size: 7 });
  t.deepEqual(await at(rows, 2).get('p', 'kept'), { size: 1 });
});

test('collection: an owner that lost its disk knows again what is gone', async (t) => {
  const all = await cluster(t, quick);
  const rows = openAll(all);
  await at(rows, 0).put('p', 'row', { size: 1 });
  await at(rows, 0).delete('p', 'row');
  await until(() => all.hosts.every((host) => cutoffOf(host) > 0));
  const wiped = at(all.hosts, 2);
  await all.kill(wiped);
  await all.restart(wiped, { emptyDisk: true });
  await until(() => wiped.tables.status().whole);
  t.true(cutoffOf(wiped) > 0);
  const { answers } = await putLate(all, wiped, at(all.hosts, 0), 'row', cutoffOf(wiped) - 1);
  t.is(answers[0].error?.code, 'BUSY');
});

test('collection: nobody takes a fence of the future, or one of a host that owns nothing there', async (t) => {
  const all = await cluster(t, { hosts: 4, owners: 3 });
  const [x, y] = all.hosts as [TestHost, TestHost];
  const { partition } = placeFinder(x.ring)(schema.name, 'p');
  const fence = { layout: 1, upTo: Date.now() + 60_000, isOld: false };
  const state = { epoch: 1, decided: 0, cutoff: 0 };
  const body = { layout: 1, operations: [{ do: 'collect', partition, state, fence }] };
  const asked = (from: TestHost) => all.net.rpc(from.id).request(y.id, 'table.ask', body);
  t.like(await asked(x), { answers: [{ value: { stands: false } }] });
  t.like(await asked(at(all.hosts, 3)), { answers: [{ error: { code: 'BUSY' } }] });
  await at(openAll(all), 0).put('p', 'row', { size: 1 });
  await until(() => holds(y, 'row'));
});

test('collection: a round that died after its fences ends with the next layout, and nothing waits for it', async (t) => {
  const all = await cluster(t, { hosts: 4, owners: 3, collectEveryMs: 50 });
  const rows = openAll(all);
  const [x, y, z] = all.hosts as [TestHost, TestHost, TestHost];
  await at(rows, 0).put('p', 'row', { size: 1 });
  await until(() => [x, y, z].every((host) => holds(host, 'row')));
  const { partition } = placeFinder(x.ring)(schema.name, 'p');
  const upTo = Date.now();
  for (const to of [y, z]) {
    const fence = { layout: 1, upTo, isOld: false };
    const state = { epoch: 1, decided: 0, cutoff: 0 };
    const answer = await all.net.rpc(x.id).request(to.id, 'table.ask', {
      ...{ layout: 1, operations: [{ do: 'collect', partition, state, fence }] },
    });
    t.like(answer as object, { answers: [{ value: { stands: true } }] });
  }
  const late = () => putLate(all, y, x, 'late', upTo - 5).then(({ answers }) => answers[0]);
  t.is((await late()).error?.code, 'BUSY', 'a fence stands while its round may be decided');
  await at(rows, 1).put('p', 'new', { size: 1 });
  t.deepEqual(await at(rows, 2).get('p', 'new'), { size: 1 }, 'what is new goes above it');
  all.layouts.set([
    { version: 1, hosts: ids(0, 1, 2) },
    { version: 2, hosts: ids(0, 1, 3) },
  ]);
  await at(at(all.hosts, 3).ring.syncers, 0).sync(2, never);
  t.true(holds(at(all.hosts, 3), 'row'));
  await until(async () => (await late()).value?.kind === 'held');
  t.is(cutoffOf(y), 0, 'it was not decided');
});
