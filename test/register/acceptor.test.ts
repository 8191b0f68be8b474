import test from 'ava';
import { accept, emptyState, handleRequest, prepare } from '../../agent/register/acceptor.ts';
import { ballotSource, compareBallots } from '../../agent/register/ballot.ts';
import { accepted, ballot } from './make.ts';

test('ballots: order is total, and a restarted host does not repeat itself', (t) => {
  t.true(compareBallots(ballot(2, 'a'), ballot(1, 'b')) > 0);
  t.true(compareBallots(ballot(1, 'b'), ballot(1, 'a')) > 0);
  t.is(compareBallots(ballot(1, 'a'), ballot(1, 'a')), 0);
  const before = ballotSource(ballot(0, 'a').host, () => 0.25);
  const after = ballotSource(ballot(0, 'a').host, () => 0.75);
  t.not(compareBallots(before.next(), after.next()), 0);
  t.is(before.next(ballot(7, 'z')).round, 8);
  t.is(before.next(ballot(3, 'z')).round, 9);
});

test('acceptor: a promise refuses lower ballots of both kinds and lets equal and higher ones through', (t) => {
  const { state, reply } = prepare(emptyState, ballot(5, 'a'));
  t.deepEqual(reply, { kind: 'promise', ballot: ballot(5, 'a'), accepted: null });
  const lower = ballot(4, 'b');
  const conflict = { kind: 'conflict', ballot: lower, promised: ballot(5, 'a') } as const;
  t.deepEqual(prepare(state, lower), { state, reply: conflict });
  t.deepEqual(accept(state, accepted(lower, 'x')), { state, reply: conflict });
  t.is(accept(state, accepted(ballot(5, 'a'), 'x')).reply.kind, 'accepted');
  t.is(accept(state, accepted(ballot(6, 'b'), 'x')).reply.kind, 'accepted');
});

test('acceptor: a request that comes twice gets the same answer and writes nothing', (t) => {
  const first = prepare(emptyState, ballot(1, 'a'));
  const again = prepare(first.state, ballot(1, 'a'));
  t.is(again.state, first.state);
  t.deepEqual(again.reply, first.reply);
  const taken = accept(first.state, accepted(ballot(1, 'a'), 'x'), ballot(2, 'a'));
  const twice = accept(taken.state, accepted(ballot(1, 'a'), 'x'), ballot(2, 'a'));
  t.is(twice.state, taken.state);
  t.deepEqual(twice.reply, taken.reply);
});

test('acceptor: what it accepted it still confirms under a higher promise, without the promise that came along', (t) => {
  const taken = accept(emptyState, accepted(ballot(1, 'a'), 'x'), ballot(2, 'a'));
  const promised = prepare(taken.state, ballot(3, 'b'));
  t.deepEqual(accept(promised.state, accepted(ballot(1, 'a'), 'x'), ballot(2, 'a')), {
    state: promised.state,
    reply: { kind: 'accepted', ballot: ballot(1, 'a'), next: null },
  });
});

test('acceptor: one ballot never carries two values', (t) => {
  const { state } = accept(emptyState, accepted(ballot(1, 'a'), 'x'));
  t.throws(() => accept(state, accepted(ballot(1, 'a'), 'y')), { message: /one value/ });
});

test('acceptor: a read tells what is held and promises nothing', (t) => {
  const { state } = accept(emptyState, accepted(ballot(1, 'a'), 'x'));
  t.deepEqual(handleRequest(state, { kind: 'read' }), {
    state,
    reply: { kind: 'state', accepted: accepted(ballot(1, 'a'), 'x') },
  });
});
