import test from 'ava';
import {
  closeRange,
  handOver,
  planSplit,
  type RangeMap,
  rangeFinder,
  wholeMap,
} from '../../agent/table/range-map.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const split = (map: RangeMap, key: string, at: string): RangeMap =>
  handOver(closeRange(planSplit(map, key, at), key), key, 0);
const keysOf = (map: RangeMap): string[] => map.ranges.map(({ from, key }) => `${from}:${key}`);

test('range map: a range becomes two, whose names are given to no other', (t) => {
  const once = split(wholeMap('p'), 'p', 'm');
  t.deepEqual(keysOf(once), [':p\u00001', 'm:p\u00002']);
  const twice = split(once, 'p\u00001', 'c');
  t.deepEqual(keysOf(twice), [':p\u00003', 'c:p\u00004', 'm:p\u00002']);
});

test('range map: two who would split a range elsewhere make one plan, the first', (t) => {
  const planned = planSplit(wholeMap('p'), 'p', 'm');
  t.is(planSplit(planned, 'p', 'c'), planned);
  t.deepEqual(keysOf(handOver(closeRange(planned, 'p'), 'p', 0)), [':p\u00001', 'm:p\u00002']);
});

test('range map: no range is handed over that was not closed, and none twice', (t) => {
  const planned = planSplit(wholeMap('p'), 'p', 'm');
  t.is(handOver(planned, 'p', 0), planned);
  const done = split(wholeMap('p'), 'p', 'm');
  for (const step of [planSplit(done, 'p', 'c'), closeRange(done, 'p'), handOver(done, 'p', 0)])
    t.is(step, done);
});

test('range map: a range is split inside itself only', (t) => {
  const map = split(wholeMap('p'), 'p', 'm');
  for (const at of ['', 'a', 'm']) t.is(planSplit(map, 'p\u00002', at), map);
  t.not(planSplit(map, 'p\u00002', 'n'), map);
});

test('range map: one that has grown too long for a row plans no more', (t) => {
  const ranges = Array.from({ length: 600 }, (_, index) => ({
    ...{ from: index === 0 ? '' : String(index).padStart(1_000, '0'), key: `p\u0000${index}` },
  }));
  const map = { next: 600, ranges };
  t.is(planSplit(map, 'p\u0000599', 'z'), map);
});

test('range map: a key lies in the range that begins at or before it, what is below an end before it', (t) => {
  const finder = rangeFinder(split(split(wholeMap('p'), 'p', 'm'), 'p\u00002', 's'));
  const found = ['', 'lz', 'm', 'm\u0000x', 'rz', 's', 'é'].map(
    (key) => finder.find({ key: bytes(key) }).key,
  );
  t.deepEqual(
    found.map((key) => key.slice(2)),
    ['1', '1', '3', '3', '3', '4', '4'],
  );
  const below = ['a', 'm', 'n', 's', 'z'].map((end) => finder.find({ below: bytes(end) }).key.slice(2));
  t.deepEqual(below, ['1', '1', '3', '3', '4']);
  t.is(finder.find({ below: null }).key.slice(2), '4');
});
