import test from 'ava';
import { accept, emptyState } from '../../agent/register/acceptor.ts';
import { ballotSource } from '../../agent/register/ballot.ts';
import type { Accepted, Request } from '../../agent/register/message.ts';
import { decideRead } from '../../agent/register/read.ts';
import { checkCopy, checkOneValue, checkRequest, isSound } from '../../agent/register/trust.ts';
import { accepted, ballot, host, majority } from './make.ts';

const nowMs = Date.UTC(2026, 0, 1);
const highest = 2 ** 52;

test('trust: a ballot of another host is refused, whatever it asks', (t) => {
  const refused = { code: 'BAD_REQUEST', message: /not one of b/ } as const;
  const [a, b] = [host('a'), host('b')];
  const requests: readonly Request[] = [
    { kind: 'prepare', ballot: ballot(5, 'a') },
    { kind: 'accept', accepted: accepted(ballot(5, 'a'), 'x'), next: null },
    { kind: 'accept', accepted: accepted(ballot(5, 'b'), 'x'), next: ballot(6, 'a') },
  ];
  for (const request of requests) t.throws(() => checkRequest(b, request, nowMs), refused);
  t.notThrows(() => checkRequest(a, { kind: 'prepare', ballot: ballot(5, 'a') }, nowMs));
  t.notThrows(() => checkRequest(b, { kind: 'read' }, nowMs));
});

test('trust: a ballot that nobody could go above is refused as a request, as a copy and as an answer', (t) => {
  const high = ballot(highest, 'a');
  const refused = { code: 'BAD_REQUEST' } as const;
  t.throws(() => checkRequest(host('a'), { kind: 'prepare', ballot: high }, nowMs), refused);
  const next: Request = { kind: 'accept', accepted: accepted(ballot(1, 'a'), 'x'), next: high };
  t.throws(() => checkRequest(host('a'), next, nowMs), refused);
  t.throws(() => checkCopy(accepted(high, 'x'), nowMs), refused);
  t.false(isSound({ kind: 'conflict', ballot: ballot(1, 'a'), promised: high }, nowMs));
  t.false(isSound({ kind: 'promise', ballot: ballot(1, 'a'), accepted: accepted(high, 'x') }, nowMs));
  t.false(isSound({ kind: 'state', accepted: accepted(high, 'x') }, nowMs));
});

test('trust: above the highest ballot that was taken there is room a moment later, for years', (t) => {
  const taken = (atMs: number): number => {
    let [low, high] = [0, highest];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      try {
        checkCopy(accepted(ballot(middle, 'a'), 'x'), atMs);
        low = middle;
      } catch {
        high = middle;
      }
    }
    return low;
  };
  for (const atMs of [nowMs, Date.UTC(2099, 0, 1)]) {
    const lie = ballot(taken(atMs), 'liar');
    const above = ballotSource(host('a'), () => 0.5).next(lie);
    t.throws(() => checkRequest(host('a'), { kind: 'prepare', ballot: above }, atMs));
    t.notThrows(() => checkRequest(host('a'), { kind: 'prepare', ballot: above }, atMs + 1));
  }
});

test('trust: honest ballots do not depend on a clock, not even one that says 1970', (t) => {
  // A thousand changes a second for ten years.
  const old = ballot(1_000 * 86_400 * 3_650, 'a');
  t.notThrows(() => checkRequest(host('a'), { kind: 'prepare', ballot: old }, 0));
});

test('trust: two values under one ballot are not chosen, whoever says so', (t) => {
  const [x, y] = [accepted(ballot(1, 'liar'), 'x', [7]), accepted(ballot(1, 'liar'), 'y', [7])];
  const answers = (...held: readonly Accepted[]) =>
    new Map(held.map((one, at) => [host('abc'[at] ?? ''), one]));
  t.is(decideRead([majority('abc')], answers(x, y)).kind, 'split');
  t.like(decideRead([majority('abc')], answers(x, y, y)), { kind: 'chosen', accepted: y });
  const { state } = accept(emptyState, x);
  t.throws(() => checkOneValue(state, { kind: 'accept', accepted: y, next: null }), { code: 'BAD_REQUEST' });
  t.notThrows(() => checkOneValue(state, { kind: 'accept', accepted: x, next: null }));
});
