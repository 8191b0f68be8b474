import test from 'ava';
import { multipartRanges, parseRange } from '../../agent/object/byte-range.ts';
import { checkConditions, rangeCounts } from '../../agent/object/conditions.ts';

const modified = Date.parse('2026-11-24T12:00:00Z') / 1000;
const thing = { etag: 'abc', modifiedSeconds: modified };
const at = (seconds: number): string => new Date((modified + seconds) * 1000).toUTCString();

test('conditions: If-Match and If-Unmodified-Since fail what changed', (t) => {
  t.is(checkConditions({ 'if-match': '"abc"' }, thing), 'proceed');
  t.is(checkConditions({ 'if-match': '"x", abc' }, thing), 'proceed');
  t.is(checkConditions({ 'if-match': '*' }, thing), 'proceed');
  t.is(checkConditions({ 'if-match': '"x"' }, thing), 'failed');
  t.is(checkConditions({ 'if-unmodified-since': at(0) }, thing), 'proceed');
  t.is(checkConditions({ 'if-unmodified-since': at(-1) }, thing), 'failed');
});

test('conditions: If-None-Match and If-Modified-Since spare what did not change', (t) => {
  t.is(checkConditions({ 'if-none-match': 'abc' }, thing), 'not-modified');
  t.is(checkConditions({ 'if-none-match': 'x' }, thing), 'proceed');
  t.is(checkConditions({ 'if-modified-since': at(0) }, thing), 'not-modified');
  t.is(checkConditions({ 'if-modified-since': at(-1) }, thing), 'proceed');
});

test('conditions: a tag outweighs its date, and an unreadable date says nothing', (t) => {
  t.is(checkConditions({ 'if-match': 'abc', 'if-unmodified-since': at(-1) }, thing), 'proceed');
  t.is(
    checkConditions({ 'if-match': 'abc', 'if-unmodified-since': at(-1) }, thing, true),
    'failed',
    'but for Swift',
  );
  t.is(checkConditions({ 'if-none-match': 'x', 'if-modified-since': at(0) }, thing), 'proceed');
  t.is(checkConditions({ 'if-modified-since': 'yesterday' }, thing), 'proceed');
});

test('conditions: a range counts only for the version that If-Range names', (t) => {
  t.true(rangeCounts({ 'if-range': '"abc"' }, thing));
  t.false(rangeCounts({ 'if-range': '"x"' }, thing));
  t.true(rangeCounts({ 'if-range': at(0) }, thing));
});

test('ranges: first, last and suffix are cut to the length', (t) => {
  t.deepEqual(parseRange('bytes=0-4', 10), [{ start: 0, end: 5 }]);
  t.deepEqual(parseRange('bytes=8-99', 10), [{ start: 8, end: 10 }]);
  t.deepEqual(parseRange('bytes=4-', 10), [{ start: 4, end: 10 }]);
  t.deepEqual(parseRange('bytes=-3', 10), [{ start: 7, end: 10 }]);
  t.deepEqual(parseRange('bytes=-99', 10), [{ start: 0, end: 10 }]);
  t.deepEqual(parseRange('bytes=0-0,9-9', 10), [
    { start: 0, end: 1 },
    { start: 9, end: 10 },
  ]);
});

test('ranges: what cannot be satisfied is told from what cannot be read', (t) => {
  t.deepEqual(parseRange('bytes=10-', 10), []);
  t.deepEqual(parseRange('bytes=-0', 10), []);
  t.deepEqual(parseRange('bytes=0-', 0), []);
  for (const header of [
    undefined,
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes=a-b',
    'lines=1-2',
    `bytes=${'0-0,'.repeat(51)}0-0`,
  ])
    t.is(parseRange(header, 10), undefined, header);
});

test('ranges: a multipart body has the length that was told before it is read', async (t) => {
  const bytes = Buffer.from('0123456789');
  const ranges = parseRange('bytes=0-1,5-', 10) ?? [];
  const parts = multipartRanges(ranges, 10, 'text/plain', 'cut', async function* (range) {
    yield bytes.subarray(range.start, range.end);
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of parts.body) pieces.push(piece);
  const text = Buffer.concat(pieces).toString();
  t.is(text.length, parts.contentLength);
  t.true(text.includes('Content-Range: bytes 5-9/10\r\n\r\n56789\r\n--cut--'));
});
