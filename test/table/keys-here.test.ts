import test from 'ava';
import { cluster } from './cluster.ts';

test('keys here: each owner lists the partition keys of a table that have rows, and no others', async (t) => {
  const { hosts } = await cluster(t);
  const [a, b] = hosts.map(({ tables }) => ({
    rows: tables.rows<string>({ name: 'thing' }),
    others: tables.rows<string>({ name: 'other' }),
    keys: () => Array.fromAsync(tables.keysHere('thing')),
  }));
  if (!a || !b) return t.fail();
  for (let index = 0; index < 50; index++) await a.rows.put(`key ${index}`, 'row', 'value');
  await a.others.put('another', 'row', 'value');
  await a.rows.delete('key 7', 'row');
  await a.rows.put('key 8', 'second', 'value');
  const expected = Array.from({ length: 50 }, (_, index) => `key ${index}`).filter((key) => key !== 'key 7');
  // Two of three have acknowledged each write.
  const found = new Set([...(await a.keys()), ...(await b.keys())]);
  t.deepEqual([...found].sort(), expected.sort());
});
