import test from 'ava';
import { type RankedHost, type Ranking, rank, rankedHosts, scoreOf } from '../../agent/ring/ranking.ts';
import type { HostId } from '../../proto/ids.ts';
import { hostId } from '../membership/fake-network.ts';
import { seeded } from '../membership/swim-world.ts';

const partitions = 128;

const hosts = (count: number): RankedHost[] =>
  Array.from({ length: count }, (_, index) => ({ id: hostId(index * 7_919 + 13), weight: 1e12 })).sort(
    (a, b) => (a.id < b.id ? -1 : 1),
  );

const listOf = (ranking: Ranking, partition: number): HostId[] =>
  Array.from(
    ranking.indexes.subarray(
      partition * rankedHosts,
      partition * rankedHosts + (ranking.lengths[partition] ?? 0),
    ),
    (index) => ranking.hosts[index]?.id as HostId,
  );

/** By the definition: all hosts in order of their scores. */
const orderOf = (ranking: Ranking, partition: number): HostId[] =>
  ranking.hosts
    .map(({ id }, index) => ({ id, score: scoreOf(ranking, partition, index) }))
    .sort((a, b) => a.score - b.score || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);

/** Every list is the beginning of the whole order; the mean length of them. */
const meanLength = (ranking: Ranking): number => {
  let places = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const list = listOf(ranking, partition);
    const order = orderOf(ranking, partition).slice(0, list.length);
    if (list.join() !== order.join()) throw new Error(`partition ${partition}: ${list} is not ${order}`);
    places += list.length;
  }
  return places / partitions;
};

test('ranking: of a few hosts each list has all, of many the first', (t) => {
  t.is(meanLength(rank(hosts(9), partitions)), 9);
  t.is(meanLength(rank(hosts(rankedHosts), partitions)), rankedHosts);
  t.true(meanLength(rank(hosts(300), partitions)) > rankedHosts - 1);
});

for (const [what, spread] of [
  ['all weights change a little', 0.1],
  ['all weights change, some of them much', 0.3],
] as const)
  test(`ranking: where ${what}, what is left of the lists is exact, and never less than half`, (t) => {
    const random = seeded(22);
    let now = hosts(300);
    let ranking = rank(now, partitions);
    const lengths: number[] = [];
    for (let step = 0; step < 20; step++) {
      now = now.map((host) => ({ ...host, weight: host.weight * (1 - spread + 2 * spread * random()) }));
      ranking = rank(now, partitions, ranking);
      lengths.push(meanLength(ranking));
    }
    t.true(Math.min(...lengths) >= rankedHosts / 2, `${lengths}`);
    t.true(
      lengths.some((length) => length < 17),
      'no list was ever carried over',
    );
  });

test('ranking: hosts that come, go and change their weight leave exact lists', (t) => {
  const random = seeded(23);
  let now = hosts(60);
  let ranking = rank(now, partitions);
  for (let step = 0; step < 40; step++) {
    const at = Math.floor(random() * now.length);
    if (step % 3 === 0) now = now.filter((_, index) => index !== at);
    else if (step % 3 === 1) now = [...now, { id: hostId(500_000 + step), weight: 1e12 }];
    else
      now = now.map((host, index) => (index === at ? { ...host, weight: host.weight * 2 * random() } : host));
    now.sort((a, b) => (a.id < b.id ? -1 : 1));
    ranking = rank(now, partitions, ranking);
    t.true(meanLength(ranking) > 0);
  }
});
