import test from 'ava';
import { lanSettings } from '../../agent/membership/settings.ts';
import { swim } from '../../agent/membership/swim.ts';
import type { SwimEvent, SwimRuntime, SwimTimer } from '../../agent/membership/swim-runtime.ts';
import type { HostId } from '../../proto/ids.ts';
import type { FactState, MemberFact, SwimMessage } from '../../proto/message/membership.ts';
import { hostNamed, seeded } from './swim-world.ts';

const [self, other, third] = [hostNamed(0), hostNamed(1), hostNamed(2)];
const fact = (host: HostId, state: FactState, incarnation = 1, accuser?: HostId): MemberFact => ({
  host,
  incarnation,
  state,
  card: 1,
  ...(accuser && { accuser }),
});

/** A core and everything it asked for. */
const alone = (
  settings = lanSettings,
  known: readonly MemberFact[] = [fact(other, 'alive'), fact(third, 'alive')],
) => {
  const sent: { readonly to: HostId; readonly message: SwimMessage }[] = [];
  const timers: { readonly atMs: number; readonly timer: SwimTimer }[] = [];
  const events: SwimEvent[] = [];
  let nowMs = 0;
  const runtime: SwimRuntime = {
    nowMs: () => nowMs,
    random: seeded(1),
    send: (to, message) => void sent.push({ to, message }),
    after: (delayMs, timer) => void timers.push({ atMs: nowMs + delayMs, timer }),
    emit: (event) => void events.push(event),
  };
  const core = swim({ self, settings, incarnation: 1, known, isRostered: (host) => host !== hostNamed(66) });
  core.start(runtime);
  sent.length = 0;
  events.length = 0;
  /** The next timer of a kind fires, `lateMs` late. */
  const fire = (kind: SwimTimer['kind'], lateMs = 0): void => {
    const at = timers.findIndex(({ timer }) => timer.kind === kind);
    const [due] = at < 0 ? [] : timers.splice(at, 1);
    if (!due) throw new Error(`no ${kind} timer is armed`);
    nowMs = Math.max(nowMs, due.atMs + lateMs);
    core.handleTimer(due.timer, runtime);
  };
  const hear = (from: HostId, message: SwimMessage): void => core.handleMessage(from, message, runtime);
  const tell = (...facts: MemberFact[]): void => hear(third, { kind: 'gossip', facts });
  return { core, runtime, sent, timers, events, fire, hear, tell, now: () => nowMs };
};
const kinds = (sent: readonly { readonly to: HostId; readonly message: SwimMessage }[]): string[] =>
  sent.map(({ to, message }) => `${message.kind} ${to}`);

test('swim: a tick pings one host, silence asks helpers, silence again makes a suspect', (t) => {
  const { fire, sent, core } = alone();
  fire('tick');
  t.is(sent.length, 1);
  const target = sent[0]?.to as HostId;
  const helper = target === other ? third : other;
  fire('direct');
  t.deepEqual(kinds(sent.slice(1)), [`relay ${helper}`]);
  fire('tick');
  t.is(core.get(target)?.state, 'suspect');
  t.is(core.get(target)?.accuser, self);
});

test('swim: an ack in time, direct or by a helper, leaves the host alive', (t) => {
  for (const by of ['target', 'helper'] as const) {
    const { fire, sent, core, hear } = alone();
    fire('tick');
    const [ping] = sent;
    if (ping?.message.kind !== 'ping') throw new Error('no ping');
    const helper = ping.to === other ? third : other;
    if (by === 'helper') fire('direct');
    hear(by === 'target' ? ping.to : helper, { kind: 'ack', probe: ping.message.probe, facts: [] });
    fire('tick');
    t.is(core.get(ping.to)?.state, 'alive');
  }
});

test('swim: a refused connection asks helpers at once, and their no is enough for suspicion', (t) => {
  const { fire, sent, core, hear, runtime } = alone();
  fire('tick');
  const [ping] = sent;
  if (ping?.message.kind !== 'ping') throw new Error('no ping');
  const helper = ping.to === other ? third : other;
  core.handleUnreachable(ping.to, runtime);
  t.deepEqual(kinds(sent.slice(1)), [`relay ${helper}`]);
  hear(helper, { kind: 'nack', probe: ping.message.probe, facts: [] });
  t.is(core.get(ping.to)?.state, 'suspect');
  t.is(core.healthScore, 0, 'a helper that answers speaks for our own health');
});

test('swim: a helper pings in place of another and passes on the ack, or says no after the timeout', (t) => {
  const { sent, hear, fire } = alone();
  hear(other, { kind: 'relay', probe: 7, target: third, facts: [] });
  const [ping] = sent;
  if (ping?.message.kind !== 'ping') throw new Error('no ping');
  t.is(ping.to, third);
  hear(third, { kind: 'ack', probe: ping.message.probe, facts: [] });
  t.like(sent[1], { to: other, message: { kind: 'ack', probe: 7 } });
  hear(other, { kind: 'relay', probe: 8, target: third, facts: [] });
  fire('relay');
  fire('relay');
  t.like(sent[3], { to: other, message: { kind: 'nack', probe: 8 } });
});

test('swim: a suspect that refutes in time stays, one that does not is dead', (t) => {
  const { core, tell, fire } = alone();
  tell(fact(other, 'suspect', 1, third));
  tell(fact(other, 'alive', 2));
  fire('suspicion');
  t.like(core.get(other), { state: 'alive', incarnation: 2 });
  tell(fact(other, 'suspect', 2, third));
  fire('suspicion');
  t.is(core.get(other)?.state, 'dead');
});

test('swim: an old suspicion says nothing about a newer incarnation', (t) => {
  const { core, tell } = alone();
  tell(fact(other, 'alive', 5));
  tell(fact(other, 'suspect', 4, third), fact(other, 'dead', 4));
  t.like(core.get(other), { state: 'alive', incarnation: 5 });
});

test('swim: whoever is called suspect, dead or gone answers with a higher incarnation', (t) => {
  for (const state of ['suspect', 'dead', 'left'] as const)
    for (const incarnation of [1, 4]) {
      const { core, tell, events } = alone();
      tell(fact(self, state, incarnation, third));
      t.like(core.own, { state: 'alive', incarnation: incarnation + 1 });
      t.like(events[0], { fact: { incarnation: incarnation + 1 }, own: true });
    }
});

test('swim: a host that left refutes nothing and probes nobody', (t) => {
  const { core, runtime, tell, sent, fire } = alone();
  core.leave(runtime);
  t.true(sent.length > 0 && sent.every(({ message }) => message.facts[0]?.state === 'left'));
  sent.length = 0;
  tell(fact(self, 'dead', 1));
  t.is(core.own.incarnation, 1);
  fire('tick');
  t.deepEqual(sent, []);
});

test('swim: left beats dead of the same incarnation, in any order', (t) => {
  for (const order of [
    ['left', 'dead'],
    ['dead', 'left'],
  ] as const) {
    const { core, tell } = alone();
    for (const state of order) tell(fact(other, state));
    t.is(core.get(other)?.state, 'left');
  }
});

test('swim: a host that is not held alive hears what is said of it with the next message to it', (t) => {
  for (const said of ['suspect', 'dead', 'left'] as const) {
    const { tell, hear, sent } = alone();
    tell(fact(other, said));
    hear(other, { kind: 'ping', probe: 3, facts: [fact(other, 'alive')] });
    const ack = sent.find(({ to }) => to === other);
    t.true(ack?.message.facts.some(({ host, state }) => host === other && state === said));
  }
});

test('swim: news travels a bounded number of times and then there is silence', (t) => {
  const { tell, fire, sent, timers } = alone();
  tell(fact(other, 'alive', 9));
  for (let fired = 0; fired < 100 && timers.some(({ timer }) => timer.kind === 'gossip'); fired++)
    fire('gossip');
  t.false(timers.some(({ timer }) => timer.kind === 'gossip'));
  const carried = sent.filter(({ message }) => message.facts.some(({ incarnation }) => incarnation === 9));
  t.is(carried.length, 4 * Math.ceil(Math.log10(4)));
});

test('swim: equal states compare by digest alone, different ones are exchanged in full', (t) => {
  const { core, hear, sent } = alone();
  hear(other, { kind: 'compare', digest: core.digest, facts: [fact(other, 'alive')] });
  t.deepEqual(sent, []);
  hear(other, { kind: 'compare', digest: core.digest + 1, facts: [fact(other, 'alive')] });
  t.like(sent[0], { to: other, message: { kind: 'state', answer: true } });
  t.deepEqual(sent[0]?.message.facts.map(({ host }) => host).sort(), [self, other, third]);
  hear(other, { kind: 'state', answer: true, facts: [fact(hostNamed(5), 'alive')] });
  t.like(sent[1], { message: { kind: 'state', answer: false } });
  t.is(core.get(hostNamed(5))?.state, 'alive');
});

test('swim: a host off the roster is not heard, and facts about it are dropped', (t) => {
  const { core, hear, tell, sent } = alone();
  const stranger = hostNamed(66);
  hear(stranger, { kind: 'ping', probe: 1, facts: [fact(stranger, 'alive'), fact(other, 'dead')] });
  tell(fact(stranger, 'alive'));
  t.deepEqual(sent, []);
  t.is(core.get(stranger), undefined);
  t.is(core.get(other)?.state, 'alive');
});

test('swim: after a pause this host reads its mail before it judges, once', (t) => {
  const { core, tell, fire } = alone();
  tell(fact(other, 'suspect', 1, third));
  fire('suspicion', 30_000);
  t.is(core.get(other)?.state, 'suspect', 'the refutation may wait in a socket');
  fire('suspicion', 30_000);
  t.is(core.get(other)?.state, 'dead', 'a host that is always late still comes to an end');
});

test('swim: plain SWIM judges at once, however late', (t) => {
  const { core, tell, fire } = alone({ ...lanSettings, lifeguard: false });
  tell(fact(other, 'suspect', 1, third));
  fire('suspicion', 30_000);
  t.is(core.get(other)?.state, 'dead');
});

test('swim: a host that hears neither ack nor nack slows down its own accusations', (t) => {
  const { core, fire, timers, now } = alone();
  fire('tick');
  fire('direct');
  fire('tick');
  t.is(core.healthScore, 1);
  const armedMs = timers.findLast(({ timer }) => timer.kind === 'tick')?.atMs ?? 0;
  t.is(Math.round(armedMs - now()), 2_000);
});
