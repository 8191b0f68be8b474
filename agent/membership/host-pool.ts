/**
 * A set of hosts to draw from: in shuffled rounds (each host once a round, so that a dead one is probed within
 * 2n - 1 periods for sure) or at random. Every operation is O(1); a new round's shuffle is O(1) a draw.
 *
 *   [ probed this round | not yet ]
 *                       ^ cursor
 */
import type { HostId } from '../../proto/ids.ts';

export interface HostPool {
  readonly size: number;
  has(host: HostId): boolean;
  /** A new host lands at a random place among those not yet drawn. */
  add(host: HostId, random: number): void;
  delete(host: HostId): void;
  /** Begins a new round; `random` is asked once a host. */
  shuffle(random: () => number): void;
  /** The next of the round, and of a new one after the last. */
  next(random: () => number): HostId | undefined;
  /** Up to `count` different hosts, none of `except`. */
  pick(count: number, random: () => number, except?: HostId): readonly HostId[];
}

/** Draws for one wanted host before `pick` gives up: in a pool of a few hosts most draws repeat. */
const drawsPerPickMax = 8;

export const hostPool = (): HostPool => {
  const hosts: HostId[] = [];
  const places = new Map<HostId, number>();
  let cursor = 0;

  const put = (place: number, host: HostId | undefined): void => {
    if (host === undefined) return;
    hosts[place] = host;
    places.set(host, place);
  };
  const swap = (a: number, b: number): void => {
    const [first, second] = [hosts[a], hosts[b]];
    put(a, second);
    put(b, first);
  };

  const shuffle = (random: () => number): void => {
    for (let last = hosts.length - 1; last > 0; last--) swap(last, Math.floor(random() * (last + 1)));
    cursor = 0;
  };

  return {
    get size() {
      return hosts.length;
    },
    has: (host) => places.has(host),
    add(host, random) {
      if (places.has(host)) return;
      put(hosts.length, host);
      swap(hosts.length - 1, cursor + Math.floor(random * (hosts.length - cursor)));
    },
    delete(host) {
      let place = places.get(host);
      if (place === undefined) return;
      // The gap moves to the end of the drawn part first, so that nobody in the other part loses its turn.
      if (place < cursor) {
        cursor--;
        put(place, hosts[cursor]);
        place = cursor;
      }
      const last = hosts.pop();
      if (place < hosts.length) put(place, last);
      places.delete(host);
    },
    shuffle,
    next(random) {
      if (hosts.length === 0) return undefined;
      if (cursor >= hosts.length) shuffle(random);
      return hosts[cursor++];
    },
    pick(count, random, except) {
      const picked: HostId[] = [];
      const wanted = Math.min(count, hosts.length);
      for (let draw = 0; picked.length < wanted && draw < count * drawsPerPickMax; draw++) {
        const host = hosts[Math.floor(random() * hosts.length)];
        if (host !== undefined && host !== except && !picked.includes(host)) picked.push(host);
      }
      return picked;
    },
  };
};
