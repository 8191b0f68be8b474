import test from 'ava';
import { acceptorsOf, digestOf, faultOf } from '../../agent/ring/layout.ts';
import {
  completeVersion,
  emptyHistory,
  forcedOut,
  type History,
  learnLayout,
  mergeProgress,
  retireOld,
  waitedFor,
} from '../../agent/ring/layout-history.ts';
import type { Layout, Progress } from '../../proto/message/layout.ts';
import { hostId } from '../membership/fake-network.ts';
import { firstLayout, layoutAfter, memberOf } from './make.ts';

const [a, b, c] = [hostId(1), hostId(2), hostId(3)];
const member = memberOf;
const first = firstLayout(member(a), 8);
const second = layoutAfter(first, [member(a), member(b)], 'joined: b');
const third = layoutAfter(second, [member(b), member(c)], 'joined: c; removed: a');

const follow = (...layouts: readonly Layout[]): History => {
  const [start, ...rest] = layouts;
  let history: History = { ...emptyHistory, live: start ? [start] : [] };
  for (const layout of rest) {
    const learned = learnLayout(history, layout);
    if (learned.kind !== 'new') throw new Error(`not learned: ${learned.kind}`);
    history = learned.history;
  }
  return history;
};
const progress = (stage: keyof Progress, numbers: Record<string, number>): Progress => ({
  ...{ ack: {}, sync: {}, syncAck: {} },
  [stage]: numbers,
});

test('layout history: a successor is learned, an equal one is known, one with a gap waits', (t) => {
  t.is(learnLayout(follow(first), second).kind, 'new');
  t.is(learnLayout(follow(first, second), second).kind, 'known');
  t.is(learnLayout(follow(first), third).kind, 'gap');
  t.is(learnLayout(emptyHistory, first).kind, 'gap');
});

test('layout history: a different layout of the same version is a fork', (t) => {
  const other = layoutAfter(first, [member(a), member(c)], 'joined: c');
  t.is(learnLayout(follow(first, second), other).kind, 'fork');
});

test('layout history: a successor of another predecessor is a fork', (t) => {
  const other = layoutAfter(first, [member(a), member(c)], 'joined: c');
  t.is(learnLayout(follow(first, second), layoutAfter(other, [member(a)], 'removed: c')).kind, 'fork');
});

test('layout: what cannot follow says why', (t) => {
  const bad = (change: Partial<Layout>): string => faultOf(first, { ...second, ...change }) ?? 'no fault';
  t.is(faultOf(first, second), undefined);
  t.regex(bad({ version: 3 }), /does not follow/);
  t.regex(bad({ previous: digestOf(second) }), /another version/);
  t.regex(bad({ partitionBits: 9 }), /number of partitions/);
  t.regex(bad({ replicas: 3 }), /replicas/);
  t.regex(bad({ members: second.members.toReversed() }), /order/);
  t.regex(bad({ members: [member(a), member(a)] }), /twice/);
  const heavy = { ...member(b, 0), weight: 1 };
  t.regex(bad({ members: [member(a), heavy], replicas: 1 }), /weight and no capacity/);
});

test('layout: replicas are three, or as many as hosts that store', (t) => {
  t.is(second.replicas, 2);
  t.is(
    layoutAfter(
      second,
      [a, b, c, hostId(4)].map((host) => member(host)),
      '',
    ).replicas,
    3,
  );
  t.is(layoutAfter(second, [member(a), member(b), member(c, 0)], '').replicas, 2);
  const wished = { ...third, replicasWanted: 1, replicas: 1 };
  t.is(faultOf(second, wished), undefined);
  t.is(layoutAfter(wished, [member(a), member(b)], '').replicas, 1, 'what was wished stays');
});

test('layout: seven members at most vote, and not always the same', (t) => {
  const many = layoutAfter(
    second,
    Array.from({ length: 20 }, (_, index) => member(hostId(index))),
    '',
  );
  t.is(acceptorsOf(many).length, 7);
  const later = layoutAfter(many, many.members, '');
  t.notDeepEqual(acceptorsOf(many), acceptorsOf(later));
});

test('layout history: the old version retires when all of the new one have said so, and not before', (t) => {
  const history = follow(first, second);
  t.is(retireOld(history), history);
  const half = mergeProgress(history, progress('syncAck', { [a]: 2 }));
  t.is(retireOld(half), half);
  t.deepEqual(waitedFor(half, 'syncAck'), [b]);
  const whole = mergeProgress(half, progress('syncAck', { [b]: 2 }));
  t.deepEqual(retireOld(whole).live, [second]);
});

test('layout history: a version that came to its end elsewhere retires those before it, while a newer one settles', (t) => {
  const history = mergeProgress(follow(first, second, third), progress('syncAck', { [b]: 2, [c]: 2 }));
  t.is(retireOld(history), history, 'a has not said so');
  const halfway = mergeProgress(history, progress('syncAck', { [a]: 2 }));
  t.deepEqual(retireOld(halfway).live, [second, third]);
  const done = mergeProgress(history, progress('syncAck', { [b]: 3, [c]: 3 }));
  t.deepEqual(retireOld(done).live, [third], 'a is not in the newest and is not waited for');
});

test('layout history: a host that lost sight of the versions on the way goes by none of them alone', (t) => {
  const away = layoutAfter(second, [member(a)], 'b left');
  const back = layoutAfter(away, [member(a), member(b)], 'b is back');
  const history = follow(second, away, back);
  t.is(
    completeVersion(history, b),
    undefined,
    'the others did not wait for it before they gave up version 2',
  );
  t.is(completeVersion(history, a), 2);
});

test('layout history: a host that reads from a version does not go back to an older one when a newer comes', (t) => {
  const next = layoutAfter(second, [member(a), member(b), member(c)], 'c joined');
  const history = mergeProgress(follow(first, second, next), progress('syncAck', { [a]: 2 }));
  t.is(completeVersion(history, a), 2);
});

test('layout history: progress never goes back', (t) => {
  const far = mergeProgress(follow(first), progress('sync', { [a]: 5 }));
  t.is(mergeProgress(far, progress('sync', { [a]: 3 })).progress.sync[a], 5);
});

test('layout history: a host reads from the old version until it has said that all hold the new one', (t) => {
  const history = follow(first, second);
  t.is(completeVersion(follow(first), a), 1);
  t.is(completeVersion(history, a), 1);
  t.is(completeVersion(mergeProgress(history, progress('syncAck', { [a]: 2 })), a), 2);
  t.is(completeVersion(history, c), undefined, 'nobody waits for an outsider, so it reads from both');
});

test('layout history: owner sets older than a forced version count without the host that was forced out', (t) => {
  const forced = layoutAfter(second, [member(a)], 'forced out: b', [b]);
  const history = follow(second, forced);
  t.deepEqual(forcedOut(history, 2), [b]);
  t.deepEqual(forcedOut(history, 3), []);
});
