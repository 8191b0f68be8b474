/**
 * Listings that are asked for again and again (by dashboards, sync tools, mounts), as they were last answered. Whether they
 * still hold is asked of the owners each time: a digest stands for all rows of a container (`table/port.ts`).
 *
 *   asked for first ── made
 *   again           ── digest d ── made ── kept with d
 *   once more       ── digest d still: nothing was changed since before it was made ── as it is kept
 *
 * The digest is taken before the listing is made, so what comes between the two makes the next digest another one. Of many
 * who ask at once one is served, and all others by the next that is made.
 */

import { coalesce } from '../base/coalesce.ts';
import type { Clock } from '../runtime/ports.ts';
import { keptListingBytesMax, keptListingsBytesMax, seenListingsMax } from './limits.ts';
import type { ContainerRow, ObjectFacts, Records } from './records.ts';

export interface Listing {
  readonly body: Uint8Array;
  /** Names in it. */
  readonly count: number;
  /** When the first of its objects expires; Infinity: none does. */
  readonly untilMs: number;
}

/** When a listing that shows these, or folders for their sake, is no longer what it was, though nothing was changed. */
export const untilMsOf = (rows: readonly Pick<ObjectFacts, 'deleteAtSeconds'>[]): number =>
  rows.reduce(
    (least, { deleteAtSeconds }) => Math.min(least, (deleteAtSeconds ?? Infinity) * 1_000),
    Infinity,
  );

interface Kept extends Listing {
  readonly digest: string;
}

export interface KeptListings {
  /** `query` tells all that the listing depends on beside the container's rows. Throws what `make` throws, and what a read does. */
  listing(
    container: Pick<ContainerRow, 'id' | 'isUnposted'>,
    query: string,
    make: () => Promise<Listing>,
  ): Promise<Listing>;
}

export const openKeptListings = ({
  records: { objects, posts },
  clock,
}: {
  readonly records: Pick<Records, 'objects' | 'posts'>;
  readonly clock: Pick<Clock, 'wallMs'>;
}): KeptListings => {
  /** In the order in which they were last asked for; undefined: once. */
  const kept = new Map<string, Kept | undefined>();
  let keptBytes = 0;

  const put = (key: string, one: Kept | undefined): void => {
    keptBytes += (one?.body.length ?? 0) - (kept.get(key)?.body.length ?? 0);
    kept.delete(key);
    kept.set(key, one);
    for (const [oldest, old] of kept) {
      if (keptBytes <= keptListingsBytesMax && kept.size <= seenListingsMax) return;
      keptBytes -= old?.body.length ?? 0;
      kept.delete(oldest);
    }
  };
  const digestOf = async ({
    id,
    isUnposted,
  }: Pick<ContainerRow, 'id' | 'isUnposted'>): Promise<string | undefined> => {
    const digests = await Promise.all([objects.digest(id), isUnposted ? 'none' : posts.digest(id)]);
    return digests.includes(undefined) ? undefined : digests.join();
  };

  const makes = new Map<string, () => Promise<Listing>>();
  const makeShared = coalesce(async (key: string) => makes.get(key)?.());
  const makeOnce = async (key: string, make: () => Promise<Listing>): Promise<Listing> => {
    makes.set(key, make);
    try {
      return (await makeShared(key)) ?? (await make());
    } finally {
      if (makes.get(key) === make) makes.delete(key);
    }
  };

  return {
    async listing(container, query, make) {
      // Who read that there are posts must not be served by one who read that there are none.
      const key = `${container.id} ${container.isUnposted ? 'unposted' : 'posted'} ${query}`;
      if (!kept.has(key)) {
        put(key, undefined);
        return makeOnce(key, make);
      }
      const last = kept.get(key);
      const digest = await digestOf(container);
      if (last && last.digest === digest && clock.wallMs() < last.untilMs) {
        put(key, last);
        return last;
      }
      const made = await makeOnce(key, make);
      put(key, digest && made.body.length <= keptListingBytesMax ? { ...made, digest } : undefined);
      return made;
    },
  };
};
