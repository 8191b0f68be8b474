import test from 'ava';
import { until } from '../until.ts';
import { cluster } from './cluster.ts';

const age = { collectAgeMs: 300, collectEveryMs: 50 };

test('overdue: deleted rows that wait for an absent owner say for whom, and no more when they are collected', async (t) => {
  const all = await cluster(t, age);
  const [a, , c] = all.hosts;
  if (!a || !c) return t.fail();
  const rows = a.tables.rows<string>({ name: 'thing' });
  for (let index = 0; index < 20; index++) await rows.put('group', String(index), 'value');
  await all.kill(c, { noticed: true });
  for (let index = 0; index < 20; index++) await rows.delete('group', String(index));
  t.is(a.tables.status().overdue, null, 'not yet');
  const overdue = await until('it is told', () => a.tables.status().overdue ?? undefined);
  t.deepEqual(overdue.absent, [c.id]);
  t.false(overdue.isUnsettled);
  t.true(overdue.forMs >= 2 * age.collectEveryMs);
  await all.restart(c);
  for (const host of all.hosts) await until('all went', () => host.tables.status().overdue === null);
});
