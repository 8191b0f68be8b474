/**
 * What goes wrong, drawn from the seed: one fault after the other, sometimes two at once, each healed after a
 * while. The other plans do one thing only: `replace` loses a host for good and a new one comes; `layouts` drains
 * hosts and takes them back, faster than a layout can settle, while others are removed and new ones join.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '../sim/prng.ts';
import type { History } from './history.ts';
import type { ChaosHost } from './host.ts';
import type { TestNetwork } from './network.ts';
import type { Town } from './town.ts';

export const plans = ['mixed', 'replace', 'layouts'] as const;
export type Plan = (typeof plans)[number];

export interface Nemesis {
  readonly counts: ReadonlyMap<string, number>;
  /** No new faults; what is broken is healed. Throws what went wrong with the runner's own means. */
  stop(): Promise<void>;
}

export interface NemesisSettings {
  readonly plan: Plan;
  readonly replaceEveryMs: number;
  /** How long a fault stands. */
  readonly holdMs: readonly [from: number, to: number];
  /** Between two faults. */
  readonly restMs: readonly [from: number, to: number];
}

/** Hosts that hold what there is, whatever is drained: one for each replica. */
const holdersMin = 3;
const lookMs = 500;
/** Copying everything to a new host, on a machine that is busy with everything else. */
const replacedMsMax = 360_000;

export const startNemesis = (
  world: {
    readonly town: Town;
    readonly network: TestNetwork;
    readonly history: History;
    readonly chance: Prng;
  },
  settings: NemesisSettings,
): Nemesis => {
  const { town, network, history, chance } = world;
  const counts = new Map<string, number>();
  const stopping = new AbortController();
  /** In the middle of a fault: nothing else is done to it. */
  const busy = new Set<ChaosHost>();

  const say = (what: string): void => history.fault(what);
  const count = (kind: string): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const hold = (draw: Prng): Promise<void> =>
    sleep(draw.between(...settings.holdMs), undefined, { signal: stopping.signal }).catch(() => {});
  const others = (host: ChaosHost): readonly ChaosHost[] => town.hosts.filter((other) => other !== host);
  const pairs = (some: readonly ChaosHost[], rest: readonly ChaosHost[]) =>
    some.flatMap((from) => rest.map((to) => [from.index, to.index] as const));

  const cutAll = async (directions: readonly (readonly [number, number])[], draw: Prng): Promise<void> => {
    for (const [from, to] of directions) await network.cut(from, to);
    await hold(draw);
    for (const [from, to] of directions) await network.mend(from, to);
  };

  const faults: Readonly<Record<string, (host: ChaosHost, draw: Prng) => Promise<void>>> = {
    async kill(host, draw) {
      await host.kill();
      await hold(draw);
      host.start();
    },
    async pause(host, draw) {
      host.pause();
      await hold(draw);
      host.resume();
    },
    async 'kill all'(_host, draw) {
      const victims = town.hosts.filter((one) => one.isUp && !busy.has(one));
      await Promise.all([_host, ...victims].map((one) => one.kill()));
      await sleep(draw.between(100, 2_000));
      for (const one of [_host, ...victims]) one.start();
    },
    async 'cut off'(host, draw) {
      const rest = others(host);
      await cutAll([...pairs([host], rest), ...pairs(rest, [host])], draw);
    },
    async 'cut in two'(host, draw) {
      const side = [host, ...draw.sample(others(host), Math.floor((town.hosts.length - 1) / 2) - 1)];
      const rest = town.hosts.filter((other) => !side.includes(other));
      await cutAll([...pairs(side, rest), ...pairs(rest, side)], draw);
    },
    async 'cut one way'(host, draw) {
      const rest = draw.sample(others(host), 1 + draw.int(others(host).length));
      await cutAll(draw.chance(0.5) ? pairs([host], rest) : pairs(rest, [host]), draw);
    },
    async 'slow link'(host, draw) {
      await network.slow(host.index);
      await hold(draw);
      await network.fast(host.index);
    },
    async 'full disk'(host, draw) {
      host.fillDisk();
      await hold(draw);
      host.freeDisk();
    },
    async replace(host) {
      await town.lose(host);
      say(`${host.name} is off the roster`);
      const fresh = await town.grow();
      say(`${fresh.name} has joined`);
      const tookMs = await town.untilHealthy(replacedMsMax);
      say(`all is replicated again after ${Math.round(tookMs / 1_000)} s`);
    },
  };
  /** One after the other in random order, so that a run of any length meets as many kinds as it can. */
  const kinds = (draw: Prng): string[] => {
    const all = ['kill', 'kill', 'pause', 'kill all', 'replace'];
    if (network.canCut) all.push('cut off', 'cut in two', 'cut one way');
    if (network.slowing !== undefined) all.push('slow link');
    if (town.hosts.some((host) => host.hasOwnDisk)) all.push('full disk');
    return draw.sample(all, all.length);
  };

  const strike = async (kind: string, draw: Prng): Promise<void> => {
    const free = town.hosts.filter((host) => !busy.has(host));
    // The last copy of nothing may be at stake: a host is lost for good only while all others are well.
    if (kind === 'replace' && busy.size > 0) return;
    const candidates = kind === 'replace' ? free.filter((host) => !host.hasOwnDisk) : free;
    if (candidates.length === 0) return;
    const host = kind === 'full disk' ? town.hosts.find((one) => one.hasOwnDisk) : draw.pick(candidates);
    if (!host || busy.has(host)) return;
    busy.add(host);
    count(kind);
    say(`${kind}: ${host.name}`);
    try {
      await faults[kind]?.(host, draw);
      say(`${kind}: ${host.name} over`);
    } finally {
      busy.delete(host);
    }
  };

  const rest = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});

  const mixed = async (): Promise<void> => {
    const draw = chance.fork();
    let queue: string[] = [];
    while (!stopping.signal.aborted) {
      await rest(draw.between(...settings.restMs));
      if (queue.length === 0) queue = kinds(draw);
      const kind = queue.pop();
      if (kind === undefined || stopping.signal.aborted) continue;
      if (kind === 'replace') {
        // Everything must be whole before a copy is given up for good.
        await town.untilHealthy(replacedMsMax);
        await strike(kind, draw);
      } else if (kind !== 'kill all' && town.hosts.length > 3 && draw.chance(0.3)) {
        const second = queue.find((one) => one !== 'replace' && one !== 'kill all');
        await Promise.all([strike(kind, draw), second === undefined ? undefined : strike(second, draw)]);
      } else await strike(kind, draw);
    }
  };

  const replace = async (): Promise<void> => {
    const draw = chance.fork();
    let dueMs = settings.replaceEveryMs / 2;
    while (!stopping.signal.aborted) {
      await rest(Math.max(0, dueMs - history.nowMs()));
      if (stopping.signal.aborted) return;
      await strike('replace', draw);
      dueMs += settings.replaceEveryMs;
    }
  };

  const layouts = async (): Promise<void> => {
    const draw = chance.fork();
    const drained = new Set<ChaosHost>();
    const active = (): number => town.hosts.length - drained.size;
    const turn = async (host: ChaosHost): Promise<void> => {
      const isBack = drained.delete(host);
      if (!isBack) drained.add(host);
      const kind = isBack ? 'take back' : 'drain';
      count(kind);
      say(`${kind}: ${host.name}`);
      await town.drain(host, !isBack);
    };
    let isHeld = false;
    /** A host may go while the layout is a settled one with more than two in it: then the others hold what it holds. So it is let settle first. */
    const exchange = async (): Promise<void> => {
      isHeld = true;
      while (!stopping.signal.aborted && !(await town.isSettled())) await rest(lookMs);
      isHeld = false;
      if (stopping.signal.aborted) return;
      const mayGo = town.hosts.filter((host) => active() > holdersMin || drained.has(host));
      if (mayGo.length === 0) return;
      const victim = draw.pick(mayGo);
      busy.add(victim);
      // Few may be in the layout while others are drained or join: then it may not go, and nothing has changed.
      if (!(await town.expel(victim))) {
        count('remove refused');
        busy.delete(victim);
        return;
      }
      drained.delete(victim);
      count('remove');
      say(`remove: ${victim.name}`);
      count('join');
      say(`join: ${(await town.grow()).name}`);
    };
    const exchanges = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        await rest(draw.between(...settings.restMs));
        if (!stopping.signal.aborted) await exchange();
      }
    };
    const drains = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        const candidates = town.hosts.filter(
          (host) => !busy.has(host) && (active() > holdersMin || drained.has(host)),
        );
        if (candidates.length > 0 && !isHeld) await turn(draw.pick(candidates));
        await rest(draw.between(...settings.restMs));
      }
    };
    try {
      await Promise.all([drains(), exchanges()]);
    } finally {
      for (const host of [...drained]) await turn(host);
    }
  };

  let failure: unknown;
  const running = { mixed, replace, layouts }[settings.plan]().catch((thrown: unknown) => {
    failure = thrown;
  });
  return {
    counts,
    async stop() {
      stopping.abort();
      await running;
      for (const host of town.hosts) {
        if (host.isPaused) host.resume();
        host.freeDisk();
        host.start();
      }
      if (failure !== undefined) throw failure;
    },
  };
};
