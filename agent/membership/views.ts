/**
 * What this host holds true, and how it changes its mind: facts are weighed, suspicions turn into death when
 * nobody refutes them in time, accusations against this host itself are refuted by a higher incarnation.
 */
import type { HostId } from '../../proto/ids.ts';
import type { FactState, MemberFact } from '../../proto/message/membership.ts';
import { isReachableState, supersedes } from './fact.ts';
import type { HostNumbers } from './host-numbers.ts';
import type { LocalHealth } from './local-health.ts';
import { type MemberTable, memberTable } from './member-table.ts';
import { outbox } from './outbox.ts';
import type { SwimSettings } from './settings.ts';
import { confirmSuspicion, type Suspicion, startSuspicion } from './suspicion.ts';
import type { SwimRuntime } from './swim-runtime.ts';

export interface ViewsOptions {
  readonly self: HostId;
  readonly settings: SwimSettings;
  readonly health: LocalHealth;
  readonly incarnation: number;
  readonly known?: readonly MemberFact[];
  readonly numbers?: HostNumbers;
  readonly like?: MemberTable;
  isRostered(host: HostId): boolean;
}

const isWell = (state: FactState): boolean => state === 'alive' || state === 'draining';

export const views = (options: ViewsOptions) => {
  const { self, settings, health, incarnation, known = [], isRostered } = options;
  const table = options.like?.copyFor(self) ?? memberTable(self, options.numbers);
  const news = outbox();
  const suspicions = new Map<HostId, Suspicion>();
  let own: MemberFact = { host: self, incarnation, state: 'alive', card: incarnation };
  let gossipArmed = false;
  for (const fact of known) table.set(fact, 0);
  table.set(own, 0);

  const armGossip = (runtime: SwimRuntime): void => {
    if (gossipArmed || news.size === 0 || settings.gossipFanout === 0) return;
    gossipArmed = true;
    runtime.after(settings.gossipPeriodMs, { kind: 'gossip' });
  };
  const spread = (fact: MemberFact, runtime: SwimRuntime): void => {
    news.add(fact);
    armGossip(runtime);
  };

  const hold = (fact: MemberFact, runtime: SwimRuntime, isOwn: boolean): void => {
    const before = table.get(fact.host);
    table.set(fact, runtime.random());
    spread(fact, runtime);
    runtime.emit({ kind: 'changed', fact, before, own: isOwn });
  };

  const changeSelf = (change: Partial<MemberFact>, runtime: SwimRuntime): void => {
    own = { ...own, ...change };
    hold(own, runtime, true);
  };

  const refute = (accusation: MemberFact, runtime: SwimRuntime): void => {
    const { incarnation, state, card } = accusation;
    const isNews = incarnation > own.incarnation || (incarnation === own.incarnation && !isWell(state));
    if (!isNews || own.state === 'left') return;
    if (state === 'suspect') health.note(1);
    // A card known under an incarnation that this host forgot (it lost its disk) must look new, too.
    const next = incarnation + 1;
    changeSelf(card > own.card ? { incarnation: next, card: next } : { incarnation: next }, runtime);
  };

  const arm = (host: HostId, { deadlineMs, incarnation }: Suspicion, runtime: SwimRuntime): void => {
    const delayMs = Math.max(0, deadlineMs - runtime.nowMs());
    runtime.after(delayMs, { kind: 'suspicion', host, incarnation, dueMs: deadlineMs });
  };

  const confirm = (fact: MemberFact, runtime: SwimRuntime): void => {
    const suspicion = suspicions.get(fact.host);
    if (suspicion?.incarnation !== fact.incarnation) return;
    if (!confirmSuspicion(suspicion, fact.accuser ?? self)) return;
    arm(fact.host, suspicion, runtime);
    spread(fact, runtime);
  };

  const suspect = (fact: MemberFact, runtime: SwimRuntime): void => {
    const hosts = table.reachable.size + 1;
    const accuser = fact.accuser ?? self;
    const suspicion = startSuspicion(settings, fact.incarnation, accuser, hosts, runtime.nowMs());
    suspicions.set(fact.host, suspicion);
    arm(fact.host, suspicion, runtime);
  };

  /** `isOwn`: it began here. */
  const weigh = (fact: MemberFact, runtime: SwimRuntime, isOwn = false): void => {
    const { host, state } = fact;
    if (!isRostered(host)) return;
    if (host === self) {
      refute(fact, runtime);
      return;
    }
    const known = table.get(host);
    if (known && !supersedes(fact, known)) {
      if (state === 'suspect') confirm(fact, runtime);
      return;
    }
    suspicions.delete(host);
    hold(fact, runtime, isOwn);
    if (state === 'suspect') suspect(fact, runtime);
  };

  const accuse = (host: HostId, state: 'suspect' | 'dead', runtime: SwimRuntime): void => {
    const known = table.get(host);
    if (!known || !isReachableState(known.state)) return;
    const { accuser: _, ...rest } = known;
    weigh(state === 'dead' ? { ...rest, state } : { ...rest, state, accuser: self }, runtime, true);
  };

  return {
    table,
    weigh,
    accuse,
    changeSelf,
    get own() {
      return own;
    },

    /** A suspicion's time may be up. */
    judge(host: HostId, incarnation: number, runtime: SwimRuntime): void {
      const suspicion = suspicions.get(host);
      if (suspicion?.incarnation !== incarnation) return;
      if (runtime.nowMs() < suspicion.deadlineMs) arm(host, suspicion, runtime);
      else accuse(host, 'dead', runtime);
    },

    /** The sender's own fact, what its receiver should refute, then news. */
    factsFor(to: HostId): readonly MemberFact[] {
      const about = table.get(to);
      // Lifeguard's buddy: a suspect hears of it with the very next message. One that counts as gone always does.
      const isAccused =
        about !== undefined &&
        about.incarnation > 0 &&
        (!isReachableState(about.state) || (about.state === 'suspect' && settings.lifeguard));
      const sendsMax = settings.retransmitFactor * Math.ceil(Math.log10(table.reachable.size + 2));
      const others = news.take(settings.piggybackMax, sendsMax, to);
      return isAccused ? [own, about, ...others] : [own, ...others];
    },

    get hasNews() {
      return news.size > 0;
    },
    /** The gossip timer has fired and its messages are out. */
    rearmGossip(runtime: SwimRuntime): void {
      gossipArmed = false;
      armGossip(runtime);
    },

    introduce(host: HostId, runtime: SwimRuntime): void {
      table.set({ host, incarnation: 0, state: 'dead', card: 0 }, runtime.random());
    },
    remove(host: HostId): void {
      table.delete(host);
      news.delete(host);
      suspicions.delete(host);
    },
  };
};
