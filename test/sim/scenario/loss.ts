/**
 * More is lost at once than a cluster can do without: so many voters lose their disks that nobody knows any more what
 * was promised. Nothing wrong may be served then, only refused, and no layout may be agreed; those who lost their
 * disks say so. What was answered until the operator gives lost hosts up is linearizable; afterwards all go on.
 */
import { minuteMs, secondMs } from '../../../proto/units.ts';
import { hostId } from '../../membership/fake-network.ts';
import { linearizabilityFaults } from '../check/linearizability.ts';
import { client } from '../client/driver.ts';
import { records as openRecords } from '../client/records.ts';
import { buildCluster, type Cluster, until } from '../cluster.ts';
import { fairWeather } from '../network.ts';
import type { Node } from '../node.ts';
import {
  type ClusterCalls,
  type ClusterHost,
  type ClusterParts,
  soundParts,
} from '../program/cluster-host.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const busyMs = 4 * secondMs;
const silentMs = 8 * secondMs;
/** For each host that is given up: a layout is forced and settles, the others recall their votes and copy their rows. */
const settleMs = 2 * minuteMs;

const callsOf = ({ program }: Node<ClusterHost>): ClusterCalls | undefined => program?.calls;

const unsettled = ({ nodes }: Cluster): string[] =>
  nodes.flatMap((each) => {
    const { ring, tables } = callsOf(each) ?? {};
    if (!ring || !tables) return [`${each.id} is not open`];
    const { settled, members } = ring.describe();
    const isWell = settled && members.length === nodes.length && ring.isVoter && tables.status().whole;
    return isWell ? [] : [`${each.id} has layout ${ring.newest} with ${members.length} of ${nodes.length}`];
  });

/** The operator: takes the host off the roster and forces it out, at one that has its disk. */
const giveUp = async (cluster: Cluster, lost: Node<ClusterHost>, at: Node<ClusterHost>): Promise<void> => {
  const { world } = cluster;
  cluster.expel(lost);
  let isForced = false;
  await until(world, settleMs, () => {
    if (isForced) return [];
    // Who has not heard of it would take it in again.
    if (!cluster.isOff(lost.id)) return ['not off everyone\u2019s roster'];
    callsOf(at)
      ?.ring.force(lost.id)
      .then(
        () => {
          isForced = true;
        },
        // Another version came first, or it is out already: look again.
        (thrown: { code?: string }) => {
          isForced = thrown.code === 'NOT_FOUND';
        },
      );
    world.wake();
    return ['not forced'];
  });
};

const run = async (world: World, parts: ClusterParts): Promise<Outcome> => {
  const { random } = world;
  const size = random.pick([2, 3, 3, 4, 5]);
  const cluster = buildCluster(
    world,
    Array.from({ length: size }, (_, index) => hostId(index)),
    parts,
  );
  const { nodes } = cluster;
  const records = openRecords(world, { groups: 2, keys: 3, readShare: 0.5, rowShare: 0.5 });
  const done = (violation: readonly string[]): Outcome => ({
    operations: [...records.histories.values()].reduce((sum, { size: own }) => sum + own, 0),
    ...(violation.length > 0 && { violation: violation.join('; ') }),
  });
  // A founder founds while it is alone.
  cluster.join(hostId(0));
  await until(world, settleMs, () => unsettled(cluster));
  for (let index = 1; index < size; index++) cluster.join(hostId(index));
  const restless = await until(world, settleMs, () => unsettled(cluster));
  if (restless.length > 0) return done(['did not start', ...restless]);

  let isOver = false;
  for (let index = 0; index < 3; index++)
    client(world, {
      ...{ nodes, isOver: () => isOver, meanThinkMs: 50 },
      act(program: ClusterHost, host) {
        const { calls } = program;
        return calls?.ring.isMember ? records.act(calls, host, random, `c${index}`) : undefined;
      },
    });
  await world.run(world.nowMs() + random.between(0.2, 1) * busyMs);
  // A host that has not heard of another may leave it out of the layout for a while; what can be lost is counted with all in it.
  const uneasy = await until(world, settleMs, () => unsettled(cluster));
  if (uneasy.length > 0) return done(['did not come to rest before the loss', ...uneasy]);

  const quorum = Math.floor(Math.min(size, 7) / 2) + 1;
  const lost = random.sample([...nodes], Math.min(size - 1, quorum + random.int(2)));
  const isBeyond = lost.length > quorum - 1;
  if (isBeyond) world.fault('lost majority');
  for (const each of lost) {
    world.tell('lost disk of', each.id);
    each.crash();
    each.disk.wipe();
    world.after(random.exponential(secondMs), () => each.start());
  }
  await world.run(world.nowMs() + silentMs / 2);
  // Those who kept their disks stand still for a while: nobody else can answer now, but from nothing.
  const keepers = nodes.filter((each) => !lost.includes(each));
  for (const each of isBeyond ? keepers : []) each.pause();
  await world.run(world.nowMs() + silentMs / 2);
  for (const each of keepers) each.resume();
  isOver = true;
  // Whoever answers from an empty disk is seen by what it answers: nobody may find less than was acknowledged.
  for (const { id, program } of nodes)
    for (const [group, key, kind] of records.all)
      if (program?.calls) void records.read(program.calls, kind, group, key, `look@${id.slice(-2)}`);
  world.wake();
  await world.run(world.nowMs() + 12 * secondMs);
  const wrong = linearizabilityFaults(records.histories);
  for (const each of isBeyond ? lost : []) {
    const { ring, tables } = callsOf(each) ?? {};
    if (ring?.isVoter) wrong.push(`${each.id} votes though nobody can know what it promised`);
    if (tables?.status().whole) wrong.push(`${each.id} says that it has its rows`);
  }
  if (wrong.length > 0) return done(wrong);

  const keeper = nodes.find((each) => !lost.includes(each)) as Node<ClusterHost>;
  let left = unsettled(cluster);
  while (lost.length > 0 && left.length > 0 && isBeyond) {
    await giveUp(cluster, lost.pop() as Node<ClusterHost>, keeper);
    left = await until(world, settleMs, () => unsettled(cluster));
  }
  if (!isBeyond) left = await until(world, settleMs, () => unsettled(cluster));
  if (left.length > 0) return done(['did not come to rest', ...left]);
  cluster.network.weather = fairWeather;
  for (const each of nodes) {
    const calls = callsOf(each);
    const seen: unknown[] = [];
    void calls?.registers
      .change('after', 'all', () => each.id)
      .then(() => calls.registers.get('after', 'all'))
      .then(
        (value) => seen.push(value),
        (thrown: unknown) => seen.push(thrown),
      );
    world.wake();
    await world.run(world.nowMs() + 10 * secondMs, () => seen.length > 0);
    if (seen[0] !== each.id) return done([`${each.id} cannot write: ${seen[0]}`]);
  }
  return done([]);
};

export const lossScenario = (parts: ClusterParts = soundParts): Scenario => ({
  name: 'loss',
  run: (world) => run(world, parts),
});
