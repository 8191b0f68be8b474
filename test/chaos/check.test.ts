/** The judge, judged: histories with one thing wrong are caught, odd but honest ones are not. */
import test from 'ava';
import { checkHistory, timelineOf } from './check.ts';
import { contentOf, versionOf } from './content.ts';
import type { Entry, Outcome } from './history.ts';

type Word = readonly [kind: string, at: number, more: Readonly<Record<string, unknown>>];

/** Each takes one ms from its call; `for` says otherwise. */
const history = (...words: readonly Word[]): Entry[] =>
  words.map(
    ([kind, callMs, more]) =>
      ({
        ...{ kind, by: 'w', via: 'host-1', callMs, returnMs: callMs + Number(more.for ?? 1) },
        ...{
          outcome: 'ok' satisfies Outcome,
          status: '200',
          name: 'c/a',
          register: 'r',
          container: 'c',
          bytes: 1,
        },
        ...more,
      }) as Entry,
  );
const faultsOf = (...words: readonly Word[]): readonly string[] =>
  checkHistory(history(...words), new Map()).map(({ what }) => what);

const honest: Readonly<Record<string, readonly Word[]>> = {
  'reads see the last write': [
    ['put', 1, { version: '1' }],
    ['get', 3, { version: '1' }],
    ['put', 5, { version: '2' }],
    ['get', 7, { version: '2' }],
    ['delete', 9, {}],
    ['get', 11, { version: null }],
  ],
  'a read beside a write sees either': [
    ['put', 1, { version: '1' }],
    ['put', 5, { version: '2', for: 10 }],
    ['get', 6, { version: '1' }],
    ['get', 8, { version: '2' }],
  ],
  'a write of unknown end shows up late': [
    ['put', 1, { version: '1' }],
    ['put', 3, { version: '2', outcome: 'unknown' }],
    ['get', 50, { version: '1' }],
    ['get', 90, { version: '2' }],
    ['list', 95, { names: ['a'] }],
  ],
  'a delete of unknown end takes an object from a list, or leaves it': [
    ['put', 1, { version: '1' }],
    ['delete', 3, { outcome: 'unknown' }],
    ['list', 9, { names: ['a'] }],
    ['list', 19, { names: [] }],
  ],
  'what was refused never happened': [
    ['put', 1, { version: '1', outcome: 'failed' }],
    ['get', 3, { version: null }],
    ['list', 5, { names: [] }],
  ],
};
for (const [what, words] of Object.entries(honest))
  test(`checkers: ${what}`, (t) => {
    t.deepEqual(faultsOf(...words), []);
  });

const lies: Readonly<Record<string, readonly [words: readonly Word[], fault: RegExp]>> = {
  'an acknowledged write that is lost': [
    [
      ['put', 1, { version: '1' }],
      ['get', 9, { version: null }],
    ],
    /read nothing/,
  ],
  'a stale read': [
    [
      ['put', 1, { version: '1' }],
      ['put', 3, { version: '2' }],
      ['get', 9, { version: '1' }],
    ],
    /read 1, explained is only 2/,
  ],
  'a read that goes back in time': [
    [
      ['put', 1, { version: '1' }],
      ['put', 3, { version: '2', for: 90 }],
      ['get', 9, { version: '2' }],
      ['get', 19, { version: '1' }],
    ],
    /read 1/,
  ],
  'a deleted object that comes back': [
    [
      ['put', 1, { version: '1' }],
      ['delete', 3, {}],
      ['get', 9, { version: '1' }],
    ],
    /read 1, explained is only nothing/,
  ],
  'a value that nobody wrote': [[['get', 9, { version: 'x' }]], /read x/],
  'a list without an object that stands': [
    [
      ['put', 1, { version: '1' }],
      ['list', 9, { names: [] }],
    ],
    /missed it/,
  ],
  'a list with an object that is gone': [
    [
      ['put', 1, { version: '1' }],
      ['delete', 3, {}],
      ['list', 9, { names: ['a'] }],
    ],
    /found it/,
  ],
  'a register that shows an older value': [
    [
      ['set', 1, { value: '1' }],
      ['set', 3, { value: '2' }],
      ['look', 9, { value: '2' }],
      ['look', 19, { value: '1' }],
    ],
    /read 1/,
  ],
};
for (const [what, [words, fault]] of Object.entries(lies))
  test(`checkers: ${what} is caught`, (t) => {
    const [first] = faultsOf(...words);
    t.regex(first ?? 'nothing', fault);
  });

test('checkers: a name with two owners, and one whose owner is not shown, are caught', (t) => {
  const claims = history(
    ['claim', 1, { name: 'n', id: 'a' }],
    ['claim', 1, { name: 'n', id: null, outcome: 'failed' }],
    ['claim', 1, { name: 'm', id: 'x' }],
    ['claim', 2, { name: 'm', id: 'y' }],
  );
  const found = new Map([
    [
      'n',
      [
        { via: 'host-1', ids: ['a'] },
        { via: 'host-2', ids: ['b'] },
      ],
    ],
    ['m', [{ via: 'host-1', ids: ['x'] }]],
  ]);
  const words = checkHistory(claims, found).map(({ about, what }) => `${about}: ${what}`);
  t.deepEqual(words, ['n: w got it as a, host-2 shows b', 'm: w got it as x, w got it as y']);
  t.deepEqual(checkHistory(claims.slice(0, 2), new Map([['n', [{ via: 'host-1', ids: ['a'] }]]])), []);
});

test('checkers: the timeline tells what happened to one object, with the faults in between', (t) => {
  const entries = history(
    ['put', 1, { version: '1' }],
    ['get', 9, { version: null }],
    ['put', 4, { name: 'c/b', version: '7' }],
  );
  const lines = timelineOf('c/a', entries, [
    { atMs: 5, what: 'kill: host-2' },
    { atMs: 9_000, what: 'later' },
  ]);
  t.deepEqual(
    lines.map((line) => line.trim().replace(/ +/g, ' ')),
    [
      '1.0 - 2.0 ms w via host-1: put 1 ok (200)',
      '5.0 ms ** kill: host-2',
      '9.0 - 10.0 ms w via host-1: get nothing ok (200)',
    ],
  );
});

test('content: one changed, missing or moved byte is seen', (t) => {
  const bytes = contentOf('c.a#7', 300_000);
  t.is(versionOf(bytes), 'c.a#7');
  const changed = Buffer.from(bytes);
  changed[200_000] = (changed[200_000] ?? 0) ^ 1;
  t.is(versionOf(changed), undefined);
  const swapped = Buffer.concat([
    bytes.subarray(0, 4_096),
    bytes.subarray(8_192, 12_288),
    bytes.subarray(4_096, 8_192),
    bytes.subarray(12_288),
  ]);
  t.is(versionOf(swapped), undefined);
  t.is(versionOf(bytes.subarray(0, 299_999)), undefined);
});
