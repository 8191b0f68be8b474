/**
 * The membership core: SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips, Currey 2018). Pure:
 * see `runtime/core.ts`. Cost a period and host is flat: one probe, a bounded number of facts on each message,
 * digests instead of full states where nothing differs.
 *
 *             probe failed           not refuted in time
 *   alive ------------------> suspect ------------------> dead
 *     ^  ^                      |                           |
 *     |  +---- refuted by a higher incarnation -------------+
 *     +--> draining, left: by its own word alone
 *
 * Who may be a member is the roster's decision: facts about others are dropped, a host that goes off the roster
 * is removed, and one that is on it stays listed, however long it has been dead.
 */
import type { HostId } from '../../proto/ids.ts';
import { factsPerMessageMax, type MemberFact, type SwimMessage } from '../../proto/message/membership.ts';
import type { HostNumbers } from './host-numbers.ts';
import { localHealth } from './local-health.ts';
import type { MemberTable } from './member-table.ts';
import { prober } from './prober.ts';
import type { SwimSettings } from './settings.ts';
import type { JudgingTimer, SwimRuntime, SwimTimer } from './swim-runtime.ts';
import { views } from './views.ts';

export interface SwimOptions {
  readonly self: HostId;
  readonly settings: SwimSettings;
  /** Higher than in any earlier life of this host, at least 1. */
  readonly incarnation: number;
  /** Held true from the start without being news: the simulator's way into a quiet cluster. */
  readonly known?: readonly MemberFact[];
  /** Shared by the cores of one process: their tables are then small. */
  readonly numbers?: HostNumbers;
  /** Knows from the start what another core knows: as `known`, and quick for thousands. */
  readonly like?: MemberTable;
  /** Default: everyone is. */
  isRostered?(host: HostId): boolean;
}

/** Hosts greeted at once when this one starts; if none answers, `reconnect` tries the others one after another. */
const contactsAtStart = 3;

type Bare<M> = M extends unknown ? Omit<M, 'facts'> : never;

export const swim = (options: SwimOptions) => {
  const { self, settings, isRostered = () => true } = options;
  const health = localHealth(settings.lifeguard, settings.healthScoreMax);
  const held = views({ ...options, health, isRostered });
  const { table } = held;

  const send = (
    to: HostId,
    message: Bare<Exclude<SwimMessage, { kind: 'state' }>>,
    runtime: SwimRuntime,
  ): void => runtime.send(to, { ...message, facts: held.factsFor(to) });

  const probe = prober({
    settings,
    reachable: table.reachable,
    health,
    send,
    failed: (target, runtime) => held.accuse(target, 'suspect', runtime),
  });

  const compare = (to: HostId | undefined, runtime: SwimRuntime): void => {
    if (to !== undefined) send(to, { kind: 'compare', digest: table.digest }, runtime);
  };

  /** All that is known, in pages; the first asks for an answer where one is wanted. */
  const sendState = (to: HostId, answer: boolean, runtime: SwimRuntime): void => {
    const facts = [...table.values()].filter((fact) => fact.host !== self && fact.incarnation > 0);
    const room = factsPerMessageMax - 1;
    for (let at = 0; at === 0 || at < facts.length; at += room) {
      const page = [held.own, ...facts.slice(at, at + room)];
      runtime.send(to, { kind: 'state', answer: answer && at === 0, facts: page });
    }
  };

  const gossip = (runtime: SwimRuntime): void => {
    for (const to of table.reachable.pick(settings.gossipFanout, () => runtime.random()))
      if (held.hasNews) send(to, { kind: 'gossip' }, runtime);
    held.rearmGossip(runtime);
  };

  const exchange = (runtime: SwimRuntime): void => {
    compare(table.reachable.pick(1, () => runtime.random())[0], runtime);
    runtime.after(settings.exchangePeriodMs, { kind: 'exchange' });
  };

  const reconnect = (runtime: SwimRuntime): void => {
    const { lost, reachable } = table;
    if (lost.size > 0 && runtime.random() * (lost.size + reachable.size) < lost.size)
      compare(
        lost.next(() => runtime.random()),
        runtime,
      );
    runtime.after(settings.reconnectPeriodMs, { kind: 'reconnect' });
  };

  const armTick = (delayMs: number, runtime: SwimRuntime): void =>
    runtime.after(delayMs, { kind: 'tick', dueMs: runtime.nowMs() + delayMs });

  const judge = (timer: JudgingTimer, runtime: SwimRuntime): void => {
    // Fired late: this host was held up (paused, swapped out, a long task) and answers may wait unread. Grace, once.
    const now = runtime.nowMs();
    if (settings.lifeguard && !timer.again && now - timer.dueMs > settings.probeTimeoutMs) {
      if (timer.kind === 'tick') health.note(1);
      runtime.after(settings.probeTimeoutMs, {
        ...timer,
        again: true,
        dueMs: now + settings.probeTimeoutMs,
      });
    } else if (timer.kind === 'tick') {
      if (held.own.state !== 'left') probe.tick(runtime);
      armTick(health.scale(settings.probePeriodMs), runtime);
    } else if (timer.kind === 'direct') probe.handleDirectTimeout(timer.probe, runtime);
    else held.judge(timer.host, timer.incarnation, runtime);
  };

  return {
    /** Arms the timers and greets some of the hosts that were introduced. */
    start(runtime: SwimRuntime): void {
      table.reachable.shuffle(() => runtime.random());
      held.changeSelf({}, runtime);
      armTick(runtime.random() * settings.probePeriodMs, runtime);
      runtime.after(runtime.random() * settings.exchangePeriodMs, { kind: 'exchange' });
      runtime.after(runtime.random() * settings.reconnectPeriodMs, { kind: 'reconnect' });
      for (const host of table.lost.pick(contactsAtStart, () => runtime.random())) compare(host, runtime);
    },

    /** It should exist, nothing else is known: dead until heard. Greeted at a random moment, for others greet it too. */
    introduce(host: HostId, runtime: SwimRuntime): void {
      if (table.get(host)) return;
      held.introduce(host, runtime);
      runtime.after(runtime.random() * settings.probePeriodMs, { kind: 'greet', host });
    },

    /** Off the roster: as if it had never been. */
    remove(host: HostId): void {
      if (host !== self) held.remove(host);
    },

    handleMessage(from: HostId, message: SwimMessage, runtime: SwimRuntime): void {
      if (from === self || !isRostered(from)) return;
      for (const fact of message.facts) held.weigh(fact, runtime);
      if (message.kind === 'ping') probe.handlePing(from, message.probe, runtime);
      else if (message.kind === 'ack') probe.handleAck(from, message.probe, runtime);
      else if (message.kind === 'nack') probe.handleNack(message.probe, runtime);
      else if (message.kind === 'relay') probe.handleRelay(from, message.probe, message.target, runtime);
      else if (message.kind === 'compare' && message.digest !== table.digest) sendState(from, true, runtime);
      else if (message.kind === 'state' && message.answer) sendState(from, false, runtime);
    },

    handleTimer(timer: SwimTimer, runtime: SwimRuntime): void {
      if ('dueMs' in timer) judge(timer, runtime);
      else if (timer.kind === 'relay') probe.handleRelayTimeout(timer.probe, runtime);
      else if (timer.kind === 'gossip') gossip(runtime);
      else if (timer.kind === 'exchange') exchange(runtime);
      else if (timer.kind === 'reconnect') reconnect(runtime);
      else if (timer.kind === 'greet' && table.lost.has(timer.host)) compare(timer.host, runtime);
    },

    /** The transport says that nobody listens there. */
    handleUnreachable: (host: HostId, runtime: SwimRuntime): void => probe.handleUnreachable(host, runtime),

    /** Facts that came by other ways than messages: gossipsub. */
    learn(facts: readonly MemberFact[], runtime: SwimRuntime): void {
      for (const fact of facts) held.weigh(fact, runtime);
    },

    /** This host's card changed. */
    renewCard(runtime: SwimRuntime): void {
      const next = held.own.incarnation + 1;
      held.changeSelf({ incarnation: next, card: next }, runtime);
    },

    setDraining(draining: boolean, runtime: SwimRuntime): void {
      const { state, incarnation } = held.own;
      const next = draining ? 'draining' : 'alive';
      if (state !== next && state !== 'left')
        held.changeSelf({ incarnation: incarnation + 1, state: next }, runtime);
    },

    /** Says goodbye to a few at once; they pass it on. It then probes nobody and refutes nothing. */
    leave(runtime: SwimRuntime): void {
      if (held.own.state === 'left') return;
      held.changeSelf({ state: 'left' }, runtime);
      for (const to of table.reachable.pick(Math.max(1, settings.gossipFanout), () => runtime.random()))
        send(to, { kind: 'gossip' }, runtime);
    },

    get: (host: HostId): MemberFact | undefined => table.get(host),
    list: (): Iterable<MemberFact> => table.values(),
    get own() {
      return held.own;
    },
    /** 0: healthy. */
    get healthScore() {
      return health.score;
    },
    get digest() {
      return table.digest;
    },
    table,
  };
};

export type Swim = ReturnType<typeof swim>;
