/**
 * A set of hosts to draw from: in shuffled rounds (each host once a round, so that a dead one is probed within
 * 2n - 1 periods for sure) or at random. Every operation is O(1); a new round's shuffle is O(1) a draw.
 *
 *   [ probed this round | not yet ]
 *                       ^ cursor
 */
import type { HostId } from '../../proto/ids.ts';
import { type HostNumbers, hostNumbers } from './host-numbers.ts';

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
  copy(): HostPool;
}

/** Draws for one wanted host before `pick` gives up: in a pool of a few hosts most draws repeat. */
const drawsPerPickMax = 8;
const absent = -1;

interface Content {
  /** Numbers of hosts, the first `size` places. */
  readonly order: Int32Array;
  /** By number, where in `order` it is. */
  readonly places: Int32Array;
  readonly size: number;
  readonly cursor: number;
}

const grown = (array: Int32Array, length: number): Int32Array => {
  if (array.length >= length) return array;
  const larger = new Int32Array(Math.max(length, Math.ceil(1.25 * array.length), 4)).fill(absent);
  larger.set(array);
  return larger;
};

export const hostPool = (numbers: HostNumbers = hostNumbers(), content?: Content): HostPool => {
  let order: Int32Array = content?.order.slice() ?? new Int32Array();
  let places: Int32Array = content?.places.slice() ?? new Int32Array();
  let size = content?.size ?? 0;
  let cursor = content?.cursor ?? 0;

  const placeOf = (host: HostId): number => places[numbers.find(host) ?? absent] ?? absent;
  const put = (place: number, number: number): void => {
    order[place] = number;
    places[number] = place;
  };
  const swap = (a: number, b: number): void => {
    const [first, second] = [order[a] ?? absent, order[b] ?? absent];
    put(a, second);
    put(b, first);
  };

  const shuffle = (random: () => number): void => {
    for (let last = size - 1; last > 0; last--) swap(last, Math.floor(random() * (last + 1)));
    cursor = 0;
  };

  return {
    get size() {
      return size;
    },
    has: (host) => placeOf(host) !== absent,
    add(host, random) {
      const number = numbers.of(host);
      if ((places[number] ?? absent) !== absent) return;
      order = grown(order, size + 1);
      places = grown(places, number + 1);
      put(size++, number);
      swap(size - 1, cursor + Math.floor(random * (size - cursor)));
    },
    delete(host) {
      let place = placeOf(host);
      if (place === absent) return;
      places[order[place] ?? absent] = absent;
      // The gap moves to the end of the drawn part first, so that nobody in the other part loses its turn.
      if (place < cursor) {
        cursor--;
        if (place < cursor) put(place, order[cursor] ?? absent);
        place = cursor;
      }
      size--;
      if (place < size) put(place, order[size] ?? absent);
    },
    shuffle,
    next(random) {
      if (size === 0) return undefined;
      if (cursor >= size) shuffle(random);
      return numbers.name(order[cursor++] ?? absent);
    },
    pick(count, random, except) {
      const picked: HostId[] = [];
      const wanted = Math.min(count, size);
      for (let draw = 0; picked.length < wanted && draw < count * drawsPerPickMax; draw++) {
        const host = numbers.name(order[Math.floor(random() * size)] ?? absent);
        if (host !== undefined && host !== except && !picked.includes(host)) picked.push(host);
      }
      return picked;
    },
    copy: () => hostPool(numbers, { order, places, size, cursor }),
  };
};
