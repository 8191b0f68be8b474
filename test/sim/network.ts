/** Links between hosts: each message may be lost, late, doubled or overtaken, and each direction may be cut. */
import type { HostId } from '../../proto/ids.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

export interface Weather {
  /** Chance that a message vanishes. */
  readonly lossRate: number;
  /** Chance that it comes twice, the copy with a delay of its own. */
  readonly duplicateRate: number;
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Chance of a delay up to `straggleMs` instead: such a message is overtaken by many others. */
  readonly straggleRate: number;
  readonly straggleMs: number;
}

export const fairWeather: Weather = {
  lossRate: 0,
  duplicateRate: 0,
  delayMinMs: 0.2,
  delayMaxMs: 2,
  straggleRate: 0,
  straggleMs: 0,
};

export type Deliver = (from: HostId, message: unknown) => void;

export interface Network {
  /** Where messages to this host go. */
  attach(host: HostId, deliver: Deliver): void;
  send(from: HostId, to: HostId, message: unknown): void;
  /** One direction. Returns the mending; a link that is cut twice must be mended twice. */
  cut(from: HostId, to: HostId): () => void;
  weather: Weather;
  readonly messages: number;
}

/** The weather of a link that has its own. */
export type LinkWeather = (from: HostId, to: HostId) => Weather | undefined;

/** Some ways between two hosts are poor, the way back may be good: one hears of everything long after the rest. */
export const patchy = (random: Prng, poor: Weather, isOver: () => boolean): LinkWeather => {
  const links = new Map<string, boolean>();
  return (from, to) => {
    const link = `${from}>${to}`;
    const isPoor = links.get(link) ?? (from !== to && random.chance(0.4));
    links.set(link, isPoor);
    return isPoor && !isOver() ? poor : undefined;
  };
};

export const network = (world: World, weather: Weather, at: LinkWeather = () => undefined): Network => {
  const random = world.random.fork();
  const hosts = new Map<HostId, Deliver>();
  const cuts = new Map<string, number>();
  let messages = 0;

  const link = (from: HostId, to: HostId): string => `${from}>${to}`;

  const net: Network = {
    weather,
    attach: (host, deliver) => void hosts.set(host, deliver),
    get messages() {
      return messages;
    },
    send(from, to, message) {
      messages++;
      const here = at(from, to) ?? net.weather;
      const { lossRate, duplicateRate } = here;
      const copies = random.chance(duplicateRate) ? 2 : 1;
      if (copies === 2) world.fault('doubled message');
      for (let copy = 0; copy < copies; copy++) {
        // Own messages pass through no wire; they are late like any other work.
        if (from !== to && random.chance(lossRate)) {
          world.fault('lost message');
          continue;
        }
        world.after(delayMs(here), () => {
          // A cut takes what is under way as well.
          if (cuts.get(link(from, to))) world.fault('cut message');
          else hosts.get(to)?.(from, message);
        });
      }
    },
    cut(from, to) {
      const name = link(from, to);
      cuts.set(name, (cuts.get(name) ?? 0) + 1);
      return () => void cuts.set(name, (cuts.get(name) ?? 1) - 1);
    },
  };

  const delayMs = ({ delayMinMs, delayMaxMs, straggleRate, straggleMs }: Weather): number => {
    if (!random.chance(straggleRate)) return random.between(delayMinMs, delayMaxMs);
    world.fault('late message');
    return random.between(delayMaxMs, straggleMs);
  };
  return net;
};
