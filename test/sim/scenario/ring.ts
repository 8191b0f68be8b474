/**
 * The layout chain under fire: hosts join and leave while others crash and lose sight of each other, every one
 * running the agent's whole membership and ring. At no time may two hosts hold different layouts of one version, and
 * none may drop an old version before all that count have copied their share of the new one. What was added to the
 * sets that ride on the layouts is in every later read, whatever layout the reader and the writer went by. Once all is mended,
 * all must settle on one layout that has everyone in it.
 */
import type { Ring, Syncer } from '../../../agent/ring/port.ts';
import type { HostId } from '../../../proto/ids.ts';
import { minuteMs, secondMs } from '../../../proto/units.ts';
import { hostId } from '../../membership/fake-network.ts';
import { forkWatch } from '../check/fork.ts';
import { settleWatch } from '../check/settle.ts';
import { additions } from '../client/additions.ts';
import { client } from '../client/driver.ts';
import { rosters } from '../live-roster.ts';
import { faultKinds, nemesis } from '../nemesis.ts';
import { fairWeather, network, patchy, type Weather } from '../network.ts';
import { type Node, node } from '../node.ts';
import { operatorHarms } from '../operator.ts';
import { prng } from '../prng.ts';
import { type LayoutHost, layoutHost } from '../program/layout-host.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import { shellRuntime } from '../shell-runtime.ts';
import type { World } from '../world.ts';

const busyMs = 30 * secondMs;
/** Membership agrees again within some 30 s; then each missing host costs a version, a few seconds each. */
const settleMs = 3 * minuteMs;
const rosterSalt = 0x2057e2;
const shapeSalt = 0x5ba9e;
/** One host hears of a version long after the rest. */
const patchyShare = 0.25;
const poor: Weather = { ...fairWeather, lossRate: 0.3, straggleRate: 0.5, straggleMs: secondMs };

/** The parts that a planted bug takes the place of. */
export interface RingParts {
  syncer(syncer: Syncer): Syncer;
  tokenRing(ring: Ring): Ring;
}
export const soundParts: RingParts = { syncer: (syncer) => syncer, tokenRing: (ring) => ring };

const run = async (world: World, parts: RingParts): Promise<Outcome> => {
  const { random } = world;
  const ids = Array.from({ length: 3 + random.int(3) }, (_, index) => hostId(index));
  const [founder, ...others] = ids as [HostId, ...HostId[]];
  // Drawn apart from all else.
  const shape = prng(world.seed ^ shapeSalt);
  // A copy that begins at once meets owners that have not heard of its layout, if it may.
  const copyDelayMs = shape.pick([0, 200]);
  const syncMs = { min: 0.5, max: shape.pick([5, 40]) };
  let isHealed = false;
  const net = network(
    world,
    { ...fairWeather, lossRate: random.pick([0, 0.01]) },
    shape.chance(patchyShare) ? patchy(shape, poor, () => isHealed) : undefined,
  );
  const roster = rosters(world, net, founder, prng(world.seed ^ rosterSalt));
  const fork = forkWatch(world.fail);
  const settle = settleWatch(world.fail);
  const settled = new Set<HostId>();
  const nodes: Node<LayoutHost>[] = [];

  const start = (id: HostId): void => {
    roster.add(id);
    const each = node(
      { world, network: net },
      id,
      (host) =>
        layoutHost(host, {
          everyone: ids,
          roster: roster.of(id),
          ...{ isFounder: id === founder, copyDelayMs },
          life: { isFirst: !settled.has(id), ended: async () => void settled.add(id) },
          tokenRing: parts.tokenRing,
          syncer: (copy, ring) =>
            parts.syncer(
              settle.syncer(ring, {
                name: 'scripted',
                async sync(version, signal) {
                  await shellRuntime(host).timers.sleep(random.between(1, 2000), signal);
                  if (random.chance(0.2)) throw new Error('a copy failed');
                  await copy(version, signal);
                },
              }),
            ),
          watch(level, message) {
            if (level === 'error' && message.includes('fork')) world.fail(new Error(`${id}: ${message}`));
          },
          changed(ring) {
            world.note(id, ring.oldest, ring.newest);
            fork.look(id, ring);
            settle.look(ring);
          },
        }),
      { clockRate: random.between(0.95, 1.05), syncMs },
    );
    nodes.push(each);
    each.start();
  };

  /** For good: the peers of a real host drop its connections when they hear of it. */
  const remove = (each: Node<LayoutHost>): void => {
    world.note('remove', each.id);
    world.fault('removed host');
    roster.remove(each.id);
    nodes.splice(nodes.indexOf(each), 1);
  };

  const unsettled = (): string[] =>
    nodes.flatMap(({ id, program }) => {
      const layout = program?.ring?.describe();
      const members = layout?.members.map((member) => member.hostId) ?? [];
      const wanted = nodes.map((each) => each.id);
      if (layout?.settled && layout.newest === fork.newest && isSame(members, wanted)) return [];
      return [`${id} has versions ${layout?.oldest} to ${layout?.newest} with ${members.length} members`];
    });
  start(founder);
  await world.run(minuteMs, () => fork.newest > 0);
  for (const id of others) world.after(random.between(0, busyMs / 2), () => start(id));
  /** Not while a layout of two has it: without its vote that one cannot go on, which only an operator may override. */
  const removeOne = (): void => {
    const isSafe = nodes.length > 3 && unsettled().length === 0;
    if (isSafe) remove(random.pick(nodes));
    else world.after(secondMs, removeOne);
  };
  const wishes = operatorHarms({
    world,
    nodes,
    random: random.fork(),
    ringOf: ({ program }) => program?.ring,
  });
  const wished = random.chance(0.6) ? random.sample(Object.keys(wishes), 1 + random.int(2)) : [];
  // One of one copy, or of two, may not go for good.
  if (!wished.includes('replicas') && random.chance(0.5))
    world.after(random.between(busyMs / 2, busyMs), removeOne);
  const faults = nemesis(
    { world, network: net, nodes },
    {
      kinds: random.sample(
        faultKinds,
        wished.length > 0 ? random.int(faultKinds.length) : 1 + random.int(faultKinds.length),
      ),
      harms: Object.fromEntries(Object.entries(wishes).filter(([kind]) => wished.includes(kind))),
      everyMs: random.between(0.5, 5) * secondMs,
      lastMs: [50, secondMs, 5 * secondMs],
      storm: { ...fairWeather, lossRate: 0.2, delayMaxMs: 100, straggleRate: 0.05, straggleMs: 2 * secondMs },
    },
  );
  const sets = additions(world);
  const endsMs = world.nowMs() + busyMs;
  for (let index = 0; index < 4; index++)
    client(world, {
      ...{ nodes, isOver: () => world.nowMs() > endsMs, meanThinkMs: 60 },
      act({ ring, tokens }, host) {
        if (!ring || !tokens || ring.newest === 0) return undefined;
        return sets.act(tokens, ring.partitionCount, `c${index}@${host.slice(-2)}`);
      },
    });
  await world.run(endsMs);
  isHealed = true;
  faults.heal();

  const endMs = world.nowMs() + settleMs;
  while (unsettled().length > 0 && world.nowMs() < endMs) await world.run(world.nowMs() + secondMs);
  const left = unsettled();
  const done = (violation?: string): Outcome => ({
    operations: fork.newest + sets.operations,
    ...(violation !== undefined && { violation }),
  });
  if (left.length > 0)
    return done(`not settled on version ${fork.newest} with ${nodes.length} hosts: ${left.join('; ')}`);
  for (const { id, program } of nodes)
    for (const partition of sets.partitions()) {
      let answer: true | undefined;
      // An operator in doubt may just have asked once more for what stands already.
      for (let attempt = 0; attempt < 5 && !answer; attempt++) {
        const end = `end@${id.slice(-2)}`;
        let isOver = false;
        void (program?.tokens && sets.read(program.tokens, partition, end))?.then((value) => {
          answer = value;
          isOver = true;
        });
        await world.run(world.nowMs() + 10 * secondMs, () => isOver);
      }
      if (!answer) return done(`${id} cannot read partition ${partition}`);
    }
  return done();
};

const isSame = (some: readonly HostId[], others: readonly HostId[]): boolean =>
  some.length === others.length && some.every((host) => others.includes(host));

export const ringScenario = (parts: RingParts = soundParts): Scenario => ({
  name: 'ring',
  run: (world) => run(world, parts),
});
