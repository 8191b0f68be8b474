/**
 * Who owns what in the largest cluster planned for: 65,536 partitions of three copies over 1,000 hosts in ten zones,
 * then one host more. Beside one pass of the pair hash over all pairs of a host and a partition, which rendezvous
 * hashing cannot do without; for one host more, over the pairs of that host, and a copy of all the rest.
 */
import { type Assignment, assign, loadsOf } from '../../agent/ring/assign.ts';
import { balance, type Draft } from '../../agent/ring/balance.ts';
import { countMoves } from '../../agent/ring/layout-report.ts';
import { hashPair, seedOf, seedOfPartition } from '../../agent/ring/rendezvous.ts';
import { hostId } from '../membership/fake-network.ts';
import { printTable, round } from './table.ts';

const partitionBits = 16;
const partitions = 2 ** partitionBits;
const replicas = 3;
const hostCount = 1_000;
/** The first runs warm the compiler up; the quickest is the one that nobody else on the machine disturbed. */
const repeats = 5;

const draftOf = (index: number): Draft => ({
  hostId: hostId(index * 7_919 + 13),
  zone: `z${index % 10}`,
  capacityBytes: 1e12,
});

/** Milliseconds of this thread. */
const quickest = <T>(work: () => T): { readonly ms: number; readonly result: T } => {
  let best: { ms: number; result: T } | undefined;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = process.cpuUsage();
    const result = work();
    const { user, system } = process.cpuUsage(start);
    const ms = (user + system) / 1_000;
    if (!best || ms < best.ms) best = { ms, result };
  }
  if (!best) throw new Error('nothing was run');
  return best;
};

const hashAllPairs = (hosts: readonly string[]): number => {
  const seeds = hosts.map(seedOf);
  const firsts = Int32Array.from(seeds, ({ first }) => first);
  const seconds = Int32Array.from(seeds, ({ second }) => second);
  let sum = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const seed = seedOfPartition(partition);
    for (let host = 0; host < firsts.length; host++)
      sum ^= hashPair(seed, firsts[host] as number, seconds[host] as number);
  }
  return sum;
};

/** The heaviest host's load over the mean. All have the same capacity. */
const crowding = (assignment: Assignment): number =>
  Math.max(...loadsOf(assignment)) / ((partitions * assignment.replicas) / assignment.hosts.length);

export const benchRing = async (): Promise<void> => {
  const drafts = Array.from({ length: hostCount }, (_, index) => draftOf(index));
  const more = [...drafts, draftOf(hostCount)];
  const limit = quickest(() => hashAllPairs(drafts.map((draft) => draft.hostId))).ms;

  const first = balance(drafts, replicas, { partitionBits });
  const membersOf = ({ members }: typeof first) =>
    members.map(({ hostId: host, weight, zone }) => ({ hostId: host as never, weight, zone }));
  const full = quickest(() => assign(membersOf(first), replicas, partitionBits));
  const { ranking } = first.assignment;
  const limitOfOne = quickest(() => [
    hashAllPairs([draftOf(hostCount).hostId]),
    ranking.scores.slice(),
    ranking.indexes.slice(),
  ]).ms;
  const founded = quickest(() => balance(drafts, replicas, { partitionBits }));
  const options = { partitionBits, before: first.members, previous: first.assignment };
  const second = balance(more, replicas, options);
  const joined = quickest(() => assign(membersOf(second), replicas, partitionBits, first.assignment));
  const planned = quickest(() => balance(more, replicas, options));
  const moves = countMoves(first.assignment, second.assignment);
  const fair = (partitions * replicas) / more.length;

  console.log(`${partitions} partitions x ${replicas}, ${hostCount} hosts in 10 zones, CPU time`);
  printTable(
    ['what', 'ms', 'limit', 'limit ms', 'times'],
    [
      ['owners from the weights', full.ms, 'hash every pair', limit],
      ['weights and owners, from nothing', founded.ms, 'hash every pair', limit],
      ['one host more: owners from the weights', joined.ms, 'hash its pairs, copy the rest', limitOfOne],
      ['one host more: weights and owners', planned.ms, 'hash its pairs, copy the rest', limitOfOne],
    ].map(([what, ms, name, least]) => [
      String(what),
      round(Number(ms)),
      String(name),
      round(Number(least)),
      round(Number(ms) / Number(least)),
    ]),
  );
  console.log();
  printTable(
    ['balance', 'value', 'wish'],
    [
      ['largest load / mean', round(crowding(full.result)), 'at most 1.1'],
      ['... with one host more', round(crowding(second.assignment)), 'at most 1.1'],
      ['copies moved by the newcomer / its fair share', round(moves / fair), '1'],
    ],
  );
};
