import test from 'ava';
import { type AssignMember, type Assignment, assign } from '../../agent/ring/assign.ts';
import { countMoves } from '../../agent/ring/layout-report.ts';
import { parsePlace } from '../../agent/ring/zone.ts';
import type { HostId } from '../../proto/ids.ts';
import { cpuMs } from '../cpu-time.ts';
import { hostId } from '../membership/fake-network.ts';
import { seeded } from '../membership/swim-world.ts';
import { loadOf } from './make.ts';

const ownersOf = (assignment: Assignment, partition: number): HostId[] =>
  Array.from(
    assignment.owners.subarray(partition * assignment.replicas, (partition + 1) * assignment.replicas),
    (index) => assignment.hosts[index] as HostId,
  );
const bytesOf = (assignment: Assignment): string =>
  JSON.stringify(
    Array.from({ length: assignment.partitions }, (_, partition) => ownersOf(assignment, partition)),
  );

const members = (
  count: number,
  shape: { readonly zones?: number; readonly weight?: (index: number) => number } = {},
): AssignMember[] =>
  Array.from({ length: count }, (_, index) => ({
    hostId: hostId(index * 7_919 + 13),
    weight: shape.weight?.(index) ?? 1e12,
    zone: shape.zones ? `z${index % shape.zones}` : 'default',
  }));
const newcomer: AssignMember = { hostId: hostId(999_983), weight: 1e12, zone: 'z0' };

test('assign: every partition has as many different owners as asked for', (t) => {
  for (const count of [1, 2, 3, 4, 9, 40]) {
    const assignment = assign(members(count), 3, 8);
    t.is(assignment.replicas, Math.min(3, count));
    for (let partition = 0; partition < 256; partition++)
      t.is(new Set(ownersOf(assignment, partition)).size, assignment.replicas);
  }
});

test('assign: the order of the members means nothing', (t) => {
  const all = members(20, { zones: 4 });
  t.is(bytesOf(assign(all, 3, 8)), bytesOf(assign(all.toReversed(), 3, 8)));
});

test('assign: the result with an earlier assignment at hand is the same as without', (t) => {
  const random = seeded(21);
  let now = members(40, { zones: 5, weight: (index) => 1e12 * (1 + (index % 3)) });
  let chained: Assignment | undefined;
  for (let step = 0; step < 12; step++) {
    chained = assign(now, 3, 9, chained);
    t.is(bytesOf(chained), bytesOf(assign(now, 3, 9)), `step ${step}`);
    const kind = step % 3;
    const at = Math.floor(random() * now.length);
    if (kind === 0) now = now.filter((_, index) => index !== at);
    else if (kind === 1) now = [...now, { ...newcomer, hostId: hostId(500_000 + step) }];
    else now = now.map((member, index) => (index === at ? { ...member, weight: 5e12 } : member));
  }
});

test('assign: few hosts that become many and few again give the same owners as from scratch', (t) => {
  let chained = assign(members(19), 3, 8);
  for (const count of [20, 21, 22, 23, 60, 23, 20, 18]) {
    chained = assign(members(count), 3, 8, chained);
    t.is(bytesOf(chained), bytesOf(assign(members(count), 3, 8)), `${count} hosts`);
  }
});

test('assign: owners are in different zones where there are three, in both where there are two', (t) => {
  for (const zones of [2, 3, 5]) {
    const all = members(30, { zones });
    const zoneOf = new Map(all.map((member) => [member.hostId, member.zone]));
    const assignment = assign(all, 3, 10);
    for (let partition = 0; partition < assignment.partitions; partition++) {
      const seen = new Set(ownersOf(assignment, partition).map((host) => zoneOf.get(host)));
      if (seen.size !== Math.min(3, zones)) t.fail(`partition ${partition} is in ${[...seen]}`);
    }
  }
  t.pass();
});

test('assign: within two zones the two copies in one are in different racks', (t) => {
  const all = members(24).map((member, index) => ({ ...member, zone: `z${index % 2}/r${index % 6}` }));
  const rackOf = new Map(all.map((member) => [member.hostId, parsePlace(member.zone).rack]));
  const assignment = assign(all, 3, 9);
  for (let partition = 0; partition < assignment.partitions; partition++)
    if (new Set(ownersOf(assignment, partition).map((host) => rackOf.get(host))).size < 3)
      t.fail(`partition ${partition} has two copies in a rack`);
  t.pass();
});

test('assign: a zone with one host among crowded ones gets a copy of everything, no more', (t) => {
  const all = members(11).map((member, index) => ({ ...member, zone: index === 0 ? 'small' : 'large' }));
  t.is(loadOf(assign(all, 3, 8), all[0]?.hostId), 256);
});

test('assign: what a newcomer wins is all that moves', (t) => {
  for (const zones of [0, 2, 3, 5]) {
    const all = members(50, { zones });
    const before = assign(all, 3, 10);
    const after = assign([...all, newcomer], 3, 10);
    t.is(countMoves(before, after), loadOf(after, newcomer.hostId), `${zones} zones`);
    t.is(countMoves(after, before), loadOf(after, newcomer.hostId), 'and when it goes, only what it held');
  }
});

test('assign: fewer replicas are the first of more, as far as the spread is the same', (t) => {
  const all = members(30, { zones: 5 });
  const [two, three] = [assign(all, 2, 9), assign(all, 3, 9)];
  t.is(countMoves(three, two), 0);
  t.is(countMoves(two, three), 512);
});

test('assign: a zone of one host among a thousand is found for every partition', (t) => {
  const all = members(1_000).map((member, index) => ({ ...member, zone: index === 7 ? 'small' : 'large' }));
  const start = process.cpuUsage();
  const assignment = assign(all, 3, 12);
  t.is(loadOf(assignment, all[7]?.hostId), 4_096);
  const { user, system } = process.cpuUsage(start);
  t.true(user + system < 5e6);
});

test('assign: a witness owns nothing', (t) => {
  const all = members(4, { weight: (index) => (index === 2 ? 0 : 1e12) });
  const assignment = assign(all, 3, 8);
  t.false(assignment.hosts.includes(all[2]?.hostId as HostId));
  t.is(assign(members(2, { weight: (index) => index }), 3, 8).replicas, 1);
});

test('assign: the first of the owners is each host about equally often', (t) => {
  const assignment = assign(members(5), 3, 12);
  const firsts = new Map<HostId, number>();
  for (let partition = 0; partition < 4_096; partition++) {
    const [first] = ownersOf(assignment, partition);
    if (first) firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  for (const count of firsts.values()) t.true(count > 700 && count < 940, `${count}`);
});

test('assign: 65,536 partitions over 1,000 hosts are a matter of a second, one host more of a fraction', (t) => {
  const all = members(1_000, { zones: 10 });
  let before: ReturnType<typeof assign> | undefined;
  const fullMs = cpuMs(() => {
    before = assign(all, 3, 16);
  });
  const moreMs = cpuMs(() => assign([...all, newcomer], 3, 16, before));
  t.log(`full ${fullMs.toFixed(0)} ms, one more ${moreMs.toFixed(0)} ms of CPU`);
  // Wide of the target (1,000 and 100 on a quiet machine), so that a busy one does not fail.
  t.true(fullMs < 5_000);
  t.true(moreMs < fullMs / 2);
});
