import test from 'ava';
import type { Accepted, Reply } from '../../agent/register/message.ts';
import { type Attempt, proposer, type Step } from '../../agent/register/proposer.ts';
import { accepted, ballot, bytes, host, majority, text } from './make.ts';

const mine = ballot(5, 'p');
const higher = ballot(7, 'q');
const attempt = (over: Partial<Attempt> = {}): Attempt => ({
  sets: [majority('abc')],
  ballot: mine,
  id: 42,
  next: () => bytes('new'),
  ...over,
});
const promise = (held: Accepted | null, at = mine): Reply => ({
  kind: 'promise',
  ballot: at,
  accepted: held,
});
const ack = (next = null as Attempt['nextBallot'], at = mine): Reply => ({
  kind: 'accepted',
  ballot: at,
  next: next ?? null,
});
const conflict: Reply = { kind: 'conflict', ballot: mine, promised: higher };
const proposalOf = (step: Step): Accepted | undefined =>
  step.kind === 'send' && step.request.kind === 'accept' ? step.request.accepted : undefined;
const a = host('a');
const b = host('b');
const c = host('c');

test('proposer: prepare, accept, chosen, each with a majority', (t) => {
  const core = proposer(attempt());
  t.deepEqual(core.start(), { kind: 'send', to: [a, b, c], request: { kind: 'prepare', ballot: mine } });
  t.is(core.handleReply(a, promise(null)).kind, 'wait');
  const proposal = proposalOf(core.handleReply(c, promise(null)));
  t.deepEqual(proposal, accepted(mine, 'new', [42]));
  t.is(core.handleReply(a, ack()).kind, 'wait');
  t.deepEqual(core.handleReply(b, ack()), { kind: 'chosen', accepted: proposal ?? null, promised: null });
});

test('proposer: it builds on the value with the highest ballot', (t) => {
  const seen: (string | null)[] = [];
  const core = proposer(
    attempt({
      next: (current) => {
        seen.push(text(current));
        return bytes('new');
      },
    }),
  );
  core.start();
  core.handleReply(a, promise(accepted(ballot(3, 'z'), 'newer', [2, 1])));
  const step = core.handleReply(b, promise(accepted(ballot(2, 'z'), 'older', [1])));
  t.deepEqual(seen, ['newer']);
  t.deepEqual(proposalOf(step)?.lineage, [42, 2, 1]);
});

test('proposer: a reply that comes twice, late, to another ballot or from a stranger counts for nothing', (t) => {
  const core = proposer(attempt());
  core.start();
  core.handleReply(a, promise(null));
  t.is(core.handleReply(a, promise(null)).kind, 'wait');
  t.is(core.handleReply(host('z'), promise(null)).kind, 'wait');
  t.is(core.handleReply(b, promise(null, ballot(4, 'p'))).kind, 'wait');
  t.is(core.handleReply(b, ack()).kind, 'wait');
  t.is(core.handleReply(b, promise(null)).kind, 'send');
  t.is(core.handleReply(c, promise(null)).kind, 'wait');
  core.handleReply(a, ack());
  t.is(core.handleReply(a, ack()).kind, 'wait');
  t.is(core.handleReply(b, ack()).kind, 'chosen');
  t.is(core.handleReply(c, ack()).kind, 'wait');
});

test('proposer: one refusal is survived, a second is a conflict that names the highest ballot', (t) => {
  const core = proposer(attempt());
  core.start();
  core.handleReply(a, promise(null));
  t.is(core.handleReply(b, conflict).kind, 'wait');
  const step = core.handleReply(c, { ...conflict, promised: ballot(9, 'r') });
  t.deepEqual(step, { kind: 'conflict', ballot: ballot(9, 'r'), base: null });
});

test('proposer: a conflict after its value was sent tells what the value was built upon', (t) => {
  const core = proposer(attempt());
  core.start();
  core.handleReply(a, promise(accepted(ballot(3, 'z'), 'old', [7])));
  core.handleReply(b, promise(accepted(ballot(3, 'z'), 'old', [7])));
  core.handleReply(a, ack());
  core.handleReply(b, conflict);
  t.deepEqual(core.handleReply(c, conflict), { kind: 'conflict', ballot: higher, base: [7] });
});

test('proposer: hosts that fail leave a majority or end the attempt, and a late failure of prepare harms no accept', (t) => {
  const core = proposer(attempt());
  core.start();
  core.handleReply(a, promise(null));
  core.handleReply(b, promise(null));
  t.is(core.handleFailure(c, 'prepare').kind, 'wait');
  t.is(core.handleFailure(b, 'accept').kind, 'wait');
  t.deepEqual(core.handleFailure(c, 'accept'), { kind: 'missed', base: [] });
  t.is(proposer(attempt({ sets: [] })).start().kind, 'missed');
});

test('proposer: nothing to change on a value that is chosen costs no second phase', (t) => {
  const held = accepted(ballot(3, 'z'), 'old', [7]);
  const core = proposer(attempt({ next: (current) => current }));
  core.start();
  core.handleReply(a, promise(held));
  t.deepEqual(core.handleReply(b, promise(held)), { kind: 'chosen', accepted: held, promised: null });
});

test('proposer: an owner that lacks what is chosen gets it where that is asked for; nothing is made of nothing', (t) => {
  const held = accepted(ballot(3, 'z'), 'old', [7]);
  const core = proposer(attempt({ next: (current) => current, everywhere: true }));
  core.start();
  core.handleReply(a, promise(held));
  const step = core.handleReply(b, promise(held));
  t.deepEqual(step.kind === 'send' && step.to, [a, b, c]);
  t.deepEqual(proposalOf(step), accepted(mine, 'old', [7]));
  const empty = proposer(attempt({ next: (current) => current, everywhere: true }));
  empty.start();
  empty.handleReply(a, promise(null));
  t.deepEqual(empty.handleReply(b, promise(null)), { kind: 'chosen', accepted: null, promised: null });
});

test('proposer: what `next` throws is shown only once the value that it saw is chosen', (t) => {
  const held = accepted(ballot(3, 'z'), 'taken', [7]);
  const core = proposer(
    attempt({
      next: () => {
        throw new Error('exists');
      },
    }),
  );
  core.start();
  core.handleReply(a, promise(null));
  const step = core.handleReply(b, promise(held));
  t.deepEqual(proposalOf(step), { ...held, ballot: mine });
  core.handleReply(a, ack());
  t.like(core.handleReply(b, ack()), { kind: 'refused', thrown: { message: 'exists' } });
});

test('proposer: a majority that agrees on an older value does not settle a newer one', (t) => {
  const refuse = () => {
    throw new Error('exists');
  };
  // While the layout changes, more than a majority of one set may have answered before the other has one.
  const core = proposer(attempt({ sets: [majority('abc'), majority('cde')], next: refuse }));
  const old = accepted(ballot(2, 'z'), 'old', [1]);
  const newer = accepted(ballot(3, 'z'), 'newer', [2, 1]);
  core.start();
  for (const [from, held] of [
    [a, newer],
    [b, old],
    [c, old],
  ] as const)
    t.is(core.handleReply(from, promise(held)).kind, 'wait');
  t.deepEqual(proposalOf(core.handleReply(host('d'), promise(old)))?.value, newer.value);
});

test('proposer: a change that an earlier attempt brought in is not made again', (t) => {
  const core = proposer(attempt({ earlier: [[7]], next: () => t.fail() as unknown as null }));
  core.start();
  const held = accepted(ballot(3, 'z'), 'other', [8, 42, 7]);
  core.handleReply(a, promise(held));
  t.deepEqual(proposalOf(core.handleReply(b, promise(held))), { ...held, ballot: mine });
});

test('proposer: after an earlier attempt a refusal runs phase 2 even on a settled value, to lay leftovers to rest', (t) => {
  const core = proposer(attempt({ earlier: [[7]], next: (current) => current }));
  core.start();
  const held = accepted(ballot(3, 'z'), 'other', [8, 7]);
  core.handleReply(a, promise(held));
  t.is(core.handleReply(b, promise(held)).kind, 'send');
});

test('proposer: with a promise from the last change it needs one round trip, unless the owners have changed', (t) => {
  const held = accepted(ballot(3, 'p'), 'old', [7]);
  const promised = { ballot: mine, by: [a, b], accepted: held };
  const nextBallot = ballot(6, 'p');
  const core = proposer(attempt({ promised, nextBallot }));
  t.deepEqual(proposalOf(core.start()), accepted(mine, 'new', [42, 7]));
  core.handleReply(a, ack(nextBallot));
  t.deepEqual(core.handleReply(c, ack(nextBallot)), {
    kind: 'chosen',
    accepted: accepted(mine, 'new', [42, 7]),
    promised: { ballot: nextBallot, by: [a, c], accepted: accepted(mine, 'new', [42, 7]) },
  });
  const moved = proposer(attempt({ promised, sets: [majority('abc'), majority('ade')] }));
  t.like(moved.start(), { request: { kind: 'prepare' } });
});

test('proposer: a promise that not enough owners gave along is not handed on', (t) => {
  const core = proposer(attempt({ nextBallot: ballot(6, 'p') }));
  core.start();
  core.handleReply(a, promise(null));
  core.handleReply(b, promise(null));
  core.handleReply(a, ack(ballot(6, 'p')));
  t.like(core.handleReply(b, ack(null)), { kind: 'chosen', promised: null });
});
