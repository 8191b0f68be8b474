import { randomBytes } from 'node:crypto';
import test from 'ava';
import { openFragment, sealFragment } from '../../../agent/chunk/stripe/fragment.ts';
import { codeOf, fragmentName, parseFragmentName, stripeIdOf } from '../../../agent/chunk/stripe/name.ts';
import { stripeQuorum, stripeRing } from '../../../agent/chunk/stripe/place.ts';
import type { HostId } from '../../../proto/ids.ts';
import { codes, fragmentCount } from '../../../proto/policy.ts';
import { layouts, testRing } from '../../table/network.ts';

const code = { data: 4, parity: 2 };
const hosts = (count: number): HostId[] =>
  Array.from({ length: count }, (_, index) => `host-${index}` as HostId);

test('stripe: its id says its code, and the same bytes under two codes are two stripes', (t) => {
  const bytes = randomBytes(1000);
  const ids = codes.map((each) => stripeIdOf(bytes, each));
  t.is(new Set(ids).size, codes.length);
  t.deepEqual(
    ids.map((id) => codeOf(id)?.code),
    [...codes],
  );
  t.is(codeOf('0'.repeat(64) as never), undefined);
});

test('fragment: a name is an id of a known code and a number of it', (t) => {
  const stripe = stripeIdOf(randomBytes(10), code);
  t.deepEqual(parseFragmentName(`${stripe}.5`), { stripe, index: 5 });
  for (const name of [
    stripe,
    `${stripe}.6`,
    `${stripe}.05`,
    `${stripe}.x`,
    `${stripe}.`,
    `${'0'.repeat(64)}.1`,
    '.1',
  ])
    t.throws(() => parseFragmentName(name), { code: 'BAD_REQUEST' }, name);
});

test('fragment: one changed bit anywhere, a cut end and another fragment’s place are found out', (t) => {
  const stripe = stripeIdOf(randomBytes(400), code);
  const bytes = randomBytes(100);
  const name = fragmentName(stripe, 3);
  const file = sealFragment(stripe, { index: 3, bytes, length: 400 });
  t.deepEqual(openFragment(name, file)?.length, 400);
  t.deepEqual(Buffer.from(openFragment(name, file)?.bytes ?? []), bytes);
  for (let at = 0; at < file.length; at++) {
    const bad = Uint8Array.from(file);
    bad[at] = (bad[at] ?? 0) ^ 1;
    t.is(openFragment(name, bad), undefined, `byte ${at}`);
  }
  t.is(openFragment(name, file.subarray(1)), undefined);
  t.is(openFragment(name, new Uint8Array(3)), undefined);
  t.is(openFragment(fragmentName(stripe, 2), file), undefined);
  t.is(openFragment(fragmentName(stripeIdOf(randomBytes(4), code), 3), file), undefined);
});

test('quorum: whichever host is lost after a write, the others that have it hold k fragments', (t) => {
  t.is(stripeQuorum(6, code), 5);
  t.is(stripeQuorum(3, { data: 2, parity: 1 }), 3);
  t.is(stripeQuorum(3, code), 3, 'two fragments each');
  t.is(stripeQuorum(2, code), 2, 'no quorum survives that: both');
  t.is(stripeQuorum(1, code), 1);
  for (const each of codes)
    for (let count = 1; count <= fragmentCount(each); count++) {
      const loads = Array.from({ length: count }, (_, place) =>
        Math.ceil((fragmentCount(each) - place) / count),
      ).sort((a, b) => a - b);
      const quorum = stripeQuorum(count, each);
      const least = loads.slice(0, quorum - 1).reduce((sum, load) => sum + load, 0);
      t.true(least >= each.data || quorum === count);
    }
});

test('place: every fragment has one host, hosts have one each, or as even as they can', (t) => {
  for (const count of [1, 2, 3, 4, 5, 6, 9]) {
    const all = hosts(count);
    const ring = stripeRing(testRing(all[0] as HostId, layouts([{ version: 1, hosts: all }])));
    for (let trial = 0; trial < 20; trial++) {
      const stripe = stripeIdOf(randomBytes(8), code);
      const held = all.map((host) => ring.dueOf(stripe, host));
      t.deepEqual(held.flat().sort(), [0, 1, 2, 3, 4, 5]);
      const most = Math.max(...held.map(({ length }) => length));
      t.is(most, Math.ceil(6 / count));
      for (let index = 0; index < 6; index++) {
        const [holder, ...others] = ring.holders(stripe, index);
        t.deepEqual(others, []);
        t.true(holder !== undefined && ring.dueOf(stripe, holder).includes(index));
      }
      t.deepEqual(
        [...ring.owners(ring.partitionOf(stripe))].sort(),
        all.filter((host) => ring.dueOf(stripe, host).length > 0),
      );
    }
  }
});

test('place: while two layouts live a host holds its fragments of both', (t) => {
  const all = hosts(7);
  const self = all[0] as HostId;
  const ring = stripeRing(
    testRing(
      self,
      layouts([
        { version: 1, hosts: all.slice(0, 6) },
        { version: 2, hosts: all },
      ]),
    ),
  );
  const stripe = stripeIdOf(randomBytes(8), code);
  const sets = ring.ownerSets(ring.partitionOf(stripe));
  t.deepEqual(
    sets.map(({ layoutVersion, owners, quorum }) => [layoutVersion, owners.length, quorum]),
    [
      [1, 6, 5],
      [2, 6, 5],
    ],
  );
  for (const host of all) {
    const places = sets.map(({ owners }) => owners.indexOf(host)).filter((place) => place >= 0);
    t.deepEqual(ring.dueOf(stripe, host), [...new Set(places)].sort());
  }
});

test('place: hosts that were removed by force count no more, the others keep their fragments', (t) => {
  const all = hosts(6);
  const [self] = all as [HostId];
  const gone = all.slice(1);
  const base = testRing(self, layouts([{ version: 1, hosts: all }]));
  const stripe = stripeIdOf(randomBytes(8), code);
  const held = stripeRing(base).dueOf(stripe, self);
  const ring = stripeRing({
    ...base,
    wideOwners: (partition, width) => base.wideOwners(partition, width).map((set) => ({ ...set, gone })),
  });
  const partition = ring.partitionOf(stripe);
  t.deepEqual(ring.ownerSets(partition), [{ layoutVersion: 1, owners: [self], quorum: 1 }]);
  t.deepEqual(ring.owners(partition), [self]);
  t.deepEqual(ring.dueOf(stripe, self), held);
});

test('place: an id of no known code belongs to nobody', (t) => {
  const all = hosts(6);
  const ring = stripeRing(testRing(all[0] as HostId, layouts([{ version: 1, hosts: all }])));
  const id = '0'.repeat(64) as never;
  t.deepEqual(ring.owners(ring.partitionOf(id)), []);
  t.deepEqual(ring.dueOf(id, all[0] as HostId), []);
});
