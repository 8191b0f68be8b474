import test from 'ava';
import { fill } from '../../agent/ring/fair-share.ts';
import { partitionOf } from '../../agent/ring/partition.ts';
import {
  exponential,
  hashPair,
  rendezvousOrder,
  seedOf,
  seedOfPartition,
} from '../../agent/ring/rendezvous.ts';
import { parsePlace, spreadCaps } from '../../agent/ring/zone.ts';
import { hostId } from '../membership/fake-network.ts';

test('rendezvous: the exact logarithm agrees with the library within 1e-7', (t) => {
  for (const hash of [0, 1, 2, 3, 255, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, 123_456_789])
    t.true(Math.abs(exponential(hash) + Math.log((hash + 0.5) / 2 ** 32)) < 1e-7, `${hash}`);
});

test('rendezvous: hashes of pairs are even: 64 bins hold what chance allows', (t) => {
  const bins = new Array<number>(64).fill(0);
  for (let host = 0; host < 50; host++) {
    const { first, second } = seedOf(hostId(host));
    for (let partition = 0; partition < 2_048; partition++) {
      const bin = hashPair(seedOfPartition(partition), first, second) >>> 26;
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
  }
  const mean = (50 * 2_048) / 64;
  const chiSquare = bins.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  // 63 degrees of freedom: beyond 110 with a chance below 0.0003.
  t.true(chiSquare < 110, `${chiSquare}`);
});

test('rendezvous: the order of names depends on the subject and not on the order given', (t) => {
  const names = [1, 2, 3, 4, 5, 6].map(hostId);
  t.deepEqual(rendezvousOrder(names, 3), rendezvousOrder(names.toReversed(), 3));
  const firsts = new Set(Array.from({ length: 60 }, (_, version) => rendezvousOrder(names, version)[0]));
  t.is(firsts.size, 6);
});

test('fair share: what a full vessel cannot take flows to the others', (t) => {
  t.deepEqual(
    fill(300, [
      { weight: 8, max: 100 },
      { weight: 1, max: 100 },
      { weight: 1, max: 150 },
    ]),
    [100, 100, 100],
  );
  t.deepEqual(
    fill(30, [
      { weight: 1, max: 100 },
      { weight: 2, max: 100 },
    ]),
    [10, 20],
  );
});

test('zone: the caps are the smallest under which all copies find a place', (t) => {
  const caps = (replicas: number, ...zones: string[]) => spreadCaps(zones.map(parsePlace), replicas);
  t.deepEqual(caps(3, 'a', 'b', 'c'), { perZone: 1, perRack: 1 });
  t.deepEqual(caps(3, 'a', 'a', 'a'), { perZone: 3, perRack: 3 });
  t.deepEqual(caps(3, 'a', 'a', 'b', 'b'), { perZone: 2, perRack: 2 });
  t.deepEqual(caps(3, 'a/1', 'a/2', 'a/3', 'b'), { perZone: 2, perRack: 1 });
  t.deepEqual(caps(3, 'a', 'b', 'b', 'b', 'b'), { perZone: 2, perRack: 2 });
  t.deepEqual(caps(1, 'a'), { perZone: 1, perRack: 1 });
});

test('partition: it is the first bits of the key’s BLAKE3', (t) => {
  // BLAKE3 of the empty input begins af1349b9 (the official test vectors).
  t.is(partitionOf('', 8), 0xaf);
  t.is(partitionOf('', 16), 0xaf13);
  t.is(partitionOf('', 12), 0xaf1);
  t.is(partitionOf('', 0), 0);
});
