import test from 'ava';
import { loadsOf } from '../../agent/ring/assign.ts';
import { type Balanced, balance, type Draft } from '../../agent/ring/balance.ts';
import { fairShares } from '../../agent/ring/fair-share.ts';
import { countMoves } from '../../agent/ring/layout-report.ts';
import { parsePlace, spreadCaps } from '../../agent/ring/zone.ts';
import { hostId } from '../membership/fake-network.ts';
import { seeded } from '../membership/swim-world.ts';
import { loadOf } from './make.ts';

const host = (index: number, zone = 'z', capacityBytes = 1e12): Draft => ({
  hostId: hostId(index * 7_919 + 13),
  zone,
  capacityBytes,
});
const hosts = (count: number, make: (index: number) => Draft = host): Draft[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Each host's load by its share. */
const fullness = (drafts: readonly Draft[], { assignment }: Balanced): number[] => {
  const sorted = drafts
    .filter(({ capacityBytes }) => capacityBytes > 0)
    .toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1));
  const places = sorted.map(({ zone }) => parsePlace(zone));
  const shares = fairShares(
    sorted.map(({ zone, capacityBytes }) => ({ place: parsePlace(zone), weight: capacityBytes })),
    assignment.replicas,
    assignment.partitions,
    spreadCaps(places, assignment.replicas),
  );
  return [...loadsOf(assignment)].map((load, at) => load / (shares[at] ?? 0));
};

/** Zones of 1, 2, 3 and 4 hosts in ten. */
const unevenZone = (index: number): string => `z${[0, 1, 1, 2, 2, 2, 3, 3, 3, 3][index % 10]}`;

const shapes: readonly (readonly [string, number, number, (index: number) => Draft])[] = [
  ['5 hosts', 5, 8, (index) => host(index)],
  ['10 hosts', 10, 8, (index) => host(index)],
  ['30 hosts in 3 zones', 30, 10, (index) => host(index, `z${index % 3}`)],
  ['100 hosts', 100, 12, (index) => host(index)],
  ['100 hosts in 4 zones', 100, 12, (index) => host(index, `z${index % 4}`)],
  ['100 hosts in zones of weight 1:2:3:4', 100, 12, (index) => host(index, unevenZone(index))],
  [
    '60 hosts of four sizes in 2 zones',
    60,
    12,
    (index) => host(index, `z${index % 2}`, 1e12 * (1 + (index % 4))),
  ],
  [
    '100 hosts of four sizes in zones of weight 1:2:3:4',
    100,
    12,
    (index) => host(index, unevenZone(index), 1e12 * (1 + (index % 4))),
  ],
];

for (const [what, count, partitionBits, make] of shapes)
  test(`balance: ${what}: from nothing, nobody has more than 1.1 times its share`, (t) => {
    const drafts = hosts(count, make);
    const full = fullness(drafts, balance(drafts, 3, { partitionBits }));
    t.true(Math.max(...full) <= 1.1, `${Math.max(...full)}`);
    t.true(Math.min(...full) >= 0.75, `${Math.min(...full)}`);
  });

/** One change; what a host that came, went or changed wins or loses is the least that has to move. */
const change = (kind: 'join' | 'leave' | 'weight', drafts: Draft[], step: number, random: () => number) => {
  const at = Math.floor(random() * drafts.length);
  const one = drafts[at] as Draft;
  const factor = random() < 0.5 ? 2 : 0.5;
  if (kind === 'leave') return { id: one.hostId, drafts: drafts.filter((_, index) => index !== at) };
  if (kind === 'join') {
    const newcomer = { ...one, hostId: hostId(5_000_000 + step) };
    return { id: newcomer.hostId, drafts: [...drafts, newcomer] };
  }
  const changed = { ...one, capacityBytes: one.capacityBytes * factor };
  return { id: one.hostId, drafts: drafts.map((draft, index) => (index === at ? changed : draft)) };
};

for (const [what, count, partitionBits, make] of shapes.slice(1))
  test(`balance: ${what}: joins, leaves and other weights in turn move the least and a tenth, and stay fair`, (t) => {
    const random = seeded(5);
    let drafts = hosts(count, make);
    let now = balance(drafts, 3, { partitionBits });
    let [moved, least] = [0, 0];
    for (let step = 0; step < 60; step++) {
      const kind = (['join', 'leave', 'weight'] as const)[step % 3] ?? 'join';
      const next = change(kind, drafts, step, random);
      const { members: before, assignment: previous } = now;
      const after = balance(next.drafts, 3, { partitionBits, before, previous });
      moved += countMoves(previous, after.assignment);
      least += Math.abs(loadOf(after.assignment, next.id) - loadOf(previous, next.id));
      const fullest = Math.max(
        ...fullness(next.drafts, after).map((full, at) => full - 2 / (loadsOf(after.assignment)[at] ?? 1)),
      );
      t.true(fullest <= 1.1, `step ${step}: ${fullest}`);
      ({ drafts } = next);
      now = after;
    }
    t.log(`${(moved / least).toFixed(3)} times the least`);
    t.true(moved <= 1.1 * least, `${moved / least}`);
  });

test('balance: a host that outweighs all others owns each partition once', (t) => {
  const drafts = hosts(4, (index) => host(index, 'z', index === 0 ? 1e15 : 1e12));
  const { assignment } = balance(drafts, 3, { partitionBits: 8 });
  t.is(loadOf(assignment, drafts[0]?.hostId), 256);
  for (const { hostId: id } of drafts.slice(1)) t.true(loadOf(assignment, id) <= (1.1 * 256 * 2) / 3);
});

test('balance: three replicas become two without a move, and a witness weighs nothing', (t) => {
  const drafts = [...hosts(9), host(9, 'z', 0)];
  const three = balance(drafts, 3, { partitionBits: 8 });
  t.is(three.members.find(({ capacityBytes }) => capacityBytes === 0)?.weight, 0);
  const options = { partitionBits: 8, before: three.members, previous: three.assignment };
  const two = balance(drafts, 2, options);
  t.true(countMoves(three.assignment, two.assignment) <= 0.03 * 256 * 2);
  t.true(Math.max(...fullness(drafts, two)) <= 1.1);
});

test('balance: 100 hosts more at once move what they win and little else', (t) => {
  const drafts = hosts(200, (index) => host(index, `z${index % 4}`));
  const before = balance(drafts.slice(0, 100), 3, { partitionBits: 12 });
  const after = balance(drafts, 3, {
    partitionBits: 12,
    before: before.members,
    previous: before.assignment,
  });
  const won = drafts.slice(100).reduce((sum, { hostId: id }) => sum + loadOf(after.assignment, id), 0);
  t.true(countMoves(before.assignment, after.assignment) <= 1.1 * won);
  t.true(Math.max(...fullness(drafts, after)) <= 1.1);
});

test('balance: weights travel as they are: whoever assigns by them has the same owners', (t) => {
  const drafts = hosts(20, (index) => host(index, `z${index % 3}`));
  const { members, assignment } = balance(drafts, 3, { partitionBits: 8 });
  const travelled = JSON.parse(JSON.stringify(members)) as typeof members;
  t.deepEqual(
    balance(drafts, 3, { partitionBits: 8, before: travelled }).assignment.owners,
    assignment.owners,
  );
});
