/**
 * While a range is copied to its heirs nothing of its partition is collected: a row that a copier has read and that is deleted
 * then leaves its tombstone until all of the range is with the heirs, and so comes to them too. However late that copier's copy is,
 * it meets what is newer.
 *
 * The hold is in the register where rounds of collection are decided. It ends the one that is on, and keeps others from
 * being decided; so it also knows the time up to which rows may have been collected, which is final until it is let go.
 */
import { ShoalError } from '../../proto/error.ts';
import { type CollectState, nothingCollected, stateKey } from './cutoff.ts';
import type { FindPlace } from './keys.ts';
import { holdsMax } from './limits.ts';
import type { Registers } from './port.ts';

export interface Holds {
  /** Harmless to do twice. Gives the partition's cutoff. Throws BUSY where too many ranges are split there. */
  take(family: string, rangeKey: string): Promise<number>;
  letGo(family: string, rangeKey: string): Promise<void>;
}

const nameOf = (family: string, rangeKey: string): string => `${family}\0${rangeKey}`;
export const heldRange = (name: string): { readonly family: string; readonly rangeKey: string } => {
  const end = name.indexOf('\0');
  return { family: name.slice(0, end), rangeKey: name.slice(end + 1) };
};

export const openHolds = (world: {
  readonly states: Registers<CollectState>;
  readonly findPlace: FindPlace;
}): Holds => {
  const change = (family: string, rangeKey: string, next: (now: CollectState) => CollectState) =>
    world.states.change(String(world.findPlace(family, rangeKey).partition), stateKey, (now) =>
      next(now ?? nothingCollected),
    );
  return {
    async take(family, rangeKey) {
      const name = nameOf(family, rangeKey);
      const state = await change(family, rangeKey, (now) => {
        const { holds = [], epoch } = now;
        if (holds.includes(name)) return now;
        if (holds.length >= holdsMax)
          throw new ShoalError(
            'BUSY',
            `Cannot split a range of table "${family}": ${holds.length} others of its partition are being split`,
          );
        return { ...now, epoch: epoch + 1, holds: [...holds, name] };
      });
      return state?.cutoff ?? 0;
    },
    async letGo(family, rangeKey) {
      const name = nameOf(family, rangeKey);
      await change(family, rangeKey, (now) =>
        now.holds?.includes(name) ? { ...now, holds: now.holds.filter((each) => each !== name) } : now,
      );
    },
  };
};
