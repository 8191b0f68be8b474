import test from 'ava';
import { type ReadableLog, readAfter, readNewest } from '../../agent/journal/merge.ts';
import type { JournalRecord } from '../../agent/journal/port.ts';
import type { HostId } from '../../proto/ids.ts';

/** A log whose events have these times; NaN stands for a block that holds none. */
const log = (id: string, ...times: readonly number[]): ReadableLog => ({
  id,
  length: () => times.length,
  record: async (sequence) => {
    const atMs = times[sequence];
    if (atMs === undefined || Number.isNaN(atMs)) return undefined;
    const record: JournalRecord = {
      atMs,
      sequence,
      host: id as HostId,
      requestId: null,
      actor: null,
      action: 'test',
      target: `${id}${sequence}`,
      outcome: 'done',
    };
    return record;
  },
});
const targets = (page: { readonly records: readonly JournalRecord[] }): string =>
  page.records.map((record) => record.target).join(' ');

test('merge: several logs read as one in time order', async (t) => {
  const logs = [log('a', 1, 4, 5), log('b', 2, 3, 6)];
  t.is(targets(await readAfter(logs, {}, 10)), 'a0 b0 b1 a1 a2 b2');
  t.is(targets(await readNewest(logs, 3)), 'a1 a2 b2');
});

test('merge: pages joined are the whole, without gap or repeat', async (t) => {
  const logs = [log('a', 1, 4, 5, 9), log('b', 2, 3, 6), log('c')];
  for (const limit of [1, 2, 3, 5]) {
    const all: string[] = [];
    let cursor = {};
    for (;;) {
      const page = await readAfter(logs, cursor, limit);
      if (page.records.length === 0) break;
      all.push(targets(page));
      cursor = page.next;
    }
    t.is(all.join(' '), 'a0 b0 b1 a1 a2 b2 a3');
  }
});

test('merge: a clock that went back does not turn a host’s own order around', async (t) => {
  t.is(targets(await readAfter([log('a', 10, 2, 3), log('b', 5)], {}, 10)), 'b0 a0 a1 a2');
});

test('merge: after the newest comes only what is appended later', async (t) => {
  const { next } = await readNewest([log('a', 1, 2), log('b', 3)], 1);
  t.is(targets(await readAfter([log('a', 1, 2, 7), log('b', 3), log('c', 0)], next, 10)), 'c0 a2');
});

test('merge: a block that holds no event is passed over', async (t) => {
  const logs = [log('a', 1, Number.NaN, 3), log('b', Number.NaN)];
  const page = await readAfter(logs, {}, 10);
  t.is(targets(page), 'a0 a2');
  t.deepEqual(page.next, { a: 3, b: 1 });
  t.is(targets(await readNewest(logs, 10)), 'a0 a2');
});

test('merge: a cursor made of nonsense reads from the beginning', async (t) => {
  t.is(targets(await readAfter([log('a', 1)], { a: -5, x: Number.NaN }, 10)), 'a0');
  t.is(targets(await readAfter([log('a', 1)], { a: 0.5 }, 10)), 'a0');
  t.is(targets(await readAfter([log('a', 1)], { a: 99 }, 10)), '');
});
