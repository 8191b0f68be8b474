/**
 * What goes wrong, and when: faults of the allowed kinds come at random moments, last for a random while and are
 * mended. `heal` ends them all: what the hosts then still fail to do is a bug.
 */
import type { HostId } from '../../proto/ids.ts';
import { fairWeather, type Network, type Weather } from './network.ts';
import type { Node, Program } from './node.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

export const faultKinds = [
  'crash',
  'power cut',
  'pause',
  'cut one way',
  'isolate',
  'split',
  'storm',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Does some harm; gives its mending and, for the timeline, what it was. undefined: not now, it would be too much. */
export type Harm = () => { readonly what: string; readonly mend: () => void } | undefined;

export interface NemesisOptions {
  readonly kinds: readonly FaultKind[];
  /** Kinds of a scenario of its own. */
  readonly harms?: Readonly<Record<string, Harm>>;
  /** Mean time from one fault to the next. */
  readonly everyMs: number;
  /** Mean times that one lasts; each fault draws one of them. */
  readonly lastMs: readonly number[];
  /** The weather of a storm. */
  readonly storm: Weather;
  /** Where it draws from; default: the world's chance. */
  readonly random?: Prng;
}

export interface Nemesis {
  /** Mends everything; the network is fair from then on and every host runs. */
  heal(): void;
}

export const nemesis = (
  parts: { readonly world: World; readonly network: Network; readonly nodes: readonly Node<Program>[] },
  options: NemesisOptions,
): Nemesis => {
  const { world, network, nodes } = parts;
  const random = options.random ?? world.random.fork();
  const calm = network.weather;
  const mendings = new Set<() => void>();
  let over = false;

  const cut = (pairs: readonly (readonly [HostId, HostId])[]): (() => void) => {
    const mends = pairs.map(([from, to]) => network.cut(from, to));
    return () => {
      for (const mend of mends) mend();
    };
  };
  const both = (some: readonly HostId[], others: readonly HostId[]) =>
    some.flatMap((a) => others.flatMap((b) => [[a, b] as const, [b, a] as const]));

  const ids = (): HostId[] => nodes.map((each) => each.id);
  const between = (some: readonly HostId[]) =>
    cut(
      both(
        some,
        ids().filter((id) => !some.includes(id)),
      ),
    );
  const harms: Record<FaultKind, Harm> = {
    crash() {
      const victim = random.pick(nodes);
      victim.crash();
      return { what: `crash ${victim.id}`, mend: () => victim.start() };
    },
    'power cut'() {
      const victims = [...nodes];
      for (const each of victims) each.crash();
      const mend = (): void => {
        for (const each of victims) each.start();
      };
      return { what: 'power cut', mend };
    },
    pause() {
      const victim = random.pick(nodes);
      victim.pause();
      return { what: `pause ${victim.id}`, mend: () => victim.resume() };
    },
    'cut one way'() {
      const [from, to] = random.sample(ids(), 2);
      return from && to ? { what: `cut ${from} to ${to}`, mend: cut([[from, to]]) } : undefined;
    },
    isolate() {
      const alone = random.pick(ids());
      return { what: `isolate ${alone}`, mend: between([alone]) };
    },
    split() {
      if (nodes.length < 2) return undefined;
      const some = random.sample(ids(), 1 + random.int(nodes.length - 1));
      return { what: `split off ${some.join(' ')}`, mend: between(some) };
    },
    storm() {
      network.weather = options.storm;
      const mend = (): void => {
        network.weather = calm;
      };
      return { what: 'storm', mend };
    },
  };
  const all: Readonly<Record<string, Harm>> = { ...harms, ...options.harms };
  const kinds = [...options.kinds, ...Object.keys(options.harms ?? {})];

  const next = (): void =>
    world.after(random.exponential(options.everyMs), () => {
      if (over) return;
      const kind = random.pick(kinds);
      const lastMs = random.exponential(random.pick(options.lastMs));
      const harm = world.allows('fault') ? all[kind]?.() : undefined;
      next();
      if (!harm) return;
      world.fault(kind);
      world.tell('fault', harm.what);
      mendings.add(harm.mend);
      world.after(lastMs, () => {
        if (!mendings.delete(harm.mend)) return;
        harm.mend();
        world.tell('mended', harm.what);
      });
    });
  next();

  return {
    heal() {
      over = true;
      world.tell('heal');
      for (const mend of mendings) mend();
      mendings.clear();
      network.weather = fairWeather;
      for (const each of nodes) each.start();
    },
  };
};
