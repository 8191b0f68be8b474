import test from 'ava';
import { conformTables } from '../conform/tables.ts';
import { fakeTables } from '../fake/tables.ts';
import { cluster } from './cluster.ts';

/** The fake is one host that everybody talks to; a schema is opened once there as well. */
conformTables(test, 'fake tables', async () => {
  const tables = fakeTables();
  const opened = new Map<string, unknown>();
  const once = <T>(name: string, open: () => T): T => {
    if (!opened.has(name)) opened.set(name, open());
    return opened.get(name) as T;
  };
  const shared = {
    rows: <Row>(schema: Parameters<typeof tables.rows<Row>>[0]) =>
      once(schema.name, () => tables.rows<Row>(schema)),
    registers: <Row>(schema: { readonly name: string }) =>
      once(schema.name, () => tables.registers<Row>(schema)),
  };
  return [shared, shared, shared];
});

conformTables(test, 'three hosts in memory', async (t) =>
  (await cluster(t)).hosts.map(({ tables }) => tables),
);

conformTables(test, 'three hosts on lmdb', async (t) =>
  (await cluster(t, { store: 'lmdb' })).hosts.map(({ tables }) => tables),
);

conformTables(test, 'five hosts, slow and doubling network', async (t) => {
  const { hosts, net } = await cluster(t, { hosts: 5 });
  net.weather.delayMs = 3;
  net.weather.doubles = 0.3;
  return hosts.map(({ tables }) => tables);
});

conformTables(test, 'one host alone', async (t) =>
  (await cluster(t, { hosts: 1 })).hosts.map(({ tables }) => tables),
);
