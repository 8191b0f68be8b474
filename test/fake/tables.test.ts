import test from 'ava';
import { fakeTables } from './tables.ts';

test('tables: a page ends at its limit and says that there is more', async (t) => {
  const rows = fakeTables().rows<{ size: number }>({ name: 'thing', weight: (row) => row.size });
  for (const key of ['a', 'b', 'c']) await rows.put('p', key, { size: 2 });
  const page = await rows.range('p', { limit: 2 });
  t.deepEqual(
    page.entries.map((entry) => entry.sortKey),
    ['a', 'b'],
  );
  t.true(page.more);
  t.deepEqual(await rows.tally('p'), { rows: 3, weight: 6 });
});
