import test from 'ava';
import type { Static } from 'typebox';
import { alongMax } from '../../proto/message/row.ts';
import type { BatchAnswer } from '../../proto/message/table.ts';
import { cluster, hostId, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}
const keys = Array.from({ length: 30 }, (_, index) => `row-${index}`);
const broughtBy = (key: string): string[] =>
  Array.from({ length: alongMax }, (_, index) => `${key}/${index}`);

const open = async (...args: Parameters<typeof cluster>) => {
  const c = await cluster(...args);
  const families = c.hosts.map(({ tables }) => ({
    main: tables.rows<Thing>({ name: 'thing' }),
    sub: tables.rows<Thing>({ name: 'thing/sub' }),
  }));
  const put = async (host: number, key: string, size: number): Promise<void> => {
    const family = families[host];
    if (!family) throw new Error(`no host ${host}`);
    const stamp = (await family.main.getForPut('p', key)).stamp();
    const along = broughtBy(key).map((each) => family.sub.companion(each, { size }));
    await family.main.putAt('p', key, { size }, stamp, along);
  };
  const asker = c.net.rpc(hostId(9));
  /** What this owner has on its own disk at one moment: of each key the row, and what it brings. */
  const held = async (host: number) => {
    const get = (table: string, sortKey: string) => ({
      ...{ do: 'get', table, partitionKey: 'p', sortKey, value: false },
    });
    const operations = keys.flatMap((key) => [
      get('thing', key),
      ...broughtBy(key).map((each) => get('thing/sub', each)),
    ]);
    const { answers } = (await asker.request(hostId(host), 'table.ask', { layout: 1, operations })) as Static<
      typeof BatchAnswer
    >;
    const has = answers.map((one) => 'value' in one && (one.value as { row: unknown }).row !== null);
    return keys.map((key, index) => {
      const [row, ...brought] = has.slice(index * (1 + alongMax), (index + 1) * (1 + alongMax));
      return { key, row, brought: brought.filter(Boolean).length };
    });
  };
  return { ...c, families, put, held };
};

test('companions: an owner that was away never has a row without what it brings along', async (t) => {
  const { hosts, put, held, kill, restart } = await open(t, { compareEveryMs: 20 });
  const [, , away] = hosts;
  if (!away) return t.fail();
  await kill(away, { noticed: true });
  for (const key of keys) await put(0, key, 1);
  await restart(away);
  await until(async () => {
    const rows = await held(2);
    for (const { key, row, brought } of rows)
      if (row && brought < alongMax) t.fail(`${key} came with ${brought} of ${alongMax}`);
    return rows.every(({ row }) => row);
  });
  t.pass();
});

test('companions: a reader that mends a row mends what it brings along', async (t) => {
  const { families, net, put, held } = await open(t, { compareEveryMs: 60_000 });
  await put(0, 'row-0', 1);
  // The next put reaches one owner alone.
  let reached = 0;
  net.onRequest = (_to, body) => {
    const { operations } = body as { operations: { do: string }[] };
    if (operations.some((operation) => operation.do === 'put')) throw new Error('lost');
    reached++;
  };
  await t.throwsAsync(put(0, 'row-1', 2), { code: 'QUORUM_MISSED' });
  net.onRequest = () => {};
  const seen = await families[0]?.main.get('p', 'row-1');
  t.deepEqual(seen, { size: 2 });
  const holders = [];
  for (const host of [0, 1, 2]) {
    const { row, brought } = (await held(host)).find(({ key }) => key === 'row-1') ?? {};
    if (!row) continue;
    holders.push(host);
    t.is(brought, alongMax);
  }
  t.true(holders.length >= 2);
  t.true(reached > 0);
});
