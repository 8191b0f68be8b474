/** What every key-value store promises. Run it with a name and a way to open an empty store. */
import type { ExecutionContext, TestFn } from 'ava';
import type { KeyRange, KeyValue, KeyValueReader, KeyValueWriter } from '../../agent/store/key-value.ts';
import { keyBytesMax } from '../../agent/store/limits.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const listed = (store: KeyValueReader, range: KeyRange): string[] =>
  [...store.range(range)].map(({ key, value }) => `${text(key)}=${text(value)}`);

export const conformKeyValue = (
  test: TestFn,
  name: string,
  open: (t: ExecutionContext) => KeyValue | Promise<KeyValue>,
): void => {
  const fill = (store: KeyValue, ...keys: string[]): Promise<void> =>
    store.transact((writer) => {
      for (const key of keys) writer.put(bytes(key), bytes(key.toUpperCase()));
    });

  test(`${name}: what was put is there, what was deleted is not`, async (t) => {
    const store = await open(t);
    await fill(store, 'a', 'b');
    t.is(text(store.get(bytes('a'))), 'A');
    const seen = await store.transact((writer) => {
      writer.delete(bytes('a'));
      writer.put(bytes('b'), bytes('again'));
      writer.put(bytes('c'), bytes(''));
      return [text(writer.get(bytes('a'))), text(writer.get(bytes('b'))), [...writer.range({})].length];
    });
    t.deepEqual(seen, [undefined, 'again', 2], 'a transaction sees its own changes');
    t.is(store.get(bytes('a')), undefined);
    t.deepEqual(listed(store, {}), ['b=again', 'c=']);
  });

  test(`${name}: a range takes its start, not its end, both ways`, async (t) => {
    const store = await open(t);
    await fill(store, 'a', 'b', 'c', 'd');
    const [from, to] = [bytes('b'), bytes('d')];
    t.deepEqual(listed(store, { from, to }), ['b=B', 'c=C']);
    t.deepEqual(listed(store, { from, to, reverse: true }), ['c=C', 'b=B']);
    t.deepEqual(listed(store, { from }), ['b=B', 'c=C', 'd=D']);
    t.deepEqual(listed(store, { to, reverse: true, limit: 2 }), ['c=C', 'b=B']);
    t.deepEqual(listed(store, { from: bytes('bb'), to: bytes('cc'), reverse: true }), ['c=C']);
    t.deepEqual(listed(store, { reverse: true, limit: 1 }), ['d=D']);
    t.deepEqual(listed(store, { from: to, to: from }), [], 'an end before the start is an empty range');
  });

  test(`${name}: keys are ordered by bytes, whatever the bytes`, async (t) => {
    const store = await open(t);
    const keys = [[0], [0, 0], [0, 255], [1], [127], [128], [255], [255, 0], [255, 255]];
    await store.transact((writer) => {
      for (const key of keys.toReversed()) writer.put(Uint8Array.from(key), Uint8Array.from(key));
    });
    t.deepEqual(
      [...store.range({})].map(({ key, value }) => [[...key], [...value]]),
      keys.map((key) => [key, key]),
    );
  });

  test(`${name}: a throw undoes its own transaction and no other`, async (t) => {
    const store = await open(t);
    await fill(store, 'kept');
    const results = await Promise.allSettled([
      store.transact((writer) => writer.put(bytes('first'), bytes('1'))),
      store.transact((writer) => {
        writer.put(bytes('first'), bytes('spoilt'));
        writer.put(bytes('new'), bytes('spoilt'));
        writer.delete(bytes('kept'));
        writer.put(bytes('kept'), bytes('spoilt'));
        throw new Error('changed my mind');
      }),
      store.transact((writer) => writer.put(bytes('third'), bytes('3'))),
    ]);
    t.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    t.deepEqual(listed(store, {}), ['first=1', 'kept=KEPT', 'third=3']);
  });

  test(`${name}: what a transaction did it finds, by key and in ranges, and what those before it did`, async (t) => {
    const store = await open(t);
    await fill(store, 'a', 'b', 'c');
    const seen: unknown[] = [];
    const look = (writer: KeyValueWriter): void => {
      seen.push(text(writer.get(bytes('a'))), text(writer.get(bytes('b'))), text(writer.get(bytes('d'))));
    };
    await Promise.all([
      store.transact((writer) => {
        writer.delete(bytes('a'));
        writer.put(bytes('b'), bytes('2'));
      }),
      store.transact((writer) => {
        writer.put(bytes('d'), bytes('4'));
        look(writer);
        seen.push(listed(writer, {}));
        writer.delete(bytes('d'));
        writer.put(bytes('a'), bytes('5'));
        look(writer);
        seen.push(listed(writer, { from: bytes('b') }));
      }),
      store.transact((writer) => {
        look(writer);
        writer.put(bytes('b'), bytes('6'));
      }),
    ]);
    const [first, second] = [
      [undefined, '2', '4'],
      ['5', '2', undefined],
    ];
    t.deepEqual(seen, [...first, ['b=2', 'c=C', 'd=4'], ...second, ['b=2', 'c=C'], ...second]);
    t.deepEqual(listed(store, {}), ['a=5', 'b=6', 'c=C']);
  });

  test(`${name}: a throw undoes its own transaction also where that read a range`, async (t) => {
    const store = await open(t);
    await fill(store, 'a', 'b');
    const results = await Promise.allSettled([
      store.transact((writer) => writer.put(bytes('a'), bytes('1'))),
      store.transact((writer) => {
        writer.delete(bytes('a'));
        const rest = listed(writer, {});
        writer.put(bytes('b'), bytes('spoilt'));
        writer.put(bytes('c'), bytes('spoilt'));
        throw new Error(rest.join());
      }),
      store.transact((writer) => writer.put(bytes('d'), bytes('4'))),
    ]);
    t.deepEqual(
      results.map((result) => (result.status === 'rejected' ? result.reason.message : result.status)),
      ['fulfilled', 'b=B', 'fulfilled'],
    );
    t.deepEqual(listed(store, {}), ['a=1', 'b=B', 'd=4']);
  });

  test(`${name}: a key that is too long is refused to its own transaction alone`, async (t) => {
    const store = await open(t);
    const results = await Promise.allSettled([
      store.transact((writer) => writer.put(bytes('a'), bytes('1'))),
      store.transact((writer) => {
        writer.put(bytes('b'), bytes('spoilt'));
        writer.put(new Uint8Array(keyBytesMax + 1), bytes('spoilt'));
      }),
      store.transact((writer) => writer.put(bytes('c'), bytes('3'))),
    ]);
    t.deepEqual(
      results.map((result) => (result.status === 'rejected' ? result.reason.code : result.status)),
      ['fulfilled', 'BAD_REQUEST', 'fulfilled'],
    );
    t.deepEqual(listed(store, {}), ['a=1', 'c=3']);
  });

  test(`${name}: transactions run in the order of asking and see what went before`, async (t) => {
    const store = await open(t);
    const counts = await Promise.all(
      Array.from({ length: 3_000 }, () =>
        store.transact((writer) => {
          const count = Number(text(writer.get(bytes('count'))) ?? 0) + 1;
          writer.put(bytes('count'), bytes(String(count)));
          return count;
        }),
      ),
    );
    t.deepEqual(
      counts,
      Array.from({ length: 3_000 }, (_, index) => index + 1),
    );
  });

  test(`${name}: a range that is being read does not see later changes`, async (t) => {
    const store = await open(t);
    await fill(store, 'a', 'b', 'c');
    const seen: (string | undefined)[] = [];
    for (const { key } of store.range({})) {
      if (seen.length === 0) await fill(store, 'aa', 'd');
      seen.push(text(key));
    }
    t.deepEqual(seen, ['a', 'b', 'c']);
    t.is([...store.range({})].length, 5);
  });

  test(`${name}: long keys and large values come back whole`, async (t) => {
    const store = await open(t);
    const key = new Uint8Array(1_900).fill(7);
    const value = new Uint8Array(1_500_000).map((_, index) => index % 251);
    await store.transact((writer) => writer.put(key, value));
    t.deepEqual(Buffer.from(store.get(key) ?? []), Buffer.from(value));
    const [entry] = [...store.range({ from: key })];
    t.is(Buffer.compare(entry?.value ?? new Uint8Array(), value), 0);
  });

  test(`${name}: after close nothing is taken`, async (t) => {
    const store = await open(t);
    const last = fill(store, 'last');
    await store.close();
    await t.notThrowsAsync(last, 'what was asked before is finished');
    await t.throwsAsync(fill(store, 'later'), { code: 'BUSY' });
  });
};
