import test from 'ava';
import { foundLayout, nextLayout } from '../../agent/ring/layout.ts';
import { type PlanHost, type PlanWorld, planLayout } from '../../agent/ring/layout-plan.ts';
import type { HostId } from '../../proto/ids.ts';
import { hostId } from '../membership/fake-network.ts';

const settings = { joinStableMs: 10_000, deadRemoveMs: 600_000 };
const [a, b, c, d] = [hostId(1), hostId(2), hostId(3), hostId(4)] as [HostId, HostId, HostId, HostId];
const member = (host: HostId) => ({ hostId: host as string, zone: 'z', capacityBytes: 1e12 });
const newest = nextLayout(foundLayout(member(a), 8), [member(a), member(b)], '');
const host = (id: HostId, change: Partial<PlanHost> = {}): PlanHost => ({
  hostId: id,
  isRostered: true,
  aliveForMs: 60_000,
  deadForMs: 0,
  offer: { name: `name of ${id.slice(-1)}`, zone: 'z', capacityBytes: 1e12 },
  ...change,
});
const plan = (hosts: readonly PlanHost[], change: Partial<PlanWorld> = {}) =>
  planLayout({ newest, isSettled: true, blockers: [], hosts, ...change }, settings);
const idsOf = (layout: ReturnType<typeof plan>): string[] | undefined =>
  layout?.members.map((one) => one.hostId);

test('layout plan: while all is as it should be nothing is proposed', (t) => {
  t.is(plan([host(a), host(b)]), undefined);
});

test('layout plan: a host joins once it has been alive long enough and its card is known', (t) => {
  t.is(plan([host(a), host(b), host(c, { aliveForMs: 9_999 })]), undefined);
  const { offer: _, ...cardless } = host(c);
  t.is(plan([host(a), host(b), cardless]), undefined);
  const joined = plan([host(a), host(b), host(c, { aliveForMs: 10_000 })]);
  t.deepEqual(idsOf(joined), [a, b, c]);
  t.is(joined?.version, 3);
  t.is(joined?.reason, 'joined: name of 4');
});

test('layout plan: hosts that come about together join in one version, but not for ever', (t) => {
  const late = host(d, { aliveForMs: 4_000 });
  t.is(plan([host(a), host(b), host(c, { aliveForMs: 12_000 }), late]), undefined);
  t.deepEqual(idsOf(plan([host(a), host(b), host(c, { aliveForMs: 30_000 }), late])), [a, b, c]);
});

test('layout plan: a dead host stays for ten minutes, one off the roster goes at once', (t) => {
  const dead = (deadForMs: number) => host(b, { aliveForMs: 0, deadForMs });
  t.is(plan([host(a), dead(599_999)]), undefined);
  t.deepEqual(idsOf(plan([host(a), dead(600_000)])), [a]);
  t.deepEqual(idsOf(plan([host(a), host(b, { isRostered: false })])), [a]);
});

test('layout plan: several changes go in one version', (t) => {
  const next = plan([host(a), host(b, { aliveForMs: 0, deadForMs: 700_000 }), host(c), host(d)]);
  t.deepEqual(idsOf(next), [a, c, d]);
  t.is(next?.replicas, 3);
});

test('layout plan: an unsettled version is left alone, unless it waits for a host that is gone', (t) => {
  const dead = host(b, { aliveForMs: 0, deadForMs: 700_000 });
  t.is(plan([host(a), host(b), host(c)], { isSettled: false, blockers: [b] }), undefined);
  t.is(plan([host(a), dead, host(c)], { isSettled: false, blockers: [a] }), undefined);
  t.deepEqual(idsOf(plan([host(a), dead, host(c)], { isSettled: false, blockers: [b] })), [a]);
});

test('layout plan: a card with another zone or much other capacity leads to a version, a trifle does not', (t) => {
  const offering = (zone: string, capacityBytes: number) =>
    host(b, { offer: { name: 'b', zone, capacityBytes } });
  t.is(plan([host(a), offering('z', 1.05e12)]), undefined);
  t.is(plan([host(a), offering('z', 2e12)])?.members[1]?.capacityBytes, 2e12);
  t.is(plan([host(a), offering('z2', 1e12)])?.members[1]?.zone, 'z2');
});

test('layout plan: the last host that stores is never removed', (t) => {
  const gone = { aliveForMs: 0, deadForMs: 700_000 };
  t.is(plan([host(a, gone), host(b, gone)]), undefined);
});
