import test from 'ava';
import type { Accepted } from '../../agent/register/message.ts';
import { hasQuorum, ownersOf } from '../../agent/register/quorum.ts';
import { decideRead } from '../../agent/register/read.ts';
import type { HostId } from '../../proto/ids.ts';
import { accepted, ballot, host, majority } from './make.ts';

const answers = (given: Record<string, Accepted | null>): Map<HostId, Accepted | null> =>
  new Map(Object.entries(given).map(([name, held]) => [host(name), held]));
const one = accepted(ballot(1, 'a'), 'one');
const two = accepted(ballot(2, 'b'), 'two');

test('quorum: joint sets need a majority in each, and no set is no quorum', (t) => {
  const sets = [majority('abc'), majority('cde')];
  t.false(hasQuorum(sets, new Set(['a', 'b', 'c'].map(host))));
  t.true(hasQuorum(sets, new Set(['a', 'c', 'd'].map(host))));
  t.false(hasQuorum([], new Set([host('a')])));
  t.deepEqual(ownersOf(sets), ['a', 'b', 'c', 'd', 'e'].map(host));
});

test('quorum: two owners both count, four need three', (t) => {
  t.false(hasQuorum([majority('ab')], new Set([host('a')])));
  t.false(hasQuorum([majority('abcd')], new Set(['a', 'b'].map(host))));
});

test('read: a majority with the same ballot settles it, whatever the third holds', (t) => {
  const sets = [majority('abc')];
  t.deepEqual(decideRead(sets, answers({ a: one, b: one })), { kind: 'chosen', accepted: one });
  t.deepEqual(decideRead(sets, answers({ a: one, b: one, c: two })), { kind: 'chosen', accepted: one });
  t.deepEqual(decideRead(sets, answers({ a: null, b: null })), { kind: 'chosen', accepted: null });
});

test('read: a majority that does not agree shows nothing', (t) => {
  const sets = [majority('abc')];
  t.deepEqual(decideRead(sets, answers({ a: one, c: two })), { kind: 'split', newest: two });
  t.deepEqual(decideRead(sets, answers({ a: null, c: two })), { kind: 'split', newest: two });
  t.deepEqual(decideRead(sets, answers({ a: null, b: one, c: two })), { kind: 'split', newest: two });
});

test('read: an owner that has not answered does not pass for one that holds nothing, a stranger does not count', (t) => {
  const sets = [majority('abc')];
  t.is(decideRead(sets, answers({ a: null })).kind, 'wait');
  t.is(decideRead(sets, answers({ a: one, z: one })).kind, 'wait');
  t.is(decideRead([], answers({})).kind, 'wait');
});

test('read: while the layout changes, both sets must agree on one ballot', (t) => {
  const sets = [majority('abc'), majority('cde')];
  t.is(decideRead(sets, answers({ a: one, b: one, d: null, e: null })).kind, 'split');
  t.deepEqual(decideRead(sets, answers({ a: one, c: one, d: one })), { kind: 'chosen', accepted: one });
});
