import test from 'ava';
import { needOf } from '../../agent/ring/spare.ts';
import type { HostId } from '../../proto/ids.ts';
import { hostId } from '../membership/fake-network.ts';
import { firstLayout, layoutAfter, memberOf } from './make.ts';

const [a, b, c, d] = [hostId(1), hostId(2), hostId(3), hostId(4)];
const one = firstLayout(memberOf(a), 8);
const two = layoutAfter(one, [a, b].map(memberOf), '');
const three = layoutAfter(two, [a, b, c].map(memberOf), '');
const set = (layoutVersion: number, owners: readonly HostId[], quorum: number) => ({
  ...{ layoutVersion, owners, quorum },
});
const left = (...hosts: readonly HostId[]) => {
  const all = new Set(hosts);
  return (host: HostId): boolean => all.has(host);
};

test('spare: of three any one may go, of two none, and of one not the last', (t) => {
  const sets = [set(3, [a, b, c], 2)];
  for (const host of [a, b, c]) t.is(needOf(host, left(a, b, c), three, sets), undefined);
  for (const host of [a, b]) t.regex(needOf(host, left(a, b), two, []) ?? '', /has 2 voters, and 2 have to/);
  t.regex(needOf(a, left(a, b), one, []) ?? '', /has 1 voters/);
});

test('spare: the second of three may not go before the layout without the first has settled', (t) => {
  const sets = [set(3, [a, b, c], 2)];
  t.truthy(needOf(b, left(b, c), three, sets), 'a was taken off a moment ago');
});

test('spare: owners count in each live layout by themselves, and only where the host is one of them', (t) => {
  const old = set(2, [a, d], 2);
  t.regex(needOf(a, left(a, b, c, d), three, [old]) ?? '', /of 2 owners of some rows in layout 2/);
  t.is(
    needOf(b, left(a, b, c), three, [old, set(3, [a, b, c], 2)]),
    undefined,
    'd is missing without it, too',
  );
});

test('spare: who is in no live layout may always go', (t) => {
  t.is(needOf(d, left(a, b, d), two, [set(2, [a, b], 2)]), undefined);
});
