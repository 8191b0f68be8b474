/**
 * Whole clusters under fire: members, ring, tables and chunks of the agent on 1 to 9 hosts that join, leave, crash,
 * lose their disks and their sight of each other while clients write, read and delete through any of them. Nothing
 * acknowledged may be lost or come back, every read sees what was acknowledged before it; once all is mended, all
 * settles on one layout, every owner holds its share, tallies are exact and what nobody uses is gone.
 */
import type { HostId } from '../../../proto/ids.ts';
import { minuteMs, secondMs } from '../../../proto/units.ts';
import { hostId } from '../../membership/fake-network.ts';
import { leaked, misplaced, unburied, uncollected, unrest, untrueTrees } from '../check/cluster.ts';
import { chunksCopied, rowsCopied } from '../check/copied.ts';
import { hasAny, hasGood, isDurable } from '../check/kept.ts';
import { linearizabilityFaults } from '../check/linearizability.ts';
import type { CopyWatch } from '../check/settle.ts';
import { type Contents, contents as openContents } from '../client/contents.ts';
import { client } from '../client/driver.ts';
import { records as openRecords, type Records } from '../client/records.ts';
import { buildCluster, type Cluster, harms, peopleHarms, rowHarms, until } from '../cluster.ts';
import { faultKinds, type Nemesis, nemesis } from '../nemesis.ts';
import type { Weather } from '../network.ts';
import { epochMs } from '../node.ts';
import { prng } from '../prng.ts';
import {
  type ClusterCalls,
  type ClusterHost,
  type ClusterParts,
  soundParts,
} from '../program/cluster-host.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const busyMs = 45 * secondMs;
/** What clients have begun ends within it: a write that lands between a last read and a last tally is no fault. */
const echoMs = 20 * secondMs;
/** Membership agrees again within some 30 s; each change of the layout costs seconds; a repair rests up to a minute. */
const settleMs = 6 * minuteMs;
/** Grace, walk and sweep of the collector, twice, for a walk may just have begun. */
const collectMs = 4 * minuteMs;
/** Clocks of hosts drift apart by a hundredth; what was stamped by a clock that was far ahead is older only when that time has come. */
const clockSlackMs = 15 * secondMs;
/** Requests that one quiet host may have under way: membership's and the ring's small talk. */
const waitingMax = 64;

const peopleSalt = 0x5ca1ab34;
const shapeSalt = 0x5ba9e;
const rotSalt = 0x407b17;
const rotShare = 0.2;
/** In some runs collectors look as often as can be: no grace is needed for safety. */
const hasty = { collectGraceMs: 20, collectEveryMs: 200 };
const hastyShare = 0.25;
/** In some, more rows share a key: pages end in the middle of them, at each owner elsewhere. */
const longShare = 0.15;
const keysLong = 7;

const storm: Weather = {
  lossRate: 0.2,
  duplicateRate: 0.1,
  delayMinMs: 0.5,
  delayMaxMs: 100,
  straggleRate: 0.05,
  straggleMs: 2 * secondMs,
};

/** In some runs. Drawn apart from all else, so that the runs without it are as they were before it was there. */
const peopleAt = (cluster: Cluster): Nemesis | undefined => {
  const { world, network, nodes } = cluster;
  const random = prng(world.seed ^ peopleSalt);
  const kinds = peopleHarms(cluster, random);
  const chosen = random.sample(Object.keys(kinds), random.pick([0, 0, 0, 1, 2, 4]));
  if (chosen.length === 0) return undefined;
  return nemesis(
    { world, network, nodes },
    {
      kinds: [],
      harms: Object.fromEntries(Object.entries(kinds).filter(([kind]) => chosen.includes(kind))),
      everyMs: random.between(1, 6) * secondMs,
      lastMs: [secondMs, 5 * secondMs, 15 * secondMs],
      ...{ storm, random },
    },
  );
};

/** In some runs, drawn apart as well. */
const rotAt = (cluster: Cluster): Nemesis | undefined => {
  const { world, network, nodes } = cluster;
  const random = prng(world.seed ^ rotSalt);
  if (!random.chance(rotShare)) return undefined;
  return nemesis(
    { world, network, nodes },
    {
      kinds: [],
      harms: rowHarms(cluster, random),
      ...{ everyMs: secondMs, lastMs: [5 * secondMs, 15 * secondMs], storm, random },
    },
  );
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

/** What was durable may be so no more. */
const losses = ({ faults }: World): number[] =>
  ['rotten bit', 'lost disk', 'removed host'].map((kind) => faults.get(kind) ?? 0);

/** What is drawn of the records that clients use. */
type Shape = (random: World['random']) => Parameters<typeof openRecords>[1];

const anyShape: Shape = (random) => ({
  ...{ groups: random.pick([1, 2]), keys: random.pick([2, 4]) },
  ...{ readShare: random.pick([0.3, 0.6]), rowShare: random.pick([0.3, 0.5, 0.8]) },
});

/** @param shape of the records that clients use */
export const runCluster = async (
  world: World,
  given: ClusterParts,
  shape: Shape = anyShape,
): Promise<Outcome> => {
  const { random } = world;
  const odd = prng(world.seed ^ shapeSalt);
  const isHasty = odd.chance(hastyShare);
  const isLong = odd.chance(longShare);
  const parts = isHasty ? { ...given, chunkSettings: { ...given.chunkSettings, ...hasty } } : given;
  const size = random.pick([1, 2, 3, 3, 4, 4, 5, 5, 7, 9]);
  const ids = Array.from({ length: size }, (_, index) => hostId(index));
  const contents = openContents(world, 4, {
    isHonest: () => cluster.isHonest(),
    isOff: (host) => cluster.nodes.every(({ id }) => id !== host),
    writing({ ring }) {
      const before = [ring.newest, ...losses(world)].join();
      return (id) => {
        const isSame = ring.oldest === ring.newest && [ring.newest, ...losses(world)].join() === before;
        const diskOf = (host: HostId) => nodeOf(host)?.disk;
        return isSame && !isDurable(ring, id, diskOf) ? 'it is not on the disks of its quorum' : undefined;
      };
    },
  });
  const records = openRecords(world, { ...shape(random), ...(isLong && { keys: keysLong }) });
  const nodeOf = (host: HostId) => cluster.nodes.find(({ id }) => id === host);
  const watches: readonly CopyWatch[] = [
    // Rows of a range that split are taken off the disk when they have come to its heirs.
    ...(parts.splitRows === undefined
      ? [rowsCopied((host) => nodeOf(host)?.program?.calls?.tableStore)]
      : []),
    chunksCopied(
      () => new Set([...contents.live].map(({ id }) => id)),
      (host) => nodeOf(host)?.disk,
    ),
  ];
  /** Only where nothing is lost meanwhile, nor has a copy rotten that this one could be made of. */
  const copying: CopyWatch = (...copy) => {
    const before = losses(world).join();
    const lackings = watches.map((watch) => watch(...copy));
    return () => {
      const isFair = cluster.isHonest() && !world.faults.has('rotten bit') && losses(world).join() === before;
      return isFair ? lackings.map((lacking) => lacking()).find((what) => what !== undefined) : undefined;
    };
  };
  const cluster = buildCluster(world, ids, parts, contents.judge, copying);
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
  const people = peopleAt(cluster);
  const rot = rotAt(cluster);
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
  people?.heal();
  rot?.heal();
  faults.heal();
  await world.run(world.nowMs() + echoMs);

  const restMs = world.nowMs();
  const liveIds = () => new Set([...contents.live].map(({ id }) => id));
  const left = await until(world, settleMs, () => [
    ...unrest(nodes, fork.newest),
    ...misplaced(nodes, liveIds(), hasAny),
  ]);
  if (left.length > 0) return done(['not at rest', ...left]);
  const untrue = untrueTrees(nodes);
  if (untrue.length > 0) return done(untrue);
  const mute = await lastReads(cluster, records, contents);
  if (mute.length > 0) return done(mute);
  const faulty = linearizabilityFaults(records.histories);
  if (faulty.length > 0) return done(faulty);
  const kept = await until(world, collectMs, () => uncollected(nodes, contents.garbage()));
  if (kept.length > 0) return done(['not collected', ...kept]);
  const stale = await until(world, collectMs, () => leaked(nodes, contents.isDead));
  if (stale.length > 0) return done(['references are kept', ...stale]);
  const deletedMs = epochMs + restMs - clockSlackMs;
  const unforgotten = await until(world, collectMs, () => unburied(nodes, deletedMs));
  if (unforgotten.length > 0) return done(['deleted rows are kept', ...unforgotten]);
  const lostLater = await until(world, minuteMs, () => misplaced(nodes, liveIds(), hasGood));
  if (lostLater.length > 0) return done(['after collection', ...lostLater]);
  const busy = nodes.filter(({ program }) => (program?.waiting ?? 0) > waitingMax).map(({ id }) => id);
  return done(busy.map((id) => `${id} has more than ${waitingMax} requests under way`));
};

export const clusterScenario = (parts: ClusterParts = soundParts): Scenario => ({
  name: 'cluster',
  run: (world) => runCluster(world, parts),
});
