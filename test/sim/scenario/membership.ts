/**
 * Membership under fire: SWIM cores among hosts that crash, pause and lose sight of each other; some never come
 * back. Once all else is mended, everyone must soon agree on who is there, be right, and stay so.
 */
import { lanSettings, loopbackSettings, type SwimSettings } from '../../../agent/membership/settings.ts';
import { type Swim, swim } from '../../../agent/membership/swim.ts';
import type { SwimEvent, SwimRuntime, SwimTimer } from '../../../agent/membership/swim-runtime.ts';
import type { HostId } from '../../../proto/ids.ts';
import type { SwimMessage } from '../../../proto/message/membership.ts';
import { minuteMs, secondMs } from '../../../proto/units.ts';
import { wrongBeliefs } from '../check/convergence.ts';
import { coreRuntime } from '../core-runtime.ts';
import { faultKinds, nemesis } from '../nemesis.ts';
import { fairWeather, network } from '../network.ts';
import { type Host, type Node, node, type Program } from '../node.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const busyMs = minuteMs;
/**
 * A suspicion that nobody confirms lasts 24 s among ten hosts; a host that was found sick may take nine times its
 * usual period to begin one; a lost host is tried again every 5 s, and first of all news must get around.
 */
const agreeMs = 4 * minuteMs;
/** Afterwards hosts only stumble now and then, too shortly to be taken for dead. */
const quietMs = 30 * secondMs;
/** The shortest suspicion is four periods: a host that is back after two has the time to refute. */
const stumblePeriods = 2;

interface Member extends Program {
  readonly core: Swim;
}

/** The parts that a planted bug takes the place of. */
export interface MembershipParts {
  readonly settings?: Partial<SwimSettings>;
  /** Called in place of the core's own. */
  handleTimer(core: Swim, timer: SwimTimer, runtime: SwimRuntime): void;
}
export const soundParts: MembershipParts = {
  handleTimer: (core, timer, runtime) => core.handleTimer(timer, runtime),
};

const run = async (world: World, parts: MembershipParts): Promise<Outcome> => {
  const { random } = world;
  const ids = Array.from({ length: 3 + random.int(18) }, (_, index) => `h${index}` as HostId);
  const mode = random.pick([lanSettings, loopbackSettings, { ...lanSettings, lifeguard: false }]);
  const settings = { ...mode, ...parts.settings };
  const net = network(world, { ...fairWeather, lossRate: random.pick([0, 0, 0.02]) });
  const lives = new Map<HostId, number>();
  const buried: string[] = [];
  let operations = 0;
  let isQuiet = false;

  const boot = (host: Host): Member => {
    // The real shell keeps it on disk before it starts.
    const incarnation = (lives.get(host.id) ?? 0) + 1000;
    lives.set(host.id, incarnation);
    const core = swim({ self: host.id, settings, incarnation });
    const runtime = coreRuntime<SwimMessage, SwimTimer, SwimEvent>(host, {
      handleTimer: (timer, with_) => parts.handleTimer(core, timer, with_),
      handleEvent({ fact }) {
        operations++;
        // Plain SWIM makes no such promise here: it does not tell a suspect that it is one.
        const isPromised = isQuiet && settings.lifeguard;
        if (isPromised && fact.state === 'dead' && up().has(fact.host))
          buried.push(`${fact.host} by ${host.id}`);
        world.note(host.id, fact.host, fact.state, fact.incarnation);
      },
    });
    for (const id of ids) if (id !== host.id) core.introduce(id, runtime);
    core.start(runtime);
    return {
      core,
      handleMessage: (from, message) => core.handleMessage(from, message as SwimMessage, runtime),
    };
  };
  const nodes: Node<Member>[] = ids.map((id) =>
    node({ world, network: net }, id, boot, { clockRate: random.between(0.95, 1.05) }),
  );
  for (const each of nodes) each.start();

  const kinds = faultKinds.filter((kind) => kind !== 'power cut');
  const faults = nemesis(
    { world, network: net, nodes },
    {
      kinds: random.sample(kinds, 1 + random.int(kinds.length)),
      everyMs: random.between(2, 20) * secondMs,
      lastMs: [secondMs, 20 * secondMs],
      storm: { ...fairWeather, lossRate: 0.3, delayMaxMs: 200, straggleRate: 0.05, straggleMs: 2 * secondMs },
    },
  );
  await world.run(busyMs);
  faults.heal();
  const gone = random.sample(nodes, random.int(Math.ceil(nodes.length / 3)));
  for (const each of gone) each.crash();

  const up = (): Set<HostId> => new Set(nodes.flatMap(({ id, program }) => (program ? id : [])));
  const wrong = (): string[] => {
    const living = up();
    const views = nodes.flatMap(({ id, program }) =>
      program
        ? {
            self: id,
            believes(host: HostId) {
              const fact = program.core.get(host);
              return fact && (fact.state === 'alive' || fact.state === 'draining');
            },
          }
        : [],
    );
    return wrongBeliefs(ids, (host) => living.has(host), views);
  };
  const endMs = world.nowMs() + agreeMs;
  while (wrong().length > 0 && world.nowMs() < endMs) await world.run(world.nowMs() + secondMs);
  const late = wrong();
  if (late.length > 0)
    return { operations, violation: `no agreement ${agreeMs} ms after all was mended: ${late.join('; ')}` };
  isQuiet = true;
  const stumble = (): void => {
    const victim = random.pick(nodes);
    victim.pause();
    world.fault('stumble');
    world.note('stumble', victim.id);
    world.after(stumblePeriods * settings.probePeriodMs, () => victim.resume());
    world.after(quietMs / 5, stumble);
  };
  stumble();
  await world.run(world.nowMs() + quietMs);
  return buried.length > 0 ? { operations, violation: `buried alive: ${buried.join(', ')}` } : { operations };
};

export const membershipScenario = (parts: MembershipParts = soundParts): Scenario => ({
  name: 'membership',
  run: (world) => run(world, parts),
});
