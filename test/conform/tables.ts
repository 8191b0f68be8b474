/** What replicated tables promise to those who use them, on one host or on many. */
import type { ExecutionContext, TestFn } from 'ava';
import type { Page, Tables } from '../../agent/table/port.ts';

interface Thing {
  readonly size: number;
  readonly text?: string;
  readonly bytes?: Uint8Array;
}
interface Counter {
  readonly count: number;
}

/** One entry a host; each opens its tables once. */
export type OpenHosts = (t: ExecutionContext) => Promise<readonly Tables[]>;

const keys = (page: Page<unknown>): string[] => page.entries.map(({ sortKey }) => sortKey);
const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

export const conformTables = (test: TestFn, name: string, open: OpenHosts): void => {
  const openThings = async (t: ExecutionContext) =>
    (await open(t)).map((tables) => tables.rows<Thing>({ name: 'thing', weight: (row) => row.size }));
  const openFamily = async (t: ExecutionContext) =>
    (await open(t)).map((tables) => ({
      main: tables.rows<Thing>({ name: 'main', weight: (row) => row.size }),
      sub: tables.rows<Thing>({ name: 'main/sub', weight: (row) => row.size }),
    }));
  const openCounters = async (t: ExecutionContext) =>
    (await open(t)).map((tables) => tables.registers<Counter>({ name: 'counter' }));

  test(`${name}: a row that was put on one host is read on every other`, async (t) => {
    const hosts = await openThings(t);
    for (const [index, host] of hosts.entries()) {
      await host.put('p', `row-${index}`, { size: index, text: 'ä', bytes: Uint8Array.of(1, 2, 255) });
      for (const other of hosts) {
        const found = await other.get('p', `row-${index}`);
        t.is(found?.size, index);
        t.is(found?.text, 'ä');
        t.deepEqual([...(found?.bytes ?? [])], [1, 2, 255]);
      }
    }
    t.is(await pick(hosts, 1).get('p', 'none'), undefined);
    t.is(await pick(hosts, 2).get('q', 'row-0'), undefined, 'another partition key is another world');
  });

  test(`${name}: the last put wins, whichever host took it`, async (t) => {
    const hosts = await openThings(t);
    for (let turn = 0; turn < 30; turn++) {
      await pick(hosts, turn).put('p', 'row', { size: turn });
      t.is((await pick(hosts, turn + 1).get('p', 'row'))?.size, turn);
    }
  });

  test(`${name}: a row is put in sight of the one before`, async (t) => {
    const hosts = await openThings(t);
    for (let turn = 0; turn < 12; turn++) {
      const { row, put } = await pick(hosts, turn).getForPut('p', 'row');
      t.is(row?.size, turn === 0 ? undefined : turn - 1);
      await put({ size: turn });
    }
    await pick(hosts, 0).delete('p', 'row');
    const gone = await pick(hosts, 1).getForPut('p', 'row');
    t.is(gone.row, undefined);
    await gone.put({ size: 1 });
    t.deepEqual(await pick(hosts, 2).tally('p'), { rows: 1, weight: 1 });
  });

  test(`${name}: a put that took its time and was overtaken is one of the two, on every host`, async (t) => {
    const hosts = await openThings(t);
    const slow = await pick(hosts, 0).getForPut('p', 'row');
    await pick(hosts, 1).put('p', 'row', { size: 1 });
    await slow.put({ size: 2 });
    const [first, ...rest] = await Promise.all(hosts.map((host) => host.get('p', 'row')));
    t.true(first?.size === 1 || first?.size === 2);
    for (const other of rest) t.is(other?.size, first?.size);
    await pick(hosts, 2).put('p', 'row', { size: 3 });
    for (const host of hosts) t.is((await host.get('p', 'row'))?.size, 3);
  });

  test(`${name}: a put whose stamp was taken before is one put, whoever does it and however often`, async (t) => {
    const hosts = await openThings(t);
    const held = await pick(hosts, 0).getForPut('p', 'row');
    const stamp = held.stamp();
    await pick(hosts, 1).putAt('p', 'row', { size: 1 }, stamp);
    await pick(hosts, 2).putAt('p', 'row', { size: 1 }, stamp);
    for (const host of hosts) t.is((await host.get('p', 'row'))?.size, 1);
    await pick(hosts, 2).put('p', 'row', { size: 2 });
    await pick(hosts, 0).putAt('p', 'row', { size: 1 }, stamp);
    for (const host of hosts) t.is((await host.get('p', 'row'))?.size, 2);
    const gone = (await pick(hosts, 1).getForPut('p', 'row')).stamp();
    await pick(hosts, 2).putAt('p', 'row', undefined, gone);
    await pick(hosts, 0).putAt('p', 'row', undefined, gone);
    for (const host of hosts) t.is(await host.get('p', 'row'), undefined);
    t.deepEqual(await pick(hosts, 1).tally('p'), { rows: 0, weight: 0 });
  });

  test(`${name}: a deleted row is gone everywhere, and may come back`, async (t) => {
    const hosts = await openThings(t);
    await pick(hosts, 0).put('p', 'row', { size: 1 });
    await pick(hosts, 1).delete('p', 'row');
    await pick(hosts, 2).delete('p', 'row');
    await pick(hosts, 2).delete('p', 'never was');
    for (const host of hosts) {
      t.is(await host.get('p', 'row'), undefined);
      t.deepEqual(await host.range('p', { limit: 10 }), { entries: [], more: false });
    }
    await pick(hosts, 0).put('p', 'row', { size: 2 });
    t.is((await pick(hosts, 1).get('p', 'row'))?.size, 2);
  });

  test(`${name}: a range is bounded and ordered as it was asked for`, async (t) => {
    const [first, second = first] = await openThings(t);
    if (!first || !second) return t.fail('no host');
    for (const key of ['b', 'a/2', 'a/1', 'c', 'a', 'a/3', 'é', 'z', '𝄞', '\uffee'])
      await first.put('p', key, { size: 1 });
    await first.put('pp', 'other', { size: 1 });
    await second.delete('p', 'c');
    const all = ['a', 'a/1', 'a/2', 'a/3', 'b', 'z', 'é', '\uffee', '𝄞'];
    t.deepEqual(keys(await second.range('p', { limit: 100 })), all, 'by UTF-8 bytes, not by UTF-16 units');
    t.deepEqual(keys(await second.range('p', { limit: 100, reverse: true })), all.toReversed());
    t.deepEqual(keys(await second.range('p', { limit: 100, prefix: 'a/' })), ['a/1', 'a/2', 'a/3']);
    t.deepEqual(keys(await second.range('p', { limit: 100, prefix: 'a/', after: 'a/1' })), ['a/2', 'a/3']);
    t.deepEqual(keys(await second.range('p', { limit: 100, after: 'a/1', before: 'b' })), ['a/2', 'a/3']);
    t.deepEqual(keys(await second.range('p', { limit: 100, after: 'b', before: 'a', reverse: true })), [
      'a/3',
      'a/2',
      'a/1',
    ]);
    t.deepEqual(keys(await second.range('p', { limit: 100, after: 'bb', before: 'y' })), []);
    t.deepEqual(keys(await second.range('p', { limit: 100, after: 'z', before: 'a' })), []);
    t.deepEqual(keys(await second.range('p', { limit: 100, after: 'x'.repeat(5_000) })), all.slice(5));
    t.deepEqual(keys(await second.range('p', { limit: 100, after: '', prefix: '' })), all);
    const page = await second.range('p', { limit: 2, prefix: 'a' });
    t.deepEqual([keys(page), page.more], [['a', 'a/1'], true]);
    const exact = await second.range('p', { limit: 4, prefix: 'a' });
    t.deepEqual([keys(exact), exact.more], [['a', 'a/1', 'a/2', 'a/3'], false]);
  });

  test(`${name}: pages joined together are the whole range, deleted rows between them or not`, async (t) => {
    const hosts = await openThings(t);
    const key = (index: number): string => `row-${String(index).padStart(4, '0')}`;
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => pick(hosts, index).put('p', key(index), { size: index })),
    );
    await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        if (index % 3 > 0 && index > 20) await pick(hosts, index).delete('p', key(index));
      }),
    );
    const left = Array.from({ length: 300 }, (_, index) => index).filter(
      (index) => index % 3 === 0 || index <= 20,
    );
    for (const reverse of [false, true]) {
      const seen: string[] = [];
      for (let more = true; more; ) {
        const last = seen.at(-1);
        const page = await pick(hosts, seen.length).range('p', {
          limit: 17,
          reverse,
          ...(last === undefined ? {} : { after: last }),
        });
        t.true(page.entries.length === 17 || !page.more);
        seen.push(...keys(page));
        more = page.more;
      }
      const wish = left.map(key);
      t.deepEqual(seen, reverse ? wish.reverse() : wish);
    }
  });

  test(`${name}: names of 1,024 bytes and rows of half a MiB are kept`, async (t) => {
    const hosts = await openThings(t);
    const long = `${'ä'.repeat(511)}x`;
    const partitionKey = '項'.repeat(300);
    const bytes = new Uint8Array(512 * 1024).map((_, index) => index % 249);
    await pick(hosts, 0).put(partitionKey, `${long}1`, { size: 1, bytes });
    await pick(hosts, 1).put(partitionKey, `${long}2`, { size: 2 });
    t.deepEqual(keys(await pick(hosts, 2).range(partitionKey, { limit: 5 })), [`${long}1`, `${long}2`]);
    const found = await pick(hosts, 1).get(partitionKey, `${long}1`);
    t.is(Buffer.compare(found?.bytes ?? new Uint8Array(), bytes), 0);
    t.is((await pick(hosts, 2).get(partitionKey, `${long}2`))?.size, 2);
  });

  test(`${name}: a row brings others along, in one put`, async (t) => {
    const hosts = await openFamily(t);
    const { main, sub } = pick(hosts, 0);
    const stamp = (await main.getForPut('p', 'a')).stamp();
    await main.putAt('p', 'a', { size: 1 }, stamp, [
      sub.companion('a/1', { size: 2 }),
      sub.companion('a/2', { size: 3 }),
    ]);
    for (const each of hosts) {
      t.deepEqual(await each.main.get('p', 'a'), { size: 1 });
      t.deepEqual(keys(await each.sub.range('p', { limit: 9 })), ['a/1', 'a/2']);
      t.deepEqual(await each.sub.tally('p'), { rows: 2, weight: 5 });
    }
    const gone = (await main.getForPut('p', 'a')).stamp();
    await main.putAt('p', 'a', undefined, gone, [sub.companion('a/1', undefined)]);
    for (const each of hosts) {
      t.is(await each.main.get('p', 'a'), undefined);
      t.deepEqual(keys(await each.sub.range('p', { limit: 9 })), ['a/2']);
    }
    const late = main.putAt('p', 'a', { size: 9 }, stamp, [sub.companion('a/3', { size: 4 })]);
    await late;
    t.is(await pick(hosts, 1).main.get('p', 'a'), undefined, 'it came too late');
    t.deepEqual(
      await pick(hosts, 1).sub.get('p', 'a/3'),
      { size: 4 },
      'what it brought has a name of its own',
    );
  });

  test(`${name}: a row brings along none but of its own sub-tables`, async (t) => {
    const { main, sub } = pick(await openFamily(t), 0);
    const stamp = (await main.getForPut('p', 'a')).stamp();
    const wrong = [sub.putAt('p', 'a', { size: 1 }, stamp, [sub.companion('b', { size: 1 })])];
    wrong.push(main.putAt('p', 'a', { size: 1 }, stamp, [main.companion('b', { size: 1 })]));
    for (const each of wrong) await t.throwsAsync(each, { code: 'BAD_REQUEST' });
    t.is(await main.get('p', 'a'), undefined);
  });

  test(`${name}: a digest is the same until a row of its partition key is changed, through whichever host`, async (t) => {
    const hosts = await openThings(t);
    /** A copy that an owner has not got yet makes it unsaid for a moment. */
    const said = async (index: number): Promise<string> => {
      for (;;) {
        const digest = await pick(hosts, index).digest('p');
        if (digest !== undefined) return digest;
      }
    };
    const seen = [await said(0)];
    const changes = [
      () => pick(hosts, 0).put('p', 'a', { size: 1 }),
      () => pick(hosts, 1).put('p', 'b', { size: 1 }),
      () => pick(hosts, 2).put('p', 'b', { size: 1 }),
      () => pick(hosts, 0).delete('p', 'a'),
    ];
    for (const change of changes) {
      await change();
      await pick(hosts, 1).put('q', 'a', { size: seen.length });
      const now = await said(1);
      t.false(seen.includes(now));
      t.is(await said(2), now);
      seen.push(now);
    }
  });

  test(`${name}: a tally counts rows and weights as they stand`, async (t) => {
    const hosts = await openThings(t);
    t.deepEqual(await pick(hosts, 0).tally('p'), { rows: 0, weight: 0 });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => pick(hosts, index).put('p', `${index}`, { size: 10 })),
    );
    t.deepEqual(await pick(hosts, 1).tally('p'), { rows: 20, weight: 200 });
    await pick(hosts, 2).put('p', '3', { size: 1 });
    await pick(hosts, 0).delete('p', '4');
    await pick(hosts, 0).delete('p', '4');
    for (const host of hosts) t.deepEqual(await host.tally('p'), { rows: 19, weight: 181 });
    t.deepEqual(await pick(hosts, 1).tally('q'), { rows: 0, weight: 0 });
  });

  test(`${name}: a register changes from what stood before`, async (t) => {
    const hosts = await openCounters(t);
    const up = (row: Counter | undefined): Counter => ({ count: (row?.count ?? 0) + 1 });
    t.is(await pick(hosts, 0).get('p', 'r'), undefined);
    t.deepEqual(await pick(hosts, 0).change('p', 'r', up), { count: 1 });
    t.deepEqual(await pick(hosts, 1).change('p', 'r', up), { count: 2 });
    t.deepEqual(await pick(hosts, 2).get('p', 'r'), { count: 2 });
    t.is(await pick(hosts, 2).change('p', 'r', () => undefined), undefined);
    for (const host of hosts) t.is(await host.get('p', 'r'), undefined);
    t.deepEqual(await pick(hosts, 1).range('p', { limit: 5 }), { entries: [], more: false });
    t.deepEqual(await pick(hosts, 0).change('p', 'r', up), { count: 1 }, 'a deleted register begins anew');
  });

  test(`${name}: what a change throws comes out and leaves the register as it was`, async (t) => {
    const hosts = await openCounters(t);
    await pick(hosts, 0).change('p', 'r', () => ({ count: 7 }));
    const refuse = pick(hosts, 1).change('p', 'r', () => {
      throw new RangeError('no more than 7');
    });
    await t.throwsAsync(refuse, { instanceOf: RangeError, message: 'no more than 7' });
    t.deepEqual(await pick(hosts, 1).change('p', 'r', (current) => current), { count: 7 });
    t.deepEqual(await pick(hosts, 2).get('p', 'r'), { count: 7 });
  });

  test(`${name}: of all that create the same register at once, one succeeds`, async (t) => {
    const hosts = await openCounters(t);
    const results = await Promise.allSettled(
      Array.from({ length: 9 }, (_, index) =>
        pick(hosts, index).change('p', 'name', (current) => {
          if (current) throw new Error('taken');
          return { count: index };
        }),
      ),
    );
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value?.count] : []));
    t.is(won.length, 1);
    for (const result of results) if (result.status === 'rejected') t.is(result.reason.message, 'taken');
    for (const host of hosts) t.is((await host.get('p', 'name'))?.count, won[0]);
  });

  test(`${name}: fifty callers that count at once end at fifty`, async (t) => {
    const hosts = await openCounters(t);
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        pick(hosts, index).change('p', 'r', (row) => ({ count: (row?.count ?? 0) + 1 })),
      ),
    );
    for (const host of hosts) t.deepEqual(await host.get('p', 'r'), { count: 50 });
  });

  test(`${name}: registers are listed as rows are`, async (t) => {
    const hosts = await openCounters(t);
    const names = ['x/1', 'x/2', 'x/3', 'y'];
    for (const [index, key] of names.entries())
      await pick(hosts, index).change('p', key, () => ({ count: index }));
    await pick(hosts, 1).change('p', 'x/2', () => undefined);
    for (const host of hosts) {
      t.deepEqual(await host.range('p', { limit: 2, prefix: 'x/' }), {
        entries: [
          { sortKey: 'x/1', row: { count: 0 } },
          { sortKey: 'x/3', row: { count: 2 } },
        ],
        more: false,
      });
      t.deepEqual(keys(await host.range('p', { limit: 1, reverse: true })), ['y']);
    }
  });
};
