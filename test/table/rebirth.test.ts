import test from 'ava';
import type { HostId } from '../../proto/ids.ts';
import { steadyTimers } from '../fake/steady-time.ts';
import { cluster, hostId, type TestHost, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}
const schema = { name: 'thing', weight: (row: Thing) => row.size };
const slow = { compareEveryMs: 60_000 };
const ids = (...indices: number[]) => indices.map(hostId);
const tableOf = (host: TestHost) => host.tables.rows<Thing>(schema);
const isPut = (body: unknown): boolean => JSON.stringify(body).includes('"do":"put"');

/** Six hosts, by letter. */
const open = async (...args: Parameters<typeof cluster>) => {
  const all = await cluster(...args);
  const [a, b, c, d, e, f] = all.hosts as [TestHost, TestHost, TestHost, TestHost, TestHost, TestHost];
  return { ...all, a, b, c, d, e, f };
};

test('rebirth: what an owner acknowledged before it lost its disk does not count with who was asked for copies', async (t) => {
  const { a, b, c, d, net, kill, restart } = await open(t, { hosts: 4, owners: 3, ...slow });
  const gates = new Map([a, b].map(({ id }) => [id, Promise.withResolvers<void>()]));
  net.hold = (_from, to, body) => (isPut(body) ? gates.get(to)?.promise : undefined);
  const put = tableOf(d).put('p', 'row', { size: 1 });
  const refused = t.throwsAsync(put, { code: 'QUORUM_MISSED' });
  const held = (host: TestHost): number => [...host.keyValue.range({})].length;
  const before = held(c);
  await until(() => held(c) > before);
  await kill(c);
  await restart(c, { emptyDisk: true });
  await until(() => c.tables.status().whole);
  // Now the others get it: with C as it was that is a quorum, and no later reader of A and C would find it.
  for (const gate of gates.values()) gate.resolve();
  await refused;
  t.is((await tableOf(a).get('p', 'row'))?.size, 1, 'it happened all the same, as it may');
});

test('rebirth: an owner that lost its disk keeps the promises that it can have made', async (t) => {
  const { a, b, c, d, net, kill, restart } = await open(t, { hosts: 4, owners: 3, ...slow });
  const rpc = net.rpc(d.id);
  const ask = async (to: HostId, request: unknown): Promise<unknown> => {
    const row = { table: 'register', partitionKey: 'p', sortKey: 'r' };
    const body = { layout: 1, operations: [{ do: 'register', ...row, request }] };
    const answer = (await rpc.request(to, 'table.ask', body)) as {
      answers: { value?: unknown; error?: unknown }[];
    };
    return answer.answers[0]?.value;
  };
  const ballot = (round: number) => ({ round, host: d.id, run: 7 });
  for (const { id } of [a, c])
    t.like(await ask(id, { kind: 'prepare', ballot: ballot(50) }), { kind: 'promise' });
  await kill(c);
  await restart(c, { emptyDisk: true });
  await until(() => c.tables.status().whole);
  const late = { ballot: ballot(40), value: Uint8Array.of(1), lineage: [] };
  t.like(await ask(c.id, { kind: 'accept', accepted: late, next: null }), { kind: 'conflict' });
  t.like(
    await ask(b.id, { kind: 'accept', accepted: late, next: null }),
    { kind: 'conflict' },
    'nor who was asked',
  );
  const registers = b.tables.registers<Thing>({ name: 'register' });
  await registers.change('p', 'r', () => ({ size: 2 }));
  t.is((await registers.get('p', 'r'))?.size, 2, 'and all goes on above');
});

test('rebirth: what an owner held under a layout that settles is at stake, too', async (t) => {
  const { a, d, e, f, net, layouts, kill, restart } = await open(t, { hosts: 6, owners: 3, ...slow });
  const both = [
    { version: 1, hosts: ids(0, 1, 2) },
    { version: 2, hosts: ids(3, 4, 5) },
  ];
  layouts.set(both);
  net.kill(e.id);
  await tableOf(a).put('p', 'row', { size: 1 });
  net.revive(e.id);
  await kill(f, { noticed: true });
  await kill(d, { noticed: true });
  await restart(d, { emptyDisk: true });
  await steadyTimers.sleep(200);
  t.false(
    d.tables.status().whole,
    'the owners of layout 1 are all there, but they know nothing of its votes in 2',
  );
  layouts.set(both.slice(1));
  const others = tableOf(e);
  await t.throwsAsync(others.get('p', 'row'), { code: 'QUORUM_MISSED' }, 'E missed it, and D has lost it');
  await restart(f);
  await until(() => d.tables.status().whole);
  await kill(f, { noticed: true });
  t.is((await others.get('p', 'row'))?.size, 1);
});

test('rebirth: nobody takes an owner that has not got its rows back for one that has none', async (t) => {
  const { a, b, c, d, net, layouts, kill, restart } = await open(t, { hosts: 4, owners: 3, ...slow });
  net.kill(b.id);
  await tableOf(a).put('p', 'row', { size: 1 });
  net.revive(b.id);
  await kill(c, { noticed: true });
  await kill(a, { noticed: true });
  await restart(a, { emptyDisk: true });
  layouts.set([
    { version: 1, hosts: ids(0, 1, 2) },
    { version: 2, hosts: ids(3) },
  ]);
  let isSynced = false;
  const sync = d.ring.syncers[0]?.sync(2, new AbortController().signal).then(() => {
    isSynced = true;
  });
  await steadyTimers.sleep(300);
  t.false(isSynced, 'A lost it and B never had it');
  await restart(c);
  await sync;
  layouts.set([{ version: 2, hosts: ids(3) }]);
  t.is((await tableOf(d).get('p', 'row'))?.size, 1);
});

test('rebirth: of two owners one that lost its disk has all from the other, and registers go on', async (t) => {
  const { a, b, kill, restart } = await open(t, { hosts: 2, store: 'lmdb' });
  const registers = a.tables.registers<Thing>({ name: 'register' });
  for (let index = 0; index < 50; index++) {
    await registers.change(`p${index % 5}`, `r${index % 10}`, (row) => ({ size: (row?.size ?? 0) + 1 }));
  }
  await kill(b);
  await restart(b, { emptyDisk: true });
  await until(() => b.tables.status().whole);
  const again = b.tables.registers<Thing>({ name: 'register' });
  for (let index = 0; index < 10; index++) {
    const changed = await again.change(`p${index % 5}`, `r${index}`, (row) => ({
      size: (row?.size ?? 0) + 1,
    }));
    t.is(changed?.size, 6);
  }
  await until(() => [a, b].every(({ tables }) => tables.status().rowsToHeal === 0));
  t.is((await registers.get('p3', 'r3'))?.size, 6);
});

test('rebirth: an owner that loses its disk again and again, and dies while it copies, loses nothing', async (t) => {
  const { a, b, c, kill, restart } = await open(t, slow);
  const registers = a.tables.registers<Thing>({ name: 'register' });
  const rows = tableOf(a);
  for (let index = 0; index < 20; index++) {
    await rows.put('p', `row-${index}`, { size: 1 });
    await registers.change('p', `r${index}`, () => ({ size: index }));
  }
  for (let turn = 0; turn < 4; turn++) {
    await kill(c);
    await restart(c, { emptyDisk: true });
    if (turn % 2 === 0) await until(() => c.tables.status().whole);
  }
  await until(() => c.tables.status().whole);
  await kill(a, { noticed: true });
  t.deepEqual(await tableOf(b).tally('p'), { rows: 20, weight: 20 });
  const page = await c.tables.registers<Thing>({ name: 'register' }).range('p', { limit: 50 });
  t.deepEqual(
    page.entries.map(({ row }) => row.size).sort((x, y) => x - y),
    Array.from({ length: 20 }, (_, index) => index),
  );
});
