/**
 * Callers of this host that want the same register changed, served by one change: each `next` gets what the one before it
 * left, and one value is set for all.
 *
 *   callers ── seen ── next, next, next ── set if that is still what stands ── done: each hears its own
 *                ^                                                         │
 *                └──────── stale: here is what stands now ─────────────────┘
 *
 * What was seen may come to nothing, if owners did not agree or it was seen before a caller asked. A change may be built
 * on it all the same, for it is made only if that stands. But nobody is told anything ("taken", "it is so already") before
 * what it follows from is known to stand: by the change itself, or by a reading that began after all had asked.
 */
import { ShoalError } from '../../proto/error.ts';
import type { ChangeId, Lineage } from '../register/lineage.ts';
import type { Accepted } from '../register/message.ts';
import type { Chance } from '../runtime/ports.ts';
import { digest, type Place, rowText } from './keys.ts';
import type { Lead } from './lead.ts';
import { changeRoundsMax, combinedBytesMax, combinedChangesMax, ownChangesKeptMax } from './limits.ts';
import { changeIdBytes, changeIdOf, unwrapValue, wrapValue } from './row.ts';

export interface Caller<Row> {
  readonly next: (current: Row | undefined) => Row | undefined;
  readonly resolve: (row: Row | undefined) => void;
  readonly reject: (thrown: unknown) => void;
}

export interface Seen {
  readonly value: Uint8Array | null;
  readonly lineage: Lineage;
  /** It stood at some time after all callers had asked. */
  readonly isChosen: boolean;
}

export const seenOf = (held: Pick<Accepted, 'value' | 'lineage'> | null, isChosen: boolean): Seen => ({
  value: held?.value ?? null,
  lineage: held?.lineage ?? [],
  isChosen,
});

interface Target {
  readonly place: Place;
  readonly sortKey: string;
}

export interface JointWorld {
  readonly chance: Chance;
  readonly lead: Lead;
  /** What stands. */
  read(place: Place, sortKey: string): Promise<Seen>;
}

export const openJointChanges = <Row>(
  world: JointWorld,
  rows: { decode(bytes: Uint8Array): Row; encode(row: Row): Uint8Array },
) => {
  /** The last change by this host, of the registers that it changed last. */
  const ownChanges = new Map<string, ChangeId>();
  const noteOwn = (text: string, id: ChangeId): void => {
    ownChanges.delete(text);
    if (ownChanges.size >= ownChangesKeptMax) ownChanges.delete(ownChanges.keys().next().value ?? text);
    ownChanges.set(text, id);
  };

  /** What the callers make of it, one after the other, and what each of them is to hear once that stands. */
  const plan = (value: Uint8Array | null, callers: readonly Caller<Row>[]) => {
    let bytes = unwrapValue(value);
    let isChange = false;
    const tell = callers.map(({ next, resolve, reject }) => {
      try {
        const current = bytes && rows.decode(bytes);
        const wanted = next(current);
        if (wanted !== current) {
          bytes = wanted === undefined ? undefined : rows.encode(wanted);
          isChange = true;
        }
        return () => resolve(wanted);
      } catch (thrown) {
        return () => reject(thrown);
      }
    });
    return { bytes: bytes ?? null, isChange, tell };
  };

  return {
    /** How many callers a change of such a row may serve. */
    many: ({ value }: Seen): number =>
      Math.max(1, Math.min(combinedChangesMax, Math.floor(combinedBytesMax / (value?.length || 1)))),

    /** Resolves with what stands then. Where it throws nobody has heard anything. */
    async make({ place, sortKey }: Target, callers: readonly Caller<Row>[], start: Seen): Promise<Seen> {
      const text = rowText(place, sortKey);
      let seen = start;
      let losses = 0;
      for (let round = 0; round < changeRoundsMax; round++) {
        const { bytes, isChange, tell } = plan(seen.value, callers);
        if (isChange) {
          const value = wrapValue(world.chance.bytes(changeIdBytes), bytes);
          const set = {
            ...{ expected: seen.value && digest(seen.value), value },
            ...{ replaces: ownChanges.get(text) ?? null, base: null },
          };
          const outcome = await world.lead({ place, sortKey, set, isLoser: losses > 0 }, seen.lineage);
          seen = seenOf(outcome, outcome.kind === 'stale');
          if (outcome.kind === 'stale') {
            losses++;
            continue;
          }
          noteOwn(text, changeIdOf(value));
        } else if (!seen.isChosen) {
          seen = await world.read(place, sortKey);
          continue;
        }
        for (const each of tell) each();
        return { ...seen, isChosen: false };
      }
      throw new ShoalError(
        'CONTENDED',
        `Cannot change row ${JSON.stringify(sortKey)} of table "${place.table}": ` +
          `${changeRoundsMax} rounds were lost to others, try again later`,
      );
    },
  };
};
