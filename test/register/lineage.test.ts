import test from 'ava';
import { lineageLengthMax } from '../../agent/register/limits.ts';
import { extendLineage, fateOf, type Lineage } from '../../agent/register/lineage.ts';

const after = (base: Lineage, ...ids: number[]): Lineage =>
  ids.reduce((lineage, id) => extendLineage(lineage, id), base);
const count = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);

test('lineage: the newest come first and the oldest fall out', (t) => {
  t.deepEqual(after([], 1, 2, 3), [3, 2, 1]);
  const full = after([], ...count(1, lineageLengthMax + 1));
  t.is(full.length, lineageLengthMax);
  t.is(full.at(-1), 2);
});

test('lineage: a change is known as applied, absent, or too long ago to tell', (t) => {
  const base = after([], ...count(1, lineageLengthMax));
  t.is(fateOf(99, [base], after(base, 99)), 'applied');
  t.is(fateOf(99, [base], after(base, 99, 100)), 'applied');
  t.is(fateOf(99, [base], after(base, 100)), 'absent');
  t.is(fateOf(99, [base], after(base, ...count(100, lineageLengthMax - 1))), 'absent');
  t.is(fateOf(99, [base], after(base, ...count(100, lineageLengthMax))), 'unknown');
});

test('lineage: a short one is the whole history, a first attempt has nothing to fear', (t) => {
  t.is(fateOf(99, [[1]], [2]), 'absent');
  t.is(fateOf(99, [], after([], ...count(1, lineageLengthMax))), 'absent');
});

test('lineage: every earlier attempt must be accounted for', (t) => {
  const base = after([], ...count(1, lineageLengthMax));
  const later = after(base, ...count(100, lineageLengthMax - 1));
  t.is(fateOf(99, [base, later], after(later, 200)), 'unknown');
});

test('lineage: who changes a register again and again pushes out nobody', (t) => {
  const base = after([], 1, 2, 3);
  const mine = 99;
  let seen = extendLineage(extendLineage(base, mine), 100);
  for (let id = 101; id < 200; id++) seen = extendLineage(seen, id, id - 1);
  t.deepEqual(seen, [199, mine, 3, 2, 1]);
  t.is(fateOf(mine, [base], seen), 'applied');
  t.is(fateOf(98, [base], seen), 'absent');
});
