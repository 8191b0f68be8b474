import test from 'ava';
import { cluster, until } from './cluster.ts';

test('keys led: each partition key of a table that has rows is listed by one host, and by the next when that is away', async (t) => {
  const { hosts } = await cluster(t, { hosts: 5 });
  const opened = hosts.map(({ id, members, tables }) => ({
    ...{ id, members },
    rows: tables.rows<string>({ name: 'thing' }),
    others: tables.rows<string>({ name: 'other' }),
    keys: () => Array.fromAsync(tables.keysLed('thing')),
  }));
  const [a, b] = opened;
  if (!a || !b) return t.fail();
  for (let index = 0; index < 50; index++) await a.rows.put(`key ${index}`, 'row', 'value');
  await a.others.put('another', 'row', 'value');
  await b.rows.delete('key 7', 'row');
  await b.rows.put('key 8', 'second', 'value');
  const expected = Array.from({ length: 50 }, (_, index) => `key ${index}`).filter((key) => key !== 'key 7');
  const listed = async (by: typeof opened): Promise<string> => {
    const keys = await Promise.all(by.map((host) => host.keys()));
    return keys.flat().sort().join();
  };
  // Two of three have acknowledged each write: the first may get it later.
  const all = expected.sort().join();
  await until(async () => (await listed(opened)) === all);
  const counts = await Promise.all(opened.map(async ({ keys }) => (await keys()).length));
  t.true(counts.filter((count) => count > 0).length > 1, counts.join());
  const [first] = opened.filter((_, index) => counts[index]);
  if (!first) return t.fail();
  for (const { members } of opened) members.set(first.id, 'dead');
  await until(async () => (await listed(opened.filter((host) => host !== first))) === all);
});
