/**
 * What operators want of the ring (proto/message/layout.ts). Pure. A wish outlives all hosts: it is on the disk of
 * each that has heard of it, and the newest of each name wins wherever two meet.
 */
import { blake3 } from '@napi-rs/blake-hash';
import type { HostId } from '../../proto/ids.ts';
import type { Wish, Wishes } from '../../proto/message/layout.ts';
import { toHex } from '../base/bytes.ts';

type WishName = 'paused' | 'replicas' | `drain/${HostId}`;

export const drainOf = (host: HostId): WishName => `drain/${host}`;

const isNewer = (a: Wish, b: Wish | undefined): boolean =>
  !b || a.sequence > b.sequence || (a.sequence === b.sequence && a.host > b.host);

/** The very same object where nothing is new. */
export const mergeWishes = (held: Wishes, told: Wishes): Wishes => {
  const fresh = Object.entries(told).filter(([name, wish]) => isNewer(wish, held[name]));
  return fresh.length === 0 ? held : { ...held, ...Object.fromEntries(fresh) };
};

/** Equal where the wishes are. */
export const digestOfWishes = (wishes: Wishes): string => {
  const names = Object.entries(wishes).map(([name, { sequence, host }]) => [name, sequence, host].join(' '));
  return toHex(blake3(names.sort().join())).slice(0, 16);
};

/** Without wishes about hosts that are gone for good. The very same object where there are none. */
export const pruneWishes = (held: Wishes, isRostered: (host: HostId) => boolean): Wishes => {
  const kept = Object.entries(held).filter(
    ([name]) => !name.startsWith('drain/') || isRostered(name.slice('drain/'.length) as HostId),
  );
  return kept.length === Object.keys(held).length ? held : Object.fromEntries(kept);
};

/** The wish that follows the one held: newer than all that this host knows of. */
export const nextWish = (held: Wishes, name: WishName, wish: Omit<Wish, 'sequence'>): Wishes => ({
  [name]: { ...wish, sequence: (held[name]?.sequence ?? 0) + 1 },
});

/** Who paused it and when; undefined while it runs. */
export const pauseOf = (wishes: Wishes): Pick<Wish, 'by' | 'atMs'> | undefined =>
  wishes.paused?.value === 1 ? wishes.paused : undefined;
export const replicasOf = (wishes: Wishes): number | undefined => wishes.replicas?.value;
export const isDrained = (wishes: Wishes, host: HostId): boolean => wishes[drainOf(host)]?.value === 1;
