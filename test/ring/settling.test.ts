import test from 'ava';
import { emptyHistory, type History, mergeProgress } from '../../agent/ring/layout-history.ts';
import { ownerIndex } from '../../agent/ring/owner-index.ts';
import { mayCopy } from '../../agent/ring/settling.ts';
import type { HostId } from '../../proto/ids.ts';
import { hostId } from '../membership/fake-network.ts';
import { firstLayout, layoutAfter, memberOf } from './make.ts';

const [a, b, c, d] = [hostId(1), hostId(2), hostId(3), hostId(4)] as [HostId, HostId, HostId, HostId];
const member = memberOf;
const old = layoutAfter(
  firstLayout(member(a), 6),
  [a, b, c].map((host) => member(host)),
  '',
);
const joined = layoutAfter(
  old,
  [a, b, c, d].map((host) => member(host)),
  'joined',
);
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
  const forced = layoutAfter(
    old,
    [a, b, d].map((host) => member(host)),
    'forced out',
    [c],
  );
  t.false(may([a], nobody, forced));
  t.true(may([a, b], nobody, forced));
});
