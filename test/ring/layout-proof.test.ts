import test from 'ava';
import { forcedLayout } from '../../agent/ring/forced.ts';
import { acceptorsOf, foundLayout, nextLayout } from '../../agent/ring/layout.ts';
import { isProven, signVote } from '../../agent/ring/layout-proof.ts';
import { mostKnown } from '../../agent/ring/most-known.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import { fakeSigner } from '../fake/signer.ts';
import { hostId } from '../membership/fake-network.ts';

const member = (host: HostId) => ({ hostId: host, zone: 'z', capacityBytes: 1e12, weight: 1e12 });
const hosts = [0, 1, 2].map(hostId);
const [a, b, c] = hosts as [HostId, HostId, HostId];
const proposal = { atMs: 1, by: a };
const first = foundLayout(member(a), 4, proposal);
const three = nextLayout(first, { members: hosts.map(member), reason: 'three', ...proposal });
const next = nextLayout(three, { members: [member(a), member(b)], reason: 'c left', ...proposal });
const ballot = (round: number) => ({ round, host: a, run: 1 });
const votesBy = (voters: readonly HostId[], layout: Layout, round = 1) =>
  voters.map((host) => ({ host, signature: signVote(fakeSigner(host), layout, ballot(round)) }));
const proven = (layout: Layout, votes: ReturnType<typeof votesBy>, round = 1): boolean =>
  isProven(fakeSigner(a), three, { ...layout, proof: { ballot: ballot(round), votes } }, () => true);

test('proof: a majority of the acceptors under one ballot is enough, fewer are not', (t) => {
  t.deepEqual([...acceptorsOf(three)].sort(), [...hosts].sort());
  t.true(proven(next, votesBy([a, b], next)));
  t.false(proven(next, votesBy([a], next)));
  t.false(
    isProven(fakeSigner(a), three, next, () => true),
    'without any',
  );
});

test('proof: votes that were made up, doubled, for another version or ballot, or by strangers do not count', (t) => {
  const [mine] = votesBy([a], next);
  if (!mine) return t.fail();
  t.false(proven(next, [mine, { ...mine, host: b }]), 'under another name');
  t.false(proven(next, [mine, mine]));
  t.false(proven(next, [mine, ...votesBy([b], { ...next, reason: 'other' })]));
  t.false(proven(next, [mine, ...votesBy([b], next, 2)]), 'two ballots can add up to what was never chosen');
  t.false(proven(next, [mine, ...votesBy([hostId(7)], next)]));
  t.false(proven({ ...next, reason: 'other' }, votesBy([a, b], next)));
});

test('proof: a forced version is taken where it only leaves out a host that is off the roster', (t) => {
  const forced = forcedLayout(three, c, proposal);
  const without = (gone: HostId) => (host: HostId) => host !== gone;
  const right = (layout: Layout, isRostered: (host: HostId) => boolean) =>
    isProven(fakeSigner(a), three, layout, isRostered);
  t.true(right(forced, without(c)));
  t.false(
    right(forced, () => true),
    'it is still on the roster',
  );
  t.false(right({ ...forced, members: [member(a)] }, without(c)), 'it leaves out another one, too');
  t.false(
    right({ ...forced, members: [member(a), { ...member(b), weight: 1 }] }, without(c)),
    'weights of its own',
  );
  t.false(right({ ...forced, forced: [c, b] }, () => false));
});

test('lost: the newest version that most tell alike is believed, whoever tells more', (t) => {
  const none = { ack: {}, sync: {}, syncAck: {} };
  const tale = (oldest: number, ...layouts: readonly Layout[]) => ({
    ...{ oldest, progress: none, wishes: {} },
    layouts: [...layouts],
  });
  const lie = { ...foundLayout(member(c), 4, proposal), version: 900 };
  const told = (...tales: readonly ReturnType<typeof tale>[]) =>
    mostKnown(tales.map((one, at) => ({ from: hosts[at] ?? c, tale: one })))?.tale.layouts.map(
      ({ version }) => version,
    );
  t.deepEqual(told(tale(1, first)), [1]);
  t.deepEqual(told(tale(2, three), tale(2, three), tale(900, lie)), [2]);
  t.deepEqual(
    told(tale(2, three, next), tale(2, three), tale(2, three)),
    [2],
    'what follows comes with its proof',
  );
  t.is(told(tale(2, three), tale(900, lie)), undefined, 'one word against the other');
  t.is(told(tale(0), tale(0)), undefined);
});
