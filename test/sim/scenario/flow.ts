/**
 * Sagas and reconcilers on hosts that crash, pause, halt and run out of disk. Of a saga that was acknowledged all legs are
 * taken, in order, or all are given back, in the other one, and only where one of them could not be taken; a poke of a
 * reconciler leads to a look as soon as the one under way is over.
 */

import { hasCode } from '../../../proto/error.ts';
import type { HostId } from '../../../proto/ids.ts';
import { minuteMs, secondMs } from '../../../proto/units.ts';
import { hostId } from '../../membership/fake-network.ts';
import { client } from '../client/driver.ts';
import { journeys as openJourneys } from '../client/journeys.ts';
import { nemesis } from '../nemesis.ts';
import { fairWeather, network } from '../network.ts';
import { type Host, type Node, node } from '../node.ts';
import { type FlowHost, type FlowParts, flowHost, soundParts } from '../program/flow-host.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import { shellRuntime } from '../shell-runtime.ts';
import type { World } from '../world.ts';

const busyMs = 30 * secondMs;
/** An undo that failed often rests for ten seconds before it is tried again. */
const settleMs = 5 * minuteMs;
const periodMs = 20 * secondMs;
/** A look takes less. */
const lookMsMax = 300;
const watchMs = 100;

/** A look that was asked for, and has not begun. */
interface Poke {
  readonly program: FlowHost;
  isSeen: boolean;
}

const run = async (world: World, parts: FlowParts): Promise<Outcome> => {
  const { random } = world;
  const net = network(world, fairWeather);
  const journeys = openJourneys(world, random.fork(), 1 + random.int(4));
  const pokes = new Map<HostId, Set<Poke>>();
  let looks = 0;
  const reconcile = async (host: Host): Promise<void> => {
    looks++;
    for (const poke of pokes.get(host.id) ?? []) poke.isSeen = true;
    pokes.delete(host.id);
    await shellRuntime(host).timers.sleep(host.random.between(0, lookMsMax));
    if (host.random.chance(0.3)) throw new Error('cannot reconcile now');
  };
  const ids = Array.from({ length: 1 + random.int(3) }, (_, index) => hostId(index));
  const nodes: Node<FlowHost>[] = ids.map((id) =>
    node({ world, network: net }, id, (host) => flowHost(host, { journeys, reconcile, periodMs, parts }), {
      clockRate: random.between(0.98, 1.02),
      syncMs: { min: 0.5, max: random.pick([3, 30]) },
    }),
  );
  for (const each of nodes) each.start();

  let isOver = false;
  let waiting = 0;
  let numbers = 0;
  const travel = async ({ sagas }: FlowHost): Promise<true | undefined> => {
    if (!sagas) return undefined;
    const id = `j${numbers++}`;
    try {
      await sagas.start('journey', id, { id, taken: [] });
      journeys.acknowledged(id);
      // A caller that is in doubt asks once more.
      if (random.chance(0.3)) await sagas.start('journey', id, { id, taken: [] });
      waiting++;
      await sagas.wait(id).finally(() => waiting--);
      journeys.told(id, 'arrived');
    } catch (thrown) {
      if (hasCode(thrown, 'CONFLICT', 'UNREACHABLE')) journeys.told(id, 'given up');
      else if (!hasCode(thrown, 'DISK_FULL', 'ABORTED')) world.fail(thrown);
    }
    return true;
  };
  const ask = (program: FlowHost, id: HostId): Promise<true> => {
    const poke: Poke = { program, isSeen: false };
    pokes.set(id, (pokes.get(id) ?? new Set()).add(poke));
    program.reconciler.poke();
    let wasPaused = false;
    const watch = (leftMs: number): void =>
      world.after(watchMs, () => {
        const host = nodes.find((each) => each.id === id);
        wasPaused ||= host?.paused ?? false;
        if (poke.isSeen || wasPaused || host?.program !== program) return;
        if (leftMs <= 0) world.fail(new Error(`${id} was poked and has not looked`));
        else watch(leftMs - watchMs);
      });
    // By a slow clock, and begun just before.
    watch(2 * lookMsMax);
    return Promise.resolve(true);
  };
  for (let index = 0; index < 3; index++)
    client(world, {
      ...{ nodes, isOver: () => isOver, meanThinkMs: random.pick([20, 200]) },
      act: (program, id) =>
        program.sagas ? (random.chance(0.3) ? ask(program, id) : travel(program)) : undefined,
    });
  const faults = nemesis(
    { world, network: net, nodes },
    {
      kinds: random.sample(['crash', 'crash', 'power cut', 'pause'], 1 + random.int(4)),
      harms: {
        halt() {
          const victim = random.pick(nodes);
          const { program } = victim;
          let isMended = false;
          void program?.sagas?.stop().then(() => {
            if (victim.program === program) victim.crash();
            if (isMended) victim.start();
          });
          world.wake();
          const mend = (): void => {
            isMended = true;
            victim.start();
          };
          return { what: `halt ${victim.id}`, mend };
        },
        'full disk'() {
          const { id, disk } = random.pick(nodes);
          disk.full = true;
          const mend = (): void => {
            disk.full = false;
          };
          return { what: `full disk of ${id}`, mend };
        },
      },
      everyMs: random.between(100, 2000),
      lastMs: [20, secondMs],
      storm: fairWeather,
    },
  );
  await world.run(busyMs);
  isOver = true;
  faults.heal();
  for (const each of nodes) each.start();
  const endMs = world.nowMs() + settleMs;
  while (journeys.lost().length > 0 && world.nowMs() < endMs) await world.run(world.nowMs() + secondMs);
  const lost = journeys.lost();
  const operations = journeys.started + looks;
  return lost.length > 0
    ? { operations, violation: `acknowledged, and not at their end: ${lost.join(', ')}` }
    : { operations };
};

export const flowScenario = (parts: FlowParts = soundParts): Scenario => ({
  name: 'flow',
  run: (world) => run(world, parts),
});
