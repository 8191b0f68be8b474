/**
 * Registers under fire: clients read, write and compare-and-set through any host while hosts crash, pause and lose
 * sight of each other. Every register's history must be linearizable, and once all is mended every host must
 * answer.
 */
import type { QuorumSet } from '../../../agent/register/quorum.ts';
import { hasCode } from '../../../proto/error.ts';
import type { HostId } from '../../../proto/ids.ts';
import { checkLinearizable, type Operation, type RegisterValue } from '../check/linearizability.ts';
import { faultKinds, type NemesisOptions, nemesis } from '../nemesis.ts';
import { fairWeather, network, patchy, type Weather } from '../network.ts';
import { type Node, node } from '../node.ts';
import { type Prng, prng } from '../prng.ts';
import { type RegisterHost, type RegisterParts, registerHost, soundParts } from '../program/register-host.ts';
import type { Outcome, Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const busyMs = 6000;
/** Longer than all timeouts on the way, so that whatever was going on when all was mended has ended. */
const settleMs = 10_000;
/** Then the client goes on with something else; the outcome is noted when it comes. */
const clientPatienceMs = 2500;
/** How soon a client sees that its host is gone, as a connection that breaks would tell it. */
const lookMs = 20;
const hostNames = ['a', 'b', 'c', 'd', 'e'] as HostId[];

/** Delays as long as a crash and a restart: what was sent in one life arrives in the next. */
const rough: Weather = {
  lossRate: 0.01,
  duplicateRate: 0.05,
  delayMinMs: 0.5,
  delayMaxMs: 30,
  straggleRate: 0.1,
  straggleMs: 400,
};
/** Every other message is late or lost: what was sent under one ballot arrives among those of the next ones. */
const wild: Weather = { ...rough, lossRate: 0.12, straggleRate: 0.35, straggleMs: 200 };
const wildShare = 0.25;
/** One acceptor hears of a ballot long after the rest. */
const patchyShare = 0.25;
const poor: Weather = { ...rough, lossRate: 0.3, straggleRate: 0.5, straggleMs: 150 };
const wildSalt = 0x0ddba1a;
const moodSalt = 0x0ddba1b;
/** Of changes whose caller goes by more than the value, the time say, and does not want it any more when it is asked again. */
const moodyShare = 0.3;

const storm: Weather = { ...rough, lossRate: 0.25, duplicateRate: 0.1 };

const majorityOf = (owners: readonly HostId[]): QuorumSet => ({
  owners,
  quorum: Math.floor(owners.length / 2) + 1,
});

/** What `next` of a compare-and-set throws: the register held something else. */
class Mismatch extends Error {
  readonly seen: RegisterValue;
  constructor(seen: RegisterValue) {
    super('mismatch');
    this.seen = seen;
  }
}

const toBytes = (value: RegisterValue): Uint8Array | null =>
  value === null ? null : new TextEncoder().encode(value);
const toValue = (bytes: Uint8Array | null): RegisterValue =>
  bytes === null ? null : new TextDecoder().decode(bytes);

type Recorded = { -readonly [Key in keyof Operation]: Operation[Key] };

/** Calls `host` and keeps the history's entry true: its outcome may come late, or never. */
const perform = async (
  world: World,
  host: RegisterHost,
  name: string,
  wanted: Operation['action'],
  history: Set<Operation>,
  by: string,
  isMoody = false,
): Promise<RegisterValue | undefined> => {
  const operation: Recorded = { action: wanted, callMs: world.nowMs(), returnMs: Infinity, by };
  if (wanted.kind !== 'read') history.add(operation);
  const end = (action: Operation['action']): RegisterValue => {
    operation.action = action;
    operation.returnMs = world.nowMs();
    history.add(operation);
    world.tell(by, name, action.kind, String(action.value));
    return action.value;
  };
  try {
    if (wanted.kind === 'read') return end({ kind: 'read', value: toValue(await host.read(name)) });
    let calls = 0;
    let seen: RegisterValue = null;
    await host.change(name, (current) => {
      calls++;
      seen = toValue(current);
      if (isMoody && calls > 1) throw new Mismatch(seen);
      if (wanted.kind === 'cas' && seen !== wanted.expected) throw new Mismatch(seen);
      return toBytes(wanted.value);
    });
    // A change knows what it was built upon, which is far more than a blind write says. After a second attempt either
    // of the two may be the one that was applied.
    return end(calls === 1 ? { kind: 'cas', expected: seen, value: wanted.value } : wanted);
  } catch (thrown) {
    if (thrown instanceof Mismatch) return end({ kind: 'read', value: thrown.seen });
    if (hasCode(thrown, 'CONTENDED')) history.delete(operation);
    else if (!hasCode(thrown, 'QUORUM_MISSED')) world.fail(thrown);
    return undefined;
  }
};

/** One operation after the other, each through any host that is up, until `isOver`. */
const client = (
  world: World,
  nodes: readonly Node<RegisterHost>[],
  histories: ReadonlyMap<string, Set<Operation>>,
  by: string,
  readShare: number,
  isOver: () => boolean,
): void => {
  const random = world.random.fork();
  const known = new Map<string, RegisterValue>();
  const thinkMs = random.exponential(12);
  // Drawn apart from all else.
  const moods = prng(world.seed ^ moodSalt);
  let count = 0;

  const think = (): void => world.after(random.exponential(thinkMs), act);
  const act = (): void => {
    if (isOver()) return;
    const host = random.pick(nodes);
    if (!host.program || host.paused) {
      think();
      return;
    }
    const [name, history] = random.pick([...histories]);
    const value = random.chance(0.05) ? null : `${by}.${++count}`;
    const expected = known.get(name) ?? null;
    const wanted: Operation['action'] = random.chance(readShare)
      ? { kind: 'read', value: null }
      : random.chance(0.5)
        ? { kind: 'write', value }
        : { kind: 'cas', expected, value };
    if (!world.allows('operation')) {
      think();
      return;
    }
    let isDone = false;
    const done = (): void => {
      if (!isDone) think();
      isDone = true;
    };
    const { program } = host;
    const look = (leftMs: number): void =>
      world.after(lookMs, () => {
        if (leftMs <= 0 || host.program !== program) done();
        else if (!isDone) look(leftMs - lookMs);
      });
    look(clientPatienceMs);
    world.wake();
    void perform(world, program, name, wanted, history, by, moods.chance(moodyShare)).then((seen) => {
      // Of a change whose fate nobody knows it may be as well.
      if (seen !== undefined) known.set(name, seen);
      else if (wanted.kind !== 'read') known.set(name, value);
      done();
    });
  };
  think();
};

/** A host that is back before anyone missed it is the harder case: what was sent in one life arrives in the next. */
const restarts = (random: Prng): NemesisOptions => ({
  kinds: ['crash', 'crash', 'power cut'],
  everyMs: random.between(40, 400),
  lastMs: [5, 30],
  storm,
});

const anything = (random: Prng): NemesisOptions => ({
  kinds: random.sample(faultKinds, 1 + random.int(faultKinds.length)),
  everyMs: random.between(80, 1200),
  lastMs: [15, random.between(30, 800)],
  storm,
});

const run = async (world: World, parts: RegisterParts): Promise<Outcome> => {
  const { random } = world;
  const ids = hostNames.slice(0, 3 + random.int(3));
  const names = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, index) => `r${index}`);
  // Two sets: a layout that changes; a write must then reach a majority of both.
  const sets = new Map(
    names.map((name) => [
      name,
      Array.from({ length: random.chance(0.3) ? 2 : 1 }, () => majorityOf(random.sample(ids, 3))),
    ]),
  );
  const options = { setsOf: (name: string) => sets.get(name) ?? [], keepPromise: random.chance(0.5) };
  const weather = random.pick([fairWeather, { ...fairWeather, lossRate: 0.02 }, rough]);
  // Drawn apart from all else, so that the other runs are as they were before it was there.
  const odd = prng(world.seed ^ wildSalt);
  const dice = odd.random();
  let isHealed = false;
  const net = network(
    world,
    dice < wildShare ? wild : weather,
    dice > 1 - patchyShare ? patchy(odd, poor, () => isHealed) : undefined,
  );
  // A slow fsync leaves room for a crash between a write and its acknowledgement.
  const slowDisks = random.chance(0.4);
  const nodes = ids.map((id) =>
    node({ world, network: net }, id, (host) => registerHost(host, options, parts), {
      clockRate: random.between(0.95, 1.05),
      syncMs: { min: 0.5, max: slowDisks ? 30 : 3 },
    }),
  );
  for (const each of nodes) each.start();

  const faults = nemesis(
    { world, network: net, nodes },
    random.chance(0.5) ? restarts(random) : anything(random),
  );
  const histories = new Map(names.map((name) => [name, new Set<Operation>()]));
  // Readers catch what is shown too early, writers that race catch what gets lost.
  const readShare = random.pick([0.15, 0.75]);
  const clients = 2 + random.int(5);
  for (let index = 0; index < clients; index++)
    client(world, nodes, histories, `c${index}`, readShare, () => world.nowMs() > busyMs);
  await world.run(busyMs);
  isHealed = true;
  faults.heal();
  await world.run(busyMs + settleMs);

  const mute: string[] = [];
  for (const { id, program } of nodes)
    for (const [name, history] of histories) {
      let answered = false;
      if (program)
        void perform(world, program, name, { kind: 'read', value: null }, history, id).then((seen) => {
          answered = seen !== undefined;
        });
      await world.run(world.nowMs() + settleMs, () => answered);
      if (!answered) mute.push(`${id} cannot read ${name}`);
    }
  const operations = [...histories.values()].reduce((sum, history) => sum + history.size, 0);
  if (mute.length > 0) return { operations, violation: `after all was mended ${mute.join(', ')}` };
  for (const [name, history] of histories) {
    const verdict = checkLinearizable([...history]);
    if (!verdict.ok) return { operations, violation: describe(name, verdict.operation, verdict.possible) };
  }
  return { operations };
};

const describe = (name: string, operation: Operation, possible: readonly RegisterValue[]): string =>
  `${name} is not linearizable: ${operation.by} got ${JSON.stringify(operation.action)} from ` +
  `${operation.callMs.toFixed(1)} to ${operation.returnMs.toFixed(1)} ms, possible before: ${possible.join(', ') || 'nothing'}`;

export const registerScenario = (parts: RegisterParts = soundParts): Scenario => ({
  name: 'register',
  run: (world) => run(world, parts),
});
