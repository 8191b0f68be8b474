import test, { type ExecutionContext } from 'ava';
import type { Rows, Tables } from '../../agent/table/port.ts';
import { fakeTables } from '../fake/tables.ts';
import { type Call, serveObjects } from './serve.ts';

/** A service that counts the pages of objects that it reads, and can do something before it reads one. */
const serve = async (t: ExecutionContext) => {
  const inner = fakeTables();
  let nowMs = Date.now();
  let pages = 0;
  let before: (() => Promise<unknown>) | undefined;
  const tables: Tables = {
    ...inner,
    rows<Row>(schema: Parameters<Tables['rows']>[0]): Rows<Row> {
      const opened = inner.rows<Row>(schema as never);
      if (schema.name !== 'object') return opened;
      return {
        ...opened,
        async range(partitionKey, range) {
          pages++;
          const page = await opened.range(partitionKey, range);
          const work = before;
          before = undefined;
          await work?.();
          return page;
        },
      };
    },
  };
  const { call } = await serveObjects(t, { tables, wallMs: () => nowMs });
  const list = async (query = '?format=json', more: Call = {}): Promise<string> =>
    (await call('GET', `/c${query}`, more)).text();
  const names = async (query?: string): Promise<string[]> =>
    JSON.parse(await list(query)).map(
      ({ name, subdir }: { name?: string; subdir?: string }) => name ?? subdir,
    );
  await call('PUT', '/c');
  return {
    ...{ call, list, names },
    pass: (seconds: number): void => {
      nowMs += seconds * 1_000;
    },
    pagesOf: async <T>(work: () => Promise<T>): Promise<[number, T]> => {
      const from = pages;
      const result = await work();
      return [pages - from, result];
    },
    beforeItEnds: (work: () => Promise<unknown>): void => {
      before = work;
    },
  };
};

test('kept listings: what is asked for a third time is not read again, in each form by itself', async (t) => {
  const { call, list, names, pagesOf } = await serve(t);
  for (const name of ['a', 'b/1', 'b/2']) await call('PUT', `/c/${name}`, { body: name });
  const queries = ['?format=json', '?format=xml', '?delimiter=/&format=json', '?limit=1&format=json', ''];
  const first = await Promise.all(queries.map((query) => list(query)));
  t.is(new Set(first).size, queries.length);
  for (const query of queries) await list(query);
  const [pages, third] = await pagesOf(() => Promise.all(queries.map((query) => list(query))));
  t.is(pages, 0);
  t.deepEqual(third, first);
  t.deepEqual(await names('?delimiter=/&format=json'), ['a', 'b/']);
});

test('kept listings: each change of an object shows at once', async (t) => {
  const { call, list, names } = await serve(t);
  for (let round = 0; round < 3; round++) t.deepEqual(await names(), []);
  await call('PUT', '/c/a', { body: 'one' });
  for (let round = 0; round < 3; round++) t.deepEqual(await names(), ['a']);
  await call('PUT', '/c/a', { body: 'longer' });
  for (let round = 0; round < 3; round++) t.regex(await list(), /"bytes":6\b/);
  await call('POST', '/c/a', { headers: { 'Content-Type': 'text/posted' } });
  for (let round = 0; round < 3; round++) t.regex(await list(), /text\/posted/);
  await call('POST', '/c/a', { headers: { 'Content-Type': 'text/again' } });
  t.regex(await list(), /text\/again/);
  await call('DELETE', '/c/a');
  t.deepEqual(await names(), []);
});

test('kept listings: what comes while one is made is not hidden by keeping it', async (t) => {
  const { call, names, beforeItEnds } = await serve(t);
  await call('PUT', '/c/a', { body: 'a' });
  await names();
  beforeItEnds(() => call('PUT', '/c/b', { body: 'b' }));
  t.deepEqual(await names(), ['a'], 'read before the PUT');
  t.deepEqual(await names(), ['a', 'b']);
});

test('kept listings: one does not outlive its first object that expires', async (t) => {
  const { call, names, pass, pagesOf } = await serve(t);
  await call('PUT', '/c/a', { body: 'a' });
  await call('PUT', '/c/b', { body: 'b', headers: { 'X-Delete-After': '10' } });
  for (let round = 0; round < 3; round++) t.deepEqual(await names(), ['a', 'b']);
  t.is((await pagesOf(() => names()))[0], 0);
  pass(11);
  t.deepEqual(await names(), ['a']);
});

test('kept listings: nor does one outlive what a folder is shown for', async (t) => {
  const { call, names, pass } = await serve(t);
  await call('PUT', '/c/a', { body: 'a' });
  await call('PUT', '/c/b/1', { body: 'b', headers: { 'X-Delete-After': '10' } });
  for (let round = 0; round < 3; round++) t.deepEqual(await names('?delimiter=/&format=json'), ['a', 'b/']);
  pass(11);
  t.deepEqual(await names('?delimiter=/&format=json'), ['a']);
});

test('kept listings: a container that was made anew shows nothing of the old one, and a stranger sees none', async (t) => {
  const { call, list, names } = await serve(t);
  await call('PUT', '/c/a', { body: 'a' });
  for (let round = 0; round < 3; round++) await names();
  t.is((await call('GET', '/c?format=json', { token: 'member:p2' })).status, 403);
  await call('DELETE', '/c/a');
  await call('DELETE', '/c');
  t.is((await call('GET', '/c?format=json')).status, 404);
  await call('PUT', '/c');
  for (let round = 0; round < 3; round++) t.is(await list(), '[]');
});

test('kept listings: many who ask at once share what is made, and see what was there when they asked', async (t) => {
  const { call, names, pagesOf, beforeItEnds } = await serve(t);
  await call('PUT', '/c/a', { body: 'a' });
  for (let round = 0; round < 2; round++) {
    await call('PUT', `/c/b${round}`, { body: 'b' });
    const [pages, all] = await pagesOf(() => Promise.all(Array.from({ length: 30 }, () => names())));
    t.true(pages < 15, `${pages} pages for 30 listings`);
    for (const one of all) t.true(one.includes(`b${round}`));
  }
  await call('PUT', '/c/c', { body: 'c' });
  let later: Promise<string[]> | undefined;
  beforeItEnds(async () => {
    await call('PUT', '/c/d', { body: 'd' });
    later = names();
  });
  t.false((await names()).includes('d'));
  t.true((await later)?.includes('d'), 'asked after the PUT, while the first was made');
});
