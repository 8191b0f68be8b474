import test from 'ava';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { steadyClock, steadyTimers } from '../fake/steady-time.ts';
import { cluster, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}
const weight = (row: Thing): number => row.size;
const minuteMs = 60_000;

const open = async (...args: Parameters<typeof cluster>) => {
  const c = await cluster(...args);
  const rows = c.hosts.map(({ tables }) => tables.rows<Thing>({ name: 'thing', weight }));
  const [a, b, d] = rows;
  const [hostA, hostB, hostC] = c.hosts;
  if (!a || !b || !d || !hostA || !hostB || !hostC) throw new Error('three hosts at least');
  return { ...c, rows, a, b, c: d, hostA, hostB, hostC };
};

/** Everyone but the host that is asked answers which stamp stands, and refuses the write that follows. */
const refusePuts = (_to: HostId, body: unknown): void => {
  if (JSON.stringify(body).includes('"do":"put"')) throw new ShoalError('UNREACHABLE', 'gone meanwhile');
};

test('rows: the later write wins even where its host has the earlier clock', async (t) => {
  const { rows, hosts } = await open(t);
  for (const [index, host] of hosts.entries()) host.skewMs = [10 * minuteMs, -10 * minuteMs, 0][index] ?? 0;
  for (let turn = 0; turn < 12; turn++) {
    await rows[turn % 3]?.put('p', 'row', { size: turn });
    t.is((await rows[(turn + 2) % 3]?.get('p', 'row'))?.size, turn);
  }
  await rows[1]?.delete('p', 'row');
  t.is(await rows[0]?.get('p', 'row'), undefined);
});

test('rows: with one owner just killed and nobody aware of it, all goes on at once', async (t) => {
  const { a, b, kill, hostC, net } = await open(t);
  await Promise.all(Array.from({ length: 50 }, (_, index) => a.put('p', `row-${index}`, { size: 1 })));
  await kill(hostC);
  net.revive(hostC.id);
  net.silent.add(hostC.id);
  const start = steadyClock.monotonicMs();
  await a.put('p', 'new', { size: 5 });
  t.is((await b.get('p', 'new'))?.size, 5);
  t.is((await a.range('p', { limit: 100 })).entries.length, 51);
  t.deepEqual(await b.tally('p'), { rows: 51, weight: 55 });
  await b.delete('p', 'new');
  t.is(await a.get('p', 'new'), undefined);
  const tookMs = steadyClock.monotonicMs() - start;
  t.true(tookMs < 2_000, `${tookMs} ms; no step waited for the silent host's timeout of 3 s`);
});

test('rows: without a quorum nothing is acknowledged, and all is well when it is back', async (t) => {
  const { a, kill, restart, net, hostB, hostC } = await open(t);
  await a.put('p', 'row', { size: 1 });
  net.onRequest = refusePuts;
  await t.throwsAsync(a.put('p', 'row', { size: 2 }), { code: 'QUORUM_MISSED' });
  net.onRequest = () => {};
  await kill(hostB);
  await kill(hostC);
  await t.throwsAsync(a.put('p', 'row', { size: 3 }), { code: 'QUORUM_MISSED' });
  await t.throwsAsync(a.get('p', 'row'), { code: 'QUORUM_MISSED' });
  await t.throwsAsync(a.range('p', { limit: 1 }), { code: 'QUORUM_MISSED' });
  await restart(hostB);
  const seen = await a.get('p', 'row');
  t.is(seen?.size, 2, 'this unacknowledged write is on the host that was asked, and reading it completes it');
  await kill(hostB);
  await restart(hostC);
  t.is((await a.get('p', 'row'))?.size, 2);
});

test('rows: a write that is slow shows its value once, and not again over a later one', async (t) => {
  const { a, b, c, net, hostA, hostB, hostC } = await open(t, { compareEveryMs: 60_000 });
  await a.put('p', 'row', { size: 1 });
  // A's write is on A alone at first; C, which has nobody else to ask, reads it; B outdoes it; and only then its
  // last messages arrive.
  const written = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<void>();
  net.hold = (from, to, body) => {
    if (from === hostA.id && JSON.stringify(body).includes('"do":"put"')) return written.promise;
    return from === hostC.id && to === hostB.id ? seen.promise : undefined;
  };
  const slow = a.put('p', 'row', { size: 2 });
  // Too late for its caller on a busy machine: what is tested is what it leaves behind.
  const settled = slow.catch((thrown) => t.is(thrown.code, 'QUORUM_MISSED'));
  await until(async () => (await c.get('p', 'row'))?.size === 2);
  seen.resolve();
  await b.put('p', 'row', { size: 3 });
  written.resolve();
  await settled;
  for (const rows of [a, b, c]) t.is((await rows.get('p', 'row'))?.size, 3);
});

test('rows: what one read has seen every later read sees', async (t) => {
  const { a, b, c, net, hosts, hostA, hostC } = await open(t, { compareEveryMs: 60_000 });
  await a.put('p', 'row', { size: 1 });
  // Only host A gets this write; its acknowledgement never comes about.
  net.onRequest = refusePuts;
  await t.throwsAsync(a.put('p', 'row', { size: 2 }), { code: 'QUORUM_MISSED' });
  net.onRequest = () => {};
  net.kill(hostC.id);
  const seen = await a.get('p', 'row');
  net.revive(hostC.id);
  net.kill(hostA.id);
  for (const rows of [b, c]) t.deepEqual(await rows.get('p', 'row'), seen);
  t.is(hosts.length, 3);
});

test('rows: ranges agree with reads where the owners do not agree with each other', async (t) => {
  const { a, b, c, net, hostC } = await open(t, { compareEveryMs: 60_000 });
  const key = (index: number): string => `row-${String(index).padStart(3, '0')}`;
  const wish = new Map<string, number>();
  for (let index = 0; index < 60; index++) {
    await a.put('p', key(index), { size: 1 });
    wish.set(key(index), 1);
  }
  net.kill(hostC.id);
  for (let index = 0; index < 60; index += 3) {
    await b.put('p', key(index), { size: 2 });
    wish.set(key(index), 2);
    await a.delete('p', key(index + 1));
    wish.delete(key(index + 1));
    await a.put('p', `${key(index)}+`, { size: 3 });
    wish.set(`${key(index)}+`, 3);
  }
  net.revive(hostC.id);
  const sorted = [...wish].sort(([x], [y]) => (x < y ? -1 : 1));
  for (const reverse of [false, true])
    for (const rows of [c, a, b]) {
      const found: [string, number][] = [];
      for (let more = true; more; ) {
        const last = found.at(-1)?.[0];
        const page = await rows.range('p', {
          limit: 7,
          reverse,
          ...(last === undefined ? {} : { after: last }),
        });
        t.is(page.entries.length === 7 || !page.more, true);
        found.push(...page.entries.map(({ sortKey, row }): [string, number] => [sortKey, row.size]));
        more = page.more;
      }
      t.deepEqual(found, reverse ? sorted.toReversed() : sorted);
    }
});

test('rows: pages are whole where every owner has missed something else', async (t) => {
  const { rows, net, hosts } = await open(t, { compareEveryMs: 60_000 });
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const wish = new Map<string, number>();
  for (let index = 0; index < 1_000; index++) {
    const key = `row-${String(random(180)).padStart(3, '0')}`;
    const away = hosts[random(3)];
    const [asked] = rows.filter((_, host) => hosts[host] !== away);
    if (away) net.kill(away.id);
    if (random(3) === 0) {
      await asked?.delete('p', key);
      wish.delete(key);
    } else {
      await asked?.put('p', key, { size: index });
      wish.set(key, index);
    }
    await new Promise((resolve) => setImmediate(resolve));
    if (away) net.revive(away.id);
  }
  const sorted = [...wish].sort(([x], [y]) => (x < y ? -1 : 1));
  for (const [turn, limit] of [3, 5, 11].entries())
    for (const reverse of [false, true]) {
      // Listing settles the rows, so each way of asking gets its own stretch of them.
      const bound = (stretch: number): string => `row-${String((stretch + 1) * 29).padStart(3, '0')}-`;
      const stretch = turn * 2 + Number(reverse);
      const [low, high] = [bound(stretch - 1), bound(stretch)];
      const found: [string, number][] = [];
      for (let more = true; more; ) {
        const after = found.at(-1)?.[0] ?? (reverse ? high : low);
        const page = await rows[turn]?.range('p', { limit, reverse, after, before: reverse ? low : high });
        found.push(...(page?.entries ?? []).map(({ sortKey, row }): [string, number] => [sortKey, row.size]));
        more = page?.more ?? false;
      }
      const part = sorted.filter(([sortKey]) => sortKey > low && sortKey < high);
      t.true(part.length > 10);
      t.deepEqual(found, reverse ? part.toReversed() : part);
    }
  const page = await rows[0]?.range('p', { limit: 1_000 });
  t.deepEqual(
    page?.entries.map(({ sortKey, row }): [string, number] => [sortKey, row.size]),
    sorted,
  );
});

test("rows: a row behind the end of one owner's page is not skipped", async (t) => {
  for (const reverse of [false, true]) {
    const { a, c, b, net, hostA, hostB, hostC } = await open(t, { compareEveryMs: 60_000 });
    const name = (index: number): string => `${reverse ? 9 - index : index}`;
    const without = async (host: typeof hostA, work: () => Promise<void>): Promise<void> => {
      net.kill(host.id);
      await work();
      await new Promise((resolve) => setImmediate(resolve));
      net.revive(host.id);
    };
    for (const index of [1, 2, 3, 5, 6]) await a.put('p', name(index), { size: index });
    // C thinks that 1, 2 and 3 are there, and ends its page of three with them; A knows better, but not of 4.
    await without(hostC, async () => {
      await a.delete('p', name(1));
      await a.delete('p', name(2));
    });
    await without(hostA, () => b.put('p', name(4), { size: 4 }));
    net.kill(hostB.id);
    for (const rows of [a, c]) {
      const page = await rows.range('p', { limit: 2, reverse });
      t.deepEqual(
        page.entries.map(({ row }) => row.size),
        [3, 4],
      );
      t.true(page.more);
    }
  }
});

test('rows: a tally is exact again as soon as the owners can talk', async (t) => {
  const { a, b, c, net, hostA, hostC } = await open(t, { compareEveryMs: 60_000 });
  net.kill(hostC.id);
  for (let index = 0; index < 40; index++) await a.put('p', `${index}`, { size: 10 });
  await b.delete('p', '7');
  net.revive(hostC.id);
  t.deepEqual(await c.tally('p'), { rows: 39, weight: 390 });
  net.kill(hostA.id);
  t.deepEqual(await c.tally('p'), { rows: 39, weight: 390 });
  net.requests.clear();
  net.revive(hostA.id);
  t.deepEqual(await c.tally('p'), { rows: 39, weight: 390 });
  const requests = [...net.requests.values()].reduce((sum, count) => sum + count, 0);
  t.true(requests <= 2, `${requests} requests: owners that agree are asked once`);
});

test('rows: a tally under load counts what was acknowledged before it, and nothing that was not begun', async (t) => {
  const { rows, net, a } = await open(t, { compareEveryMs: 60_000 });
  net.weather.delayMs = 4;
  let [begun, done] = [0, 0];
  const writer = async (index: number): Promise<void> => {
    for (let turn = 0; turn < 40; turn++) {
      begun++;
      await rows[turn % 3]?.put('p', `${index}/${turn}`, { size: 1 });
      done++;
    }
  };
  const counter = async (index: number): Promise<void> => {
    while (done < 320) {
      const least = done;
      const { rows: count } = (await rows[index % 3]?.tally('p')) ?? { rows: -1 };
      t.true(
        count >= least && count <= begun,
        `${least} done before, ${begun} begun after, ${count} counted`,
      );
    }
  };
  await Promise.all([
    ...Array.from({ length: 8 }, (_, index) => writer(index)),
    counter(0),
    counter(1),
    counter(2),
  ]);
  t.deepEqual(await a.tally('p'), { rows: 320, weight: 320 });
});

test('rows: a page of large rows is cut and put together again', async (t) => {
  const { hosts } = await open(t);
  const [first, second] = hosts.map(({ tables }) => tables.rows<{ bytes: Uint8Array }>({ name: 'large' }));
  if (!first || !second) return t.fail();
  const keys = Array.from({ length: 12 }, (_, index) => `row-${String(index).padStart(2, '0')}`);
  for (const key of keys) await first.put('p', key, { bytes: new Uint8Array(400_000).fill(7) });
  const page = await second.range('p', { limit: 11 });
  t.deepEqual(
    page.entries.map(({ sortKey, row }) => [sortKey, row.bytes.length]),
    keys.slice(0, 11).map((key) => [key, 400_000]),
  );
  t.true(page.more);
  const gets = await Promise.all([...keys, ...keys].map((key) => second.get('p', key)));
  t.true(
    gets.every((row) => row?.bytes.length === 400_000),
    'many large answers at once fit into frames',
  );
});

test('rows: names and rows that cannot be kept are refused with a reason and change nothing', async (t) => {
  const { a } = await open(t);
  await t.throwsAsync(a.put('p', 'x'.repeat(1_901), { size: 1 }), {
    code: 'BAD_REQUEST',
    message: /1901 bytes/,
  });
  await t.throwsAsync(a.get('p', '\ud800'), { code: 'BAD_REQUEST', message: /not Unicode/ });
  await t.throwsAsync(a.put('x'.repeat(4_000), 'k', { size: 1 }), { code: 'BAD_REQUEST' });
  const huge = { size: 1, bytes: new Uint8Array(1_100_000) };
  await t.throwsAsync(a.put('p', 'huge', huge), { code: 'TOO_LARGE', message: /at most 1048576/ });
  t.deepEqual(await a.tally('p'), { rows: 0, weight: 0 });
});

test('rows: an acknowledged write is read back whatever the network does', async (t) => {
  const { rows, net, hosts } = await open(t, { compareEveryMs: 100 });
  Object.assign(net.weather, { delayMs: 4, doubles: 0.2 });
  const standing = new Map<string, number>();
  const writer = async (key: string, seed: number): Promise<void> => {
    for (let turn = 0; turn < 25; turn++) {
      const size = seed * 1_000 + turn;
      await rows[(seed + turn) % 3]?.put('p', key, { size });
      standing.set(key, size);
      t.is((await rows[(seed + turn * 2) % 3]?.get('p', key))?.size, size, `${key} on turn ${turn}`);
    }
  };
  const outages = async (): Promise<void> => {
    for (let turn = 0; turn < 9; turn++) {
      const host = hosts[turn % 3]?.id as HostId;
      net.silent.add(host);
      await steadyTimers.sleep(60);
      net.silent.delete(host);
      await steadyTimers.sleep(60);
    }
  };
  await Promise.all([outages(), ...Array.from({ length: 8 }, (_, seed) => writer(`row-${seed}`, seed))]);
  for (const table of rows) {
    const page = await table.range('p', { limit: 100 });
    t.deepEqual(
      new Map(page.entries.map(({ sortKey, row }) => [sortKey, row.size])),
      new Map([...standing].sort()),
    );
  }
  await until(() => hosts.every(({ tables }) => tables.status().rowsToHeal === 0));
});
