/**
 * Writes with a condition (`If-None-Match: *`, `If-Match`), decided at one register whichever hosts they go through.
 * The object's row itself is a row of the last writer, so two could both find their condition true; once a container
 * has seen such a write, each change of an object in it is decided first and done then:
 *
 *   object-guard   register  incarnation / name      what was decided last: the row, its stamp, and is it done?
 *
 *   settle what was decided ── read, take a stamp ── condition ── still the same decision? mine ── put at the stamp ── done
 *        ^                                                              │ no
 *        └──────────────────────────────────────────────────────────────┘
 *
 *  - A decision that was not done (its host died) is done by whoever comes next, with the very same stamp: twice is once. It is
 *    done as it was decided, with the marker of a deletion and the version that it hides.
 *  - A stamp is taken after the decision before was done, so it lies above it; a host that wakes up late and puts what
 *    others have done long ago changes nothing.
 *  - Decisions stay as a few bytes when their object is gone: a name that starts anew would let an old look pass.
 */
import { ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import type { Stamp } from '../../proto/stamp.ts';
import { stampLastsMs } from '../table/limits.ts';
import type { Companion } from '../table/port.ts';
import { keptVersions } from './kept-versions.ts';
import { decisionsMax } from './limits.ts';
import type { GuardRow, ObjectRow, Records } from './records.ts';

/** A deletion as a version, and whether what it hides is kept as one. */
export interface Mark {
  readonly marker: ObjectRow;
  readonly keeps: boolean;
}

/** What is there now, and what shall be there; undefined: nothing. */
export interface Decision<Seen> {
  readonly before: Seen;
  readonly row: ObjectRow | undefined;
  /** What a deletion leaves. */
  readonly mark: Mark | undefined;
}

/** With the stamp at which the row was put, or deleted. */
export interface Done<Seen> extends Decision<Seen> {
  readonly stamp: Stamp;
}

interface Named {
  readonly id: Uuid;
  readonly name: string;
}
type Undone = Extract<GuardRow, { readonly stamp: Stamp }>;

export const openGuard = (records: Pick<Records, 'objects' | 'guards' | 'versions'>) => {
  const { objects, guards } = records;
  const finish = ({ id, name }: Named, token: Uuid): Promise<GuardRow | undefined> =>
    guards.change(id, name, (now) => (now?.token === token && !now.isDone ? { token, isDone: true } : now));

  /** What is brought along by who does it in another's place. */
  const alongOf = (name: string, { row, marker, keeps }: Undone, replaced: ObjectRow | undefined) => {
    if (marker) return keptVersions(records, name, [keeps && replaced, marker]);
    // One that has a version's id was decided where versions are kept: it brings them, whoever does it.
    return row?.versionId === undefined ? [] : keptVersions(records, name, [replaced, row]);
  };

  const settle = async (place: Named): Promise<GuardRow | undefined> => {
    const { id, name } = place;
    const found = await guards.get(id, name);
    if (!found || found.isDone) return found;
    const held = await objects.getForPut(id, name);
    const now = held.stamp();
    if (now.wallMs - found.stamp.wallMs < stampLastsMs) {
      await objects.putAt(id, name, found.row, found.stamp, alongOf(name, found, held.row));
      return finish(place, found.token);
    }
    // Owners may take a stamp of so long ago for that of a row which is gone. Nobody has decided since, so a new one is as good.
    await guards.change(id, name, (current) =>
      current?.token === found.token && !current.isDone ? { ...current, stamp: now } : current,
    );
    return settle(place);
  };

  /** Is it ours? Not when another was decided since `last`. */
  const decide = async ({ id, name }: Named, last: Uuid | undefined, mine: Undone): Promise<boolean> => {
    const now = await guards.change(id, name, (current) => (current?.token === last ? mine : current));
    return now?.token === mine.token;
  };

  return {
    /**
     * @param look what is there; it reads the row that it is given
     * @param judge throws when it must not be; may be asked again
     * @param prepare puts on disk what has to be there before the row is; resolves with what is written along with it
     * @param markOf of a deletion: what it leaves
     * Throws CONTENDED.
     */
    async replace<Seen>(
      place: Named,
      look: (reading: Promise<ObjectRow | undefined>) => Promise<Seen>,
      judge: (before: Seen) => Promise<ObjectRow | undefined>,
      prepare: (decision: Decision<Seen>) => Promise<readonly Companion[]>,
      markOf: (before: Seen) => Promise<Mark | undefined>,
    ): Promise<Done<Seen>> {
      for (let attempt = 0; attempt < decisionsMax; attempt++) {
        const last = await settle(place);
        const held = await objects.getForPut(place.id, place.name);
        const before = await look(Promise.resolve(held.row));
        const row = await judge(before);
        const mark = row ? undefined : await markOf(before);
        const [token, stamp] = [newUuid(), held.stamp()];
        const mine: Undone = {
          ...{ token, stamp },
          ...(row && { row }),
          ...(mark && { marker: mark.marker }),
          ...(mark?.keeps && { keeps: true }),
        };
        if (!(await decide(place, last?.token, mine))) continue;
        const along = await prepare({ before, row, mark });
        await objects.putAt(place.id, place.name, row, stamp, along);
        // Whoever comes next does it otherwise.
        await finish(place, token).catch(() => undefined);
        return { before, row, mark, stamp };
      }
      throw new ShoalError(
        'CONTENDED',
        `Cannot change ${JSON.stringify(place.name)}: ${decisionsMax} others were first, try again`,
      );
    },
  };
};
