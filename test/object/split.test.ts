/** Containers whose rows are split over owners of their own while clients use them; docs/design/0016-split.md. */
import test, { type ExecutionContext } from 'ava';
import { mapLimit } from '../../agent/base/map-limit.ts';
import { sub } from '../../agent/store/namespace.ts';
import { listGroups } from '../../agent/table/row-store.ts';
import { fakeContent } from '../fake/content.ts';
import { type Cluster, cluster, until } from '../table/cluster.ts';
import { type Served, serveObjects } from './serve.ts';

const splitRows = 20;
const lanes = 6;

/** Hosts with real tables, each with its own API; the chunks are one fake that all see. */
const open = async (t: ExecutionContext, hosts = 3) => {
  const made = await cluster(t, { hosts, splitRows, collectAgeMs: 3_000, collectEveryMs: 100 });
  const content = fakeContent();
  const services = await Promise.all(
    made.hosts.map((host) => serveObjects(t, { tables: host.tables, content })),
  );
  const at = (index: number): Served['call'] => {
    const service = services[index % services.length];
    if (!service) throw new Error('there are some hosts');
    return service.call;
  };
  return { made, at };
};

/** Ranges of a table, wherever they are. */
const rangesOf = ({ hosts }: Cluster, table: string): string[] => [
  ...new Set(
    hosts
      .flatMap(({ keyValue }) => listGroups(sub(keyValue, 'table')))
      .flatMap(({ record }) => (record.table === table ? record.partitionKey : [])),
  ),
];
const isSplit = (made: Cluster, table: string, least: number): boolean => {
  const ranges = rangesOf(made, table);
  return ranges.length >= least && ranges.every((key) => key.includes('\0'));
};

const names = Array.from(
  { length: 90 },
  (_, index) => `${['a', 'b', 'c'][index % 3]}/${String(index).padStart(3, '0')}`,
).sort();
const lines = (all: readonly string[]): string => all.map((name) => `${name}\n`).join('');

test('a container that is split: any host lists it in pages, by prefix, by folders and backwards', async (t) => {
  const { made, at } = await open(t);
  await at(0)('PUT', '/c');
  await mapLimit(names, lanes, async (name) => {
    const { status } = await at(name.length + name.charCodeAt(4))('PUT', `/c/${name}`, { body: name });
    t.is(status, 201, name);
  });
  await until(() => isSplit(made, 'object', 4));
  for (const index of [0, 1, 2]) {
    const text = async (query: string): Promise<string> => (await at(index)('GET', `/c${query}`)).text();
    const head = await at(index)('HEAD', '/c');
    t.is(head.headers.get('x-container-object-count'), '90');
    t.is(head.headers.get('x-container-bytes-used'), String(90 * 5));
    t.is(await text(''), lines(names));
    t.is(await text('?reverse=true'), lines(names.toReversed()));
    t.is(await text('?delimiter=/'), 'a/\nb/\nc/\n');
    t.is(await text('?prefix=b/&delimiter=/'), lines(names.filter((name) => name.startsWith('b/'))));
    t.is(
      await text('?marker=a/042&end_marker=c/011'),
      lines(names.filter((n) => n > 'a/042' && n < 'c/011')),
    );
    const paged: string[] = [];
    for (let marker = ''; ; ) {
      const page = (await text(`?limit=7&marker=${marker}`)).split('\n').slice(0, -1);
      if (page.length === 0) break;
      paged.push(...page);
      marker = page.at(-1) ?? '';
    }
    t.deepEqual(paged, names);
    t.is(await (await at(index)('GET', '/c/b/046')).text(), 'b/046');
    t.is((await at(index)('GET', '/c/b/047')).status, 404);
  }
});

test('a container that is split: what is deleted and written meanwhile is so, and nothing of it stays in the end', async (t) => {
  const { made, at } = await open(t);
  await at(0)('PUT', '/c');
  const kept = new Map<string, string>();
  // Each name is written, and then every third deleted, every third written again, while ranges split.
  await mapLimit([...names.entries()], lanes, async ([index, name]) => {
    t.is((await at(index)('PUT', `/c/${name}`, { body: 'one' })).status, 201);
    if (index % 3 === 0) t.is((await at(index + 1)('DELETE', `/c/${name}`)).status, 204);
    else if (index % 3 === 1)
      t.is((await at(index + 2)('PUT', `/c/${name}`, { body: 'second' })).status, 201);
    if (index % 3 !== 0) kept.set(name, index % 3 === 1 ? 'second' : 'one');
  });
  await until(() => isSplit(made, 'object', 2));
  const weight = [...kept.values()].reduce((sum, { length }) => sum + length, 0);
  const check = async (): Promise<void> => {
    for (const index of [0, 1, 2]) {
      t.is(await (await at(index)('GET', '/c')).text(), lines([...kept.keys()].sort()));
      const { headers } = await at(index)('HEAD', '/c');
      t.is(headers.get('x-container-object-count'), String(kept.size));
      t.is(headers.get('x-container-bytes-used'), String(weight));
    }
  };
  await check();
  const tombstones = (): number =>
    made.hosts.reduce((sum, { keyValue }) => {
      const range = { from: Uint8Array.of(0x64), to: Uint8Array.of(0x65) };
      return sum + [...sub(keyValue, 'table').range(range)].length;
    }, 0);
  await until(() => tombstones() === 0);
  await check();
  for (const name of kept.keys()) t.is((await at(name.length)('DELETE', `/c/${name}`)).status, 204);
  t.is(await (await at(0)('GET', '/c')).text(), '');
  t.is((await at(1)('DELETE', '/c')).status, 204);
  await until(() => tombstones() === 0);
});

test('a container that is split: versions go with their objects, and lead to each other', async (t) => {
  const { made, at } = await open(t);
  await at(0)('PUT', '/c', { headers: { 'X-Versions-Enabled': 'true' } });
  const few = names.slice(0, 30);
  const ids = new Map<string, string[]>();
  await mapLimit(few, lanes, async (name) => {
    for (const body of ['one', 'two', 'three']) {
      const made = await at(body.length + name.length)('PUT', `/c/${name}`, { body });
      t.is(made.status, 201);
      ids.set(name, [...(ids.get(name) ?? []), made.headers.get('x-object-version-id') ?? '']);
    }
  });
  await until(() => isSplit(made, 'object/version', 4));
  for (const [index, name] of few.entries()) {
    const [first] = ids.get(name) ?? [];
    const call = at(index);
    t.is(await (await call('GET', `/c/${name}`)).text(), 'three');
    t.is(await (await call('GET', `/c/${name}?version-id=${first}`)).text(), 'one');
  }
  const listed = (await (await at(1)('GET', '/c?versions&format=json')).json()) as { name: string }[];
  t.deepEqual(
    listed.map(({ name }) => name),
    few.flatMap((name) => [name, name, name]),
  );
  t.is((await at(2)('DELETE', `/c/${few[7]}`)).status, 204);
  t.is((await at(0)('GET', `/c/${few[7]}`)).status, 404);
  t.is((await at(0)('HEAD', '/c')).headers.get('x-container-object-count'), '29');
});

test('a container that is split: a host that dies in the middle loses nothing, and comes back to what is', async (t) => {
  const { made, at } = await open(t, 4);
  await at(0)('PUT', '/c');
  const stored = new Set<string>();
  const [, , , victim] = made.hosts;
  if (!victim) return t.fail();
  await mapLimit([...names.entries()], lanes, async ([index, name]) => {
    // Ranges are being split by then: there are 30 rows, of which a range may have 20.
    if (index === 30) await made.kill(victim, { noticed: index % 2 === 0 });
    const call = at(index % 3);
    for (let tries = 0; tries < 20; tries++) {
      const { status } = await call('PUT', `/c/${name}`, { body: name });
      if (status === 201) return stored.add(name);
      if (status !== 503) return t.fail(`${name}: ${status}`);
    }
    return t.fail(`${name} was never taken`);
  });
  t.is(stored.size, names.length);
  await until(() => isSplit({ ...made, hosts: made.hosts.slice(0, 3) }, 'object', 3));
  for (const index of [0, 1, 2]) t.is(await (await at(index)('GET', '/c')).text(), lines(names));
  await made.restart(victim);
  const again = await serveObjects(t, { tables: victim.tables, content: fakeContent() });
  t.is(await (await again.call('GET', '/c')).text(), lines(names));
  t.is((await again.call('HEAD', '/c')).headers.get('x-container-object-count'), '90');
  await until(() => isSplit(made, 'object', 3));
});
