import test from 'ava';
import { type PlanHost, type PlanWorld, planLayout } from '../../agent/ring/layout-plan.ts';
import type { HostId } from '../../proto/ids.ts';
import { hostId } from '../membership/fake-network.ts';
import { firstLayout, layoutAfter, memberOf } from './make.ts';

const settings = { joinStableMs: 10_000, deadRemoveMs: 600_000 };
const [a, b, c, d] = [hostId(1), hostId(2), hostId(3), hostId(4)] as [HostId, HostId, HostId, HostId];
const member = memberOf;
const newest = layoutAfter(firstLayout(member(a), 8), [member(a), member(b)], '');
const host = (id: HostId, change: Partial<PlanHost> = {}): PlanHost => ({
  hostId: id,
  isRostered: true,
  aliveForMs: 60_000,
  deadForMs: 0,
  offer: { name: `name of ${id.slice(-1)}`, zone: 'z', capacityBytes: 1e12 },
  ...change,
});
const plan = (hosts: readonly PlanHost[], change: Partial<PlanWorld> = {}) =>
  planLayout({ newest, isSettled: true, blockers: [], wishes: {}, hosts, ...change }, settings);
/** What would be proposed now. */
const draft = (...args: Parameters<typeof plan>) => {
  const { draft: next, hold } = plan(...args);
  return hold === undefined ? next : undefined;
};
const idsOf = (layout: ReturnType<typeof draft>): string[] | undefined =>
  layout?.members.map((one) => one.hostId);
const wish = (value: number) => ({ value, sequence: 1, host: a, atMs: 1, by: 'admin' });

test('layout plan: while all is as it should be nothing is proposed', (t) => {
  t.is(draft([host(a), host(b)]), undefined);
});

test('layout plan: a host joins once it has been alive long enough and its card is known', (t) => {
  t.is(draft([host(a), host(b), host(c, { aliveForMs: 9_999 })]), undefined);
  const { offer: _, ...cardless } = host(c);
  t.is(draft([host(a), host(b), cardless]), undefined);
  const joined = draft([host(a), host(b), host(c, { aliveForMs: 10_000 })]);
  t.deepEqual(idsOf(joined), [a, b, c]);
  t.is(joined?.reason, 'joined: name of 4');
});

test('layout plan: hosts that come about together join in one version, but not for ever', (t) => {
  const late = host(d, { aliveForMs: 4_000 });
  t.is(draft([host(a), host(b), host(c, { aliveForMs: 12_000 }), late]), undefined);
  t.deepEqual(idsOf(draft([host(a), host(b), host(c, { aliveForMs: 30_000 }), late])), [a, b, c]);
});

test('layout plan: a dead host stays for ten minutes, one off the roster goes at once', (t) => {
  const dead = (deadForMs: number) => host(b, { aliveForMs: 0, deadForMs });
  t.is(draft([host(a), dead(599_999)]), undefined);
  t.deepEqual(idsOf(draft([host(a), dead(600_000)])), [a]);
  t.deepEqual(idsOf(draft([host(a), host(b, { isRostered: false })])), [a]);
});

test('layout plan: a host whose time on the roster has run out leaves as a drained one does, and does not join', (t) => {
  const next = draft([host(a), host(b, { isOver: true })]);
  t.deepEqual(idsOf(next), [a]);
  t.is(next?.reason, 'drained: name of 3');
  t.is(draft([host(a), host(b), host(c, { isOver: true })]), undefined);
});

test('layout plan: several changes go in one version', (t) => {
  const next = draft([host(a), host(b, { aliveForMs: 0, deadForMs: 700_000 }), host(c), host(d)]);
  t.deepEqual(idsOf(next), [a, c, d]);
  t.is(next?.replicasWanted, 3);
});

test('layout plan: an unsettled version is left alone, unless it waits for a host that is gone', (t) => {
  const dead = host(b, { aliveForMs: 0, deadForMs: 700_000 });
  t.is(draft([host(a), host(b), host(c)], { isSettled: false, blockers: [b] }), undefined);
  t.is(draft([host(a), dead, host(c)], { isSettled: false, blockers: [a] }), undefined);
  t.deepEqual(idsOf(draft([host(a), dead, host(c)], { isSettled: false, blockers: [b] })), [a]);
});

test('layout plan: a card with another zone or much other capacity leads to a version, a trifle does not', (t) => {
  const offering = (zone: string, capacityBytes: number) =>
    host(b, { offer: { name: 'b', zone, capacityBytes } });
  t.is(draft([host(a), offering('z', 1.05e12)]), undefined);
  t.is(draft([host(a), offering('z', 2e12)])?.members[1]?.capacityBytes, 2e12);
  t.is(draft([host(a), offering('z2', 1e12)])?.members[1]?.zone, 'z2');
});

test('layout plan: the last host that stores is never removed', (t) => {
  const gone = { aliveForMs: 0, deadForMs: 700_000 };
  t.is(draft([host(a, gone), host(b, gone)]), undefined);
});

test('layout plan: while it is paused nothing is proposed, and the plan says what would be', (t) => {
  const { draft: next, hold } = plan([host(a), host(b), host(c)], { wishes: { paused: wish(1) } });
  t.deepEqual(idsOf(next), [a, b, c]);
  t.regex(hold ?? '', /^paused by admin$/);
  t.deepEqual(idsOf(draft([host(a), host(b), host(c)], { wishes: { paused: wish(0) } })), [a, b, c]);
});

test('layout plan: what waits for its time is listed', (t) => {
  const dead = host(b, { aliveForMs: 0, deadForMs: 200_000 });
  t.deepEqual(plan([host(a), dead, host(c, { aliveForMs: 4_000 })]), {
    coming: [
      { hostId: c, change: 'join', dueInMs: 6_000 },
      { hostId: b, change: 'leave', dueInMs: 400_000 },
    ],
  });
});

test('layout plan: an unsettled version is named with those it waits for', (t) => {
  const { hold } = plan([host(a), host(b), host(c)], { isSettled: false, blockers: [b] });
  t.is(hold, 'version 2 settles first, it waits for name of 3');
});

test('layout plan: a drained host leaves, does not come in again, and joins once it is taken back', (t) => {
  const drained = { [`drain/${b}`]: wish(1) };
  const next = draft([host(a), host(b, { aliveForMs: 0 })], { wishes: drained });
  t.deepEqual(idsOf(next), [a]);
  t.is(next?.reason, 'drained: name of 3');
  const without = layoutAfter(newest, [member(a)], '');
  t.is(draft([host(a), host(b)], { newest: without, wishes: drained }), undefined);
  const back = { [`drain/${b}`]: wish(0) };
  t.deepEqual(idsOf(draft([host(a), host(b)], { newest: without, wishes: back })), [a, b]);
});

test('layout plan: draining the last host that stores is held up', (t) => {
  const wishes = { [`drain/${a}`]: wish(1), [`drain/${b}`]: wish(1) };
  t.is(plan([host(a), host(b)], { wishes }).hold, 'no other host would hold the data');
});

test('layout plan: an urgent version waits neither for drained hosts nor for newcomers', (t) => {
  const dead = host(b, { aliveForMs: 0, deadForMs: 700_000 });
  const three = layoutAfter(newest, [member(a), member(b), member(d)], '');
  const wishes = { [`drain/${d}`]: wish(1), replicas: wish(2) };
  const next = draft([host(a), dead, host(c), host(d)], {
    ...{ newest: three, wishes },
    isSettled: false,
    blockers: [b],
  });
  t.deepEqual(idsOf(next), [a, d]);
  t.is(next?.replicasWanted, 3);
});

test('layout plan: another number of replicas is a version of its own', (t) => {
  const next = draft([host(a), host(b)], { wishes: { replicas: wish(2) } });
  t.is(next?.replicasWanted, 2);
  t.is(next?.reason, 'replicas: 2');
  t.is(draft([host(a), host(b)], { wishes: { replicas: wish(3) } }), undefined);
});
