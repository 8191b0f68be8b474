import test, { type ExecutionContext } from 'ava';
import { mapLimit } from '../../agent/base/map-limit.ts';
import type { Syncer } from '../../agent/ring/port.ts';
import { type Cluster, cluster, hostId, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}
const schema = { name: 'thing', weight: (row: Thing) => row.size };
const rowsInAll = 3_000;
const old = { version: 1, hosts: [0, 1, 2].map(hostId) };
/** The fourth host takes over what it can. */
const joined = { version: 2, hosts: [0, 1, 2, 3].map(hostId) };

const filled = async (t: ExecutionContext): Promise<Cluster> => {
  const all = await cluster(t, { hosts: 4, owners: 3, compareEveryMs: 600_000, store: 'lmdb' });
  const rows = all.hosts[0]?.tables.rows<Thing>(schema);
  const indexes = Array.from({ length: rowsInAll }, (_, index) => index);
  await mapLimit(indexes, 200, async (index) => rows?.put(`p${index % 50}`, `${index}`, { size: 1 }));
  return all;
};
/** Rows of which the fourth host becomes an owner. */
const shareOf = (all: Cluster): number => {
  const { ring, id } = all.hosts[3] as Cluster['hosts'][0];
  const isOwned = (index: number): boolean =>
    ring
      .ownerSets(ring.partitionOf(`thing\0p${index % 50}`))
      .at(-1)
      ?.owners.includes(id) ?? false;
  return Array.from({ length: rowsInAll }, (_, index) => index).filter(isOwned).length;
};
const syncerOf = (all: Cluster): Syncer => all.hosts[3]?.ring.syncers[0] as Syncer;
/** Calls back before each fetch of rows from another host is delivered. */
const onFetch = (all: Cluster, look: (keys: number) => void): void => {
  all.net.onRequest = (_to, body) => {
    const { operations = [] } = body as { operations?: { do: string; keys?: unknown[] }[] };
    for (const { do: what, keys } of operations) if (what === 'fetch') look(keys?.length ?? 0);
  };
};

test.serial(
  'table syncer: what is left counts down to nothing and is about right from the start',
  async (t) => {
    const all = await filled(t);
    const left: number[] = [];
    onFetch(all, () => left.push(syncerOf(all).progress?.()?.rows ?? -1));
    t.is(syncerOf(all).progress?.(), undefined);
    all.layouts.set([old, joined]);
    await syncerOf(all).sync(2, new AbortController().signal);
    t.is(syncerOf(all).progress?.(), undefined, 'nothing is being fetched any more');
    const early = left.slice(Math.floor(left.length / 4), Math.floor(left.length / 2));
    const share = shareOf(all);
    t.true(Math.max(...early) < 1.5 * share, `${Math.max(...early)} of some ${share}`);
    t.true(Math.max(...early) > share / 4, `${Math.max(...early)} of some ${share}`);
    t.true((left.at(-1) ?? share) < share / 4);
  },
);

test.serial('table syncer: one whose process was killed goes on where it was', async (t) => {
  const all = await filled(t);
  const stop = new AbortController();
  let fetched = 0;
  onFetch(all, (keys) => {
    fetched += keys;
    if (fetched > 900) stop.abort();
  });
  all.layouts.set([old, joined]);
  await t.throwsAsync(syncerOf(all).sync(2, stop.signal));
  const newcomer = all.hosts[3];
  if (!newcomer) throw new Error('no newcomer');
  await all.kill(newcomer);
  await all.restart(newcomer);
  await until(() => newcomer.tables.status().whole);
  let again = 0;
  onFetch(all, (keys) => {
    again += keys;
  });
  await syncerOf(all).sync(2, new AbortController().signal);
  const share = shareOf(all);
  t.true(again < share - 500, `fetched ${fetched}, then ${again}, of ${share}`);
});

test.serial('table syncer: what a host holds is told about right', async (t) => {
  const all = await filled(t);
  const held = all.hosts[0]?.ring.syncers[0]?.held?.().rows ?? 0;
  t.true(Math.abs(held - rowsInAll) < 0.05 * rowsInAll, `${held}`);
});

test.serial(
  'anti-entropy: what a version that settles gives to a new owner is left to its sync',
  async (t) => {
    const all = await cluster(t, { hosts: 4, owners: 3, compareEveryMs: 5 });
    const rows = all.hosts[0]?.tables.rows<Thing>(schema);
    for (let index = 0; index < 50; index++) await rows?.put(`p${index}`, 'row', { size: 1 });
    all.layouts.set([old, joined]);
    await until(() => all.hosts.every(({ tables }) => tables.status().hostsToCompare === 0));
    const { rowsPulled, rowsPushed } = all.hosts[3]?.tables.status() ?? {};
    t.deepEqual([rowsPulled, rowsPushed], [0, 0]);
    t.is(all.hosts[3]?.ring.syncers[0]?.held?.().rows, 0);
    all.layouts.set([joined]);
    await until(() => (all.hosts[3]?.tables.status().rowsPulled ?? 0) > 0);
  },
);
