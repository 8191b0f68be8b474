/**
 * Whole clusters under fire: members, ring, tables and chunks of the agent on 1 to 9 hosts that join, leave, crash,
 * lose their disks and their sight of each other while clients write, read and delete through any of them. Nothing
 * acknowledged may be lost or come back, every read sees what was acknowledged before it; once all is mended, all
 * settles on one layout, every owner holds its share, tallies are exact and what nobody uses is gone.
 */
import type { HostId } from '../../../proto/ids.ts';
import { hourMs, minuteMs, secondMs } from '../../../proto/units.ts';
import { fakeRoster, hostId } from '../../membership/fake-network.ts';
import { hasAny, hasGood, misplaced, uncollected, unrest } from '../check/cluster.ts';
import { forkWatch } from '../check/fork.ts';
import { checkLinearizable } from '../check/linearizability.ts';
import { type Contents, contents as openContents } from '../client/contents.ts';
import { client } from '../client/driver.ts';
import { records as openRecords, type Records } from '../client/records.ts';
import { chunksOn } from '../data-directory.ts';
import { faultKinds, type Harm, nemesis } from '../nemesis.ts';
import { fairWeather, type Network, network, type Weather } from '../network.ts';
import { type Node, node } from '../node.ts';
import {
  type ClusterCalls,
  type ClusterHost,
  type ClusterParts,
  clusterHost,
  soundParts,
} from '../program/cluster-host.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const busyMs = minuteMs;
/** What clients have begun ends within it: a write that lands between a last read and a last tally is no fault. */
const echoMs = 20 * secondMs;
/** Membership agrees again within some 30 s; each change of the layout costs seconds; a repair rests up to a minute. */
const settleMs = 6 * minuteMs;
/** Grace, walk and sweep of the collector, twice, for a walk may just have begun. */
const collectMs = 4 * minuteMs;
/** Requests that one quiet host may have under way: membership's and the ring's small talk. */
const waitingMax = 64;

const storm: Weather = {
  lossRate: 0.2,
  duplicateRate: 0.1,
  delayMinMs: 0.5,
  delayMaxMs: 100,
  straggleRate: 0.05,
  straggleMs: 2 * secondMs,
};

interface Cluster {
  readonly world: World;
  readonly network: Network;
  readonly nodes: Node<ClusterHost>[];
  readonly fork: ReturnType<typeof forkWatch>;
  join(id: HostId): void;
  /** For good, where that can lose nothing: false when it would. */
  remove(): boolean;
  /** Takes its disk, likewise. */
  wipe(victim: Node<ClusterHost>): boolean;
}

const build = (world: World, ids: readonly HostId[], parts: ClusterParts, lost: () => void): Cluster => {
  const { random } = world;
  const [founder] = ids as [HostId];
  const roster = fakeRoster([founder]);
  const fork = forkWatch();
  const calm = { ...fairWeather, lossRate: random.pick([0, 0.01]), duplicateRate: random.pick([0, 0.02]) };
  const net = network(world, calm);
  const nodes: Node<ClusterHost>[] = [];
  const settled = new Set<HostId>();
  const removed = new Set<HostId>();
  const zones = random.pick([1, 1, 3]);
  const ring = { partitionBits: 3, deadRemoveMs: random.pick([hourMs, 10 * secondMs]) };
  const slowDisks = random.chance(0.3);

  /** So many of those who vote on the layout may be gone or have lost their disks at once (agent/ring/rebirth.ts). */
  const canLoseVoter = (victim: Node<ClusterHost>): boolean => {
    const rings = nodes.flatMap(({ program }) => program?.calls?.ring ?? []);
    const members = rings.find(({ newest }) => newest === fork.newest)?.describe().members ?? [];
    const knowing = new Set(rings.filter(({ isVoter }) => isVoter).map(({ self }) => self));
    const missing = members.filter(({ hostId }) => hostId !== victim.id && !knowing.has(hostId)).length;
    return missing + 1 <= Math.floor((Math.min(members.length, 7) - 1) / 2);
  };

  const isSafeToLose = (victim: Node<ClusterHost>): boolean =>
    nodes.every(({ program, paused }) => {
      const { tables, ring: own } = program?.calls ?? {};
      if (!tables || !own || paused || !tables.status().whole) return false;
      const partitions = Array.from({ length: own.partitionCount }, (_, partition) => partition);
      return partitions
        .flatMap((partition) => own.ownerSets(partition))
        .every(({ owners }) => owners.length >= 3 && !owners.some((id) => removed.has(id)));
    }) &&
    chunksOn(victim.disk.names()).every((id) =>
      nodes.some((other) => other !== victim && hasGood(other.disk, id)),
    );

  return {
    world,
    network: net,
    nodes,
    fork,
    wipe(victim) {
      if (!canLoseVoter(victim) || !isSafeToLose(victim)) return false;
      lost();
      victim.crash();
      victim.disk.wipe();
      return true;
    },
    join(id) {
      roster.add(id);
      const each = node(
        { world, network: net },
        id,
        (host) =>
          clusterHost(host, {
            ...{ everyone: ids, roster, isFounder: id === founder, parts, ring },
            zone: `z${ids.indexOf(id) % zones}`,
            life: { isFirst: !settled.has(id), ended: async () => void settled.add(id) },
            watch(level, message) {
              if (level === 'error' && message.includes('fork')) world.fail(new Error(`${id}: ${message}`));
            },
            changed(own) {
              world.tell(id, 'has layouts', own.oldest, 'to', own.newest);
              fork.look(id, own);
            },
          }),
        {
          clockRate: random.between(0.99, 1.01),
          syncMs: { min: 0.5, max: slowDisks ? 40 : 5 },
        },
      );
      nodes.push(each);
      each.start();
    },
    remove() {
      const victim = random.pick(nodes);
      if (nodes.length < 4 || !canLoseVoter(victim) || !isSafeToLose(victim)) return false;
      world.tell('remove', victim.id);
      world.fault('removed host');
      lost();
      removed.add(victim.id);
      nodes.splice(nodes.indexOf(victim), 1);
      roster.remove(victim.id);
      for (const id of ids)
        for (const pair of [[id, victim.id] as const, [victim.id, id] as const]) net.cut(...pair);
      return true;
    },
  };
};

/** Harm that only disks and clocks come to, and never so much at once that nobody could do without it. */
const harms = ({ world, nodes, wipe }: Cluster): Record<string, Harm> => {
  const random = world.random.fork();
  return {
    'lost disk'() {
      const victim = random.pick(nodes);
      if (!wipe(victim)) return undefined;
      return { what: `lost disk of ${victim.id}`, mend: () => victim.start() };
    },
    'bit rot'() {
      const victim = random.pick(nodes);
      const ids = chunksOn(victim.disk.names()).filter((id) =>
        nodes.some((other) => other !== victim && hasGood(other.disk, id)),
      );
      if (ids.length === 0) return undefined;
      const id = random.pick(ids);
      victim.disk.rot(`chunk/${id}`, random.int(2 ** 16));
      return { what: `bit rot of ${id.slice(0, 6)} on ${victim.id}`, mend() {} };
    },
    'full disk'() {
      const { id, disk } = random.pick(nodes);
      disk.full = true;
      const mend = (): void => {
        disk.full = false;
      };
      return { what: `full disk of ${id}`, mend };
    },
    'clock jump'() {
      const victim = random.pick(nodes);
      const byMs = Math.round(random.between(-1, 1) * random.pick([100, 10 * secondMs, 3 * hourMs]));
      victim.setClock(byMs);
      return { what: `clock of ${victim.id} wrong by ${byMs} ms`, mend: () => victim.setClock(0) };
    },
  };
};

/** Runs until nothing is wrong any more; gives what still is when the time is up. */
const until = async (world: World, withinMs: number, wrong: () => string[]): Promise<string[]> => {
  const endMs = world.nowMs() + withinMs;
  while (wrong().length > 0 && world.nowMs() < endMs) await world.run(world.nowMs() + secondMs);
  return wrong();
};

/** Asks everything of every host. */
const lastReads = async (
  { world, nodes }: Cluster,
  records: Records,
  contents: Contents,
): Promise<string[]> => {
  const wrong: string[] = [];
  const ask = async (what: string, work: Promise<unknown>): Promise<void> => {
    let answer: unknown;
    void work.then((value) => {
      answer = value ?? false;
    });
    world.wake();
    await world.run(world.nowMs() + 10 * secondMs, () => answer !== undefined);
    if (!answer) wrong.push(`no answer to ${what}`);
  };
  for (const use of contents.leaving) {
    const calls = world.random.pick(nodes).program?.calls;
    if (calls)
      await ask(
        `release of ${use.user}`,
        contents.release(calls, use, 'end').then(() => true),
      );
  }
  for (const { id, program } of nodes) {
    const calls = program?.calls;
    if (!calls) continue;
    for (const group of records.groups) {
      const found: string[] = [];
      for (const key of records.keys)
        for (const kind of ['row', 'register'] as const)
          await ask(
            `${kind} ${group} ${key} at ${id}`,
            records.read(calls, kind, group, key, `end@${id.slice(-2)}`).then((action) => {
              const value = (action as { value?: string | null } | undefined)?.value;
              if (kind === 'row' && typeof value === 'string') found.push(value);
              return action;
            }),
          );
      const expected = { rows: found.length, weight: found.join('').length };
      await ask(
        `tally of ${group} at ${id}`,
        calls.rows.tally(group).then((tally) => {
          if (tally.rows !== expected.rows || tally.weight !== expected.weight)
            wrong.push(
              `${id} counts ${JSON.stringify(tally)} in ${group}, there are ${JSON.stringify(expected)}`,
            );
          return true;
        }),
      );
    }
    for (const use of contents.live)
      await ask(`chunk ${use.id.slice(0, 6)} at ${id}`, contents.read(calls, use, `end@${id.slice(-2)}`));
  }
  return wrong;
};

const run = async (world: World, parts: ClusterParts): Promise<Outcome> => {
  const { random } = world;
  const size = random.pick([1, 2, 3, 3, 4, 4, 5, 5, 7, 9]);
  const ids = Array.from({ length: size }, (_, index) => hostId(index));
  const contents = openContents(world, 4);
  const records = openRecords(world, {
    ...{ groups: random.pick([1, 2]), keys: random.pick([2, 4]) },
    ...{ readShare: random.pick([0.3, 0.6]), rowShare: random.pick([0.3, 0.5, 0.8]) },
  });
  const lost = (): void => contents.debtsLost();
  const cluster = build(world, ids, parts, lost);
  const { nodes, fork } = cluster;
  const done = (violation?: string[]): Outcome => {
    const operations =
      contents.operations + [...records.histories.values()].reduce((sum, { size: own }) => sum + own, 0);
    return violation && violation.length > 0
      ? { operations, violation: violation.join('; ') }
      : { operations };
  };

  cluster.join(ids[0] as HostId);
  await world.run(minuteMs, () => nodes[0]?.program?.calls?.ring.isMember ?? false);
  const startMs = world.nowMs();
  const isOver = (): boolean => world.nowMs() > startMs + busyMs;
  // Most come at once, the others under load.
  for (const id of ids.slice(1))
    world.after(random.chance(0.6) ? random.between(0, secondMs) : random.between(0, 0.8 * busyMs), () =>
      cluster.join(id),
    );
  const removeSoon = (): void =>
    world.after(random.between(1, 20) * secondMs, () => {
      if (!isOver() && (!cluster.remove() || random.chance(0.5))) removeSoon();
    });
  if (random.chance(0.4)) removeSoon();

  const special = harms(cluster);
  const chosen = random.sample([...faultKinds, ...Object.keys(special)], 1 + random.int(6));
  const faults = nemesis(
    { world, network: cluster.network, nodes },
    {
      kinds: faultKinds.filter((kind) => chosen.includes(kind)),
      harms: Object.fromEntries(Object.entries(special).filter(([kind]) => chosen.includes(kind))),
      everyMs: random.between(0.5, 6) * secondMs,
      lastMs: [50, secondMs, 5 * secondMs, 15 * secondMs],
      storm,
    },
  );
  const meanThinkMs = random.pick([20, 80, 200]);
  const clients = 2 + random.int(4);
  const base = { nodes, isOver, meanThinkMs };
  const open = (program: ClusterHost): ClusterCalls | undefined =>
    program.calls?.ring.isMember ? program.calls : undefined;
  for (let index = 0; index < clients; index++)
    client(world, {
      ...base,
      act(program, host) {
        const calls = open(program);
        return calls && records.act(calls, host, random, `c${index}`);
      },
    });
  for (let index = 0; index < 2; index++)
    client(world, {
      ...base,
      meanThinkMs: 5 * meanThinkMs,
      act(program, host) {
        const calls = open(program);
        return calls && contents.act(calls, host, random, `u${index}`);
      },
    });
  await world.run(startMs + busyMs);
  faults.heal();
  await world.run(world.nowMs() + echoMs);

  const liveIds = () => new Set([...contents.live].map(({ id }) => id));
  const left = await until(world, settleMs, () => [
    ...unrest(nodes, fork.newest),
    ...misplaced(nodes, liveIds(), hasAny),
  ]);
  if (left.length > 0) return done(['not at rest', ...left]);
  const mute = await lastReads(cluster, records, contents);
  if (mute.length > 0) return done(mute);
  for (const [name, history] of records.histories) {
    const verdict = checkLinearizable([...history]);
    if (!verdict.ok)
      return done([
        `${name} is not linearizable: ${verdict.operation.by} got ${JSON.stringify(verdict.operation.action)} ` +
          `from ${verdict.operation.callMs.toFixed(1)} to ${verdict.operation.returnMs.toFixed(1)} ms, ` +
          `possible before: ${verdict.possible.join(', ')}`,
      ]);
  }
  const kept = await until(world, collectMs, () => uncollected(nodes, contents.garbage()));
  if (kept.length > 0) return done(['not collected', ...kept]);
  const lostLater = await until(world, minuteMs, () => misplaced(nodes, liveIds(), hasGood));
  if (lostLater.length > 0) return done(['after collection', ...lostLater]);
  const busy = nodes.filter(({ program }) => (program?.waiting ?? 0) > waitingMax).map(({ id }) => id);
  return done(busy.map((id) => `${id} has more than ${waitingMax} requests under way`));
};

export const clusterScenario = (parts: ClusterParts = soundParts): Scenario => ({
  name: 'cluster',
  run: (world) => run(world, parts),
});
