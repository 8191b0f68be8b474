import test from 'ava';
import { foundLayout, nextLayout } from '../../agent/ring/layout.ts';
import { emptyHistory, type History, mergeProgress } from '../../agent/ring/layout-history.ts';
import { ownerIndex } from '../../agent/ring/owner-index.ts';
import { mayCopy } from '../../agent/ring/settling.ts';
import type { HostId } from '../../proto/ids.ts';
import { hostId } from '../membership/fake-network.ts';

const [a, b, c, d] = [hostId(1), hostId(2), hostId(3), hostId(4)] as [HostId, HostId, HostId, HostId];
const member = (host: HostId) => ({ hostId: host as string, zone: 'z', capacityBytes: 1e12 });
const old = nextLayout(foundLayout(member(a), 6), [a, b, c].map(member), '');
const joined = nextLayout(old, [a, b, c, d].map(member), 'joined');
const nobody = (): boolean => false;

const may = (acked: readonly HostId[], reachable: (host: HostId) => boolean, newest = joined): boolean => {
  const ack = Object.fromEntries(acked.map((host) => [host, newest.version]));
  const history: History = mergeProgress(
    { ...emptyHistory, live: [old, newest] },
    { ack, sync: {}, syncAck: {} },
  );
  const index = ownerIndex(d);
  index.update(history);
  return mayCopy(history, index, d, reachable);
};

test('settling: copying begins when all old owners have acked', (t) => {
  t.true(may([a, b, c], () => true));
});

test('settling: a reachable owner that has not acked is waited for', (t) => {
  t.false(may([a, b], () => true));
});

test('settling: a dead owner is not waited for while a quorum has acked', (t) => {
  t.true(may([a, b], (host) => host !== c));
  t.false(may([a], nobody), 'one of three is no quorum: an acknowledged write may be on the other two alone');
});

test('settling: after a forced removal a quorum of those that are left is enough', (t) => {
  const forced = nextLayout(old, [a, b, d].map(member), 'forced out', [c]);
  t.false(may([a], nobody, forced));
  t.true(may([a, b], nobody, forced));
});
