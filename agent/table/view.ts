/**
 * The owners of a place as this host sees them, and starting again when that view was too old: an owner that no
 * longer serves the layout version of a message refuses it, and nothing was done.
 */
import { hasCode } from '../../proto/error.ts';
import type { OwnerSet, Ring } from '../ring/port.ts';
import type { Timers } from '../runtime/ports.ts';
import type { Place } from './keys.ts';
import { layoutRetriesMax, layoutWaitMs } from './limits.ts';

export interface View {
  /** Goes with every message that stands on these sets. */
  readonly layout: number;
  readonly sets: readonly OwnerSet[];
}

export type ViewRing = Pick<Ring, 'newest' | 'ownerSets' | 'onChange'>;

export const viewOf = (ring: ViewRing, place: Pick<Place, 'partition'>): View => ({
  layout: ring.newest,
  sets: ring.ownerSets(place.partition),
});

/** `work` may run several times: it must be harmless to do twice. */
export const withView = async <T>(
  world: { readonly ring: ViewRing; readonly timers: Pick<Timers, 'after'> },
  place: Pick<Place, 'partition'>,
  work: (view: View) => Promise<T>,
): Promise<T> => {
  for (let attempt = 0; ; attempt++) {
    const view = viewOf(world.ring, place);
    try {
      return await work(view);
    } catch (thrown) {
      if (!hasCode(thrown, 'STALE_LAYOUT') || attempt === layoutRetriesMax) throw thrown;
      if (world.ring.newest === view.layout) await nextLayout(world);
    }
  }
};

/** Resolves when the ring changes, or after a while. The ring fetches a newer layout by itself. */
const nextLayout = (world: {
  readonly ring: Pick<Ring, 'onChange'>;
  readonly timers: Pick<Timers, 'after'>;
}): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      stopListening();
      stopTimer();
      resolve();
    };
    const stopListening = world.ring.onChange(end);
    const stopTimer = world.timers.after(layoutWaitMs, end);
  });
