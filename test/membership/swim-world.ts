/** Many membership cores in virtual time: a small stand-in for the simulator, with loss, cuts, pauses and kills. */

import { hostNumbers } from '../../agent/membership/host-numbers.ts';
import type { MemberTable } from '../../agent/membership/member-table.ts';
import { lanSettings, type SwimSettings } from '../../agent/membership/settings.ts';
import { type Swim, swim } from '../../agent/membership/swim.ts';
import type { SwimEvent, SwimRuntime, SwimTimer } from '../../agent/membership/swim-runtime.ts';
import type { HostId } from '../../proto/ids.ts';
import type { MemberFact, SwimMessage } from '../../proto/message/membership.ts';
import { minuteMs } from '../../proto/units.ts';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly work: () => void;
}

export const hostNamed = (index: number): HostId => `host-${String(index).padStart(5, '0')}` as HostId;

/** Deterministic chance: mulberry32. */
export const seeded = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const swimWorld = (options: {
  readonly hosts: number;
  readonly seed?: number;
  readonly loss?: number;
  readonly settings?: Partial<SwimSettings>;
  /** Hears of each message as it is sent. */
  readonly sending?: (from: HostId, message: SwimMessage) => void;
}) => {
  const settings = { ...lanSettings, ...options.settings };
  const random = seeded(options.seed ?? 1);
  const heap: Due[] = [];
  const down = new Set<HostId>();
  const pausedUntilMs = new Map<HostId, number>();
  const sent = new Map<HostId, number>();
  const events: { readonly atMs: number; readonly at: HostId; readonly event: SwimEvent }[] = [];
  let nowMs = 0;
  let orders = 0;
  let isCut = (_from: HostId, _to: HostId): boolean => false;
  let loss = options.loss ?? 0;
  const numbers = hostNumbers();

  const push = (atMs: number, work: () => void): void => {
    const due = { atMs, order: orders++, work };
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || above.atMs < atMs || (above.atMs === atMs && above.order < due.order)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = due;
  };
  const isBefore = (a: Due, b: Due): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  const pop = (): Due | undefined => {
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || top === last) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (!left) break;
      const right = heap[child + 1];
      if (right && isBefore(right, left)) child++;
      const below = heap[child];
      if (!below || !isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  };

  /** A paused host goes on as a process does: first all timers that are due, then what waits in its sockets. */
  const deliver = (host: HostId, kind: 'timer' | 'message', work: () => void): void => {
    const untilMs = pausedUntilMs.get(host) ?? 0;
    if (untilMs > nowMs) push(kind === 'timer' ? untilMs : untilMs + 1, () => deliver(host, kind, work));
    else if (!down.has(host)) work();
  };

  const lives = new Map<HostId, number>();
  const runtimeOf = (host: HostId, life: number): SwimRuntime => ({
    nowMs: () => nowMs,
    random,
    send(to: HostId, message: SwimMessage) {
      sent.set(host, (sent.get(host) ?? 0) + 1);
      options.sending?.(host, message);
      if (random() < loss || isCut(host, to)) return;
      const arrivesMs = nowMs + 0.5 + random();
      push(arrivesMs, () =>
        deliver(to, 'message', () => {
          const node = nodes.get(to);
          node?.core.handleMessage(host, message, node.runtime);
        }),
      );
    },
    after(delayMs: number, timer: SwimTimer) {
      push(nowMs + delayMs, () =>
        deliver(host, 'timer', () => {
          const node = nodes.get(host);
          if (node && lives.get(host) === life) node.core.handleTimer(timer, node.runtime);
        }),
      );
    },
    emit: (event) => events.push({ atMs: nowMs, at: host, event }),
  });

  const nodes = new Map<HostId, { core: Swim; runtime: SwimRuntime }>();
  const names = Array.from({ length: options.hosts }, (_, index) => hostNamed(index));

  const start = (
    host: HostId,
    contacts: readonly HostId[],
    known: { readonly known?: readonly MemberFact[]; readonly like?: MemberTable } = {},
  ): void => {
    const life = (lives.get(host) ?? 0) + 1;
    lives.set(host, life);
    down.delete(host);
    const node = {
      core: swim({ self: host, settings, incarnation: life, numbers, ...known }),
      runtime: runtimeOf(host, life),
    };
    nodes.set(host, node);
    for (const other of contacts) node.core.introduce(other, node.runtime);
    node.core.start(node.runtime);
  };

  const run = (forMs: number): void => {
    const endMs = nowMs + forMs;
    for (let due = heap[0]; due && due.atMs <= endMs; due = heap[0]) {
      pop();
      nowMs = due.atMs;
      due.work();
    }
    nowMs = endMs;
  };

  return {
    hosts: names,
    events,
    sent,
    start,
    /** All know of each other as alive already, as after a long quiet time. */
    startTogether(): void {
      const facts = names.map((host) => ({ host, incarnation: 1, state: 'alive' as const, card: 1 }));
      const [first, ...others] = names;
      if (first === undefined) return;
      start(first, [], { known: facts });
      for (const host of others) start(host, [], { like: nodes.get(first)?.core.table as MemberTable });
      run(minuteMs);
      events.length = 0;
    },
    kill: (host: HostId): void => void down.add(host),
    pause: (host: HostId, forMs: number): void => void pausedUntilMs.set(host, nowMs + forMs),
    lose(share: number): void {
      loss = share;
    },
    leave(host: HostId): void {
      const node = nodes.get(host);
      node?.core.leave(node.runtime);
    },
    /** For what a host runs besides its core. */
    timers: (host: HostId) => ({
      after(delayMs: number, work: () => void) {
        let isWanted = true;
        push(nowMs + delayMs, () => deliver(host, 'timer', () => isWanted && work()));
        return () => {
          isWanted = false;
        };
      },
    }),
    isUp: (host: HostId): boolean => nodes.has(host) && !down.has(host),
    cut(cuts: (from: HostId, to: HostId) => boolean): void {
      isCut = cuts;
    },
    core(host: HostId) {
      const node = nodes.get(host);
      if (!node) throw new Error(`no such host: ${host}`);
      return node.core;
    },
    runtime: (host: HostId): SwimRuntime => runtimeOf(host, lives.get(host) ?? 0),
    run,
    get nowMs() {
      return nowMs;
    },
    /** State of `host` as each other live host sees it. */
    seen: (host: HostId) =>
      names
        .filter((at) => at !== host && !down.has(at) && nodes.has(at))
        .map((at) => nodes.get(at)?.core.get(host)?.state),
  };
};
