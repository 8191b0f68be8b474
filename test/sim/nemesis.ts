/**
 * What goes wrong, and when: faults of the allowed kinds come at random moments, last for a random while and are
 * mended. `heal` ends them all: what the hosts then still fail to do is a bug.
 */
import type { HostId } from '../../proto/ids.ts';
import { fairWeather, type Network, type Weather } from './network.ts';
import type { Node, Program } from './node.ts';
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

export interface NemesisOptions {
  readonly kinds: readonly FaultKind[];
  /** Mean time from one fault to the next. */
  readonly everyMs: number;
  /** Mean times that one lasts; each fault draws one of them. */
  readonly lastMs: readonly number[];
  /** The weather of a storm. */
  readonly storm: Weather;
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
  const random = world.random.fork();
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

  /** Does the harm, returns its mending. */
  const strike = (kind: FaultKind): (() => void) => {
    const ids = nodes.map((each) => each.id);
    switch (kind) {
      case 'crash': {
        const victim = random.pick(nodes);
        victim.crash();
        return () => victim.start();
      }
      case 'power cut':
        for (const each of nodes) each.crash();
        return () => {
          for (const each of nodes) each.start();
        };
      case 'pause': {
        const victim = random.pick(nodes);
        victim.pause();
        return () => victim.resume();
      }
      case 'cut one way': {
        const [from, to] = random.sample(ids, 2);
        return from && to ? cut([[from, to]]) : () => {};
      }
      case 'isolate': {
        const alone = random.pick(ids);
        return cut(
          both(
            [alone],
            ids.filter((id) => id !== alone),
          ),
        );
      }
      case 'split': {
        const some = random.sample(ids, 1 + random.int(ids.length - 1));
        return cut(
          both(
            some,
            ids.filter((id) => !some.includes(id)),
          ),
        );
      }
      case 'storm':
        network.weather = options.storm;
        return () => {
          network.weather = calm;
        };
    }
  };

  const next = (): void =>
    world.after(random.exponential(options.everyMs), () => {
      if (over) return;
      const kind = random.pick(options.kinds);
      world.fault(kind);
      world.note('fault', kind);
      const mend = strike(kind);
      mendings.add(mend);
      world.after(random.exponential(random.pick(options.lastMs)), () => {
        if (mendings.delete(mend)) mend();
      });
      next();
    });
  next();

  return {
    heal() {
      over = true;
      world.note('heal');
      for (const mend of mendings) mend();
      mendings.clear();
      network.weather = fairWeather;
      for (const each of nodes) each.start();
    },
  };
};
