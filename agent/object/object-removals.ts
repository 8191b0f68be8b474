/** Removing objects: for a caller, because their time has come, or because their container is gone. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import { removalName } from './events/event-rule.ts';
import { listingPageRows } from './limits.ts';
import type { Check, ObjectParts, ObjectTurns, Place } from './object-turn.ts';
import { markerOf, noObject, type ObjectVersions } from './object-versions.ts';
import { isExpired, type ObjectRow } from './records.ts';
import { versionKey } from './versions.ts';

export const openObjectRemovals = (
  { runtime, records: { objects, versions } }: Pick<ObjectParts, 'runtime' | 'records'>,
  { run, look, replace, tell, inOrder, versionsOf, giveUp, release, dropPosts }: ObjectTurns,
  deleteVersion: ObjectVersions['deleteVersion'],
) => ({
  /**
   * Throws NOT_FOUND; an expired object is removed and not found. Where versioning is on a marker takes its place
   * and the version stays, unless one is named. Resolves with the id of what was made or removed.
   */
  async delete(place: Place, versionId?: string): Promise<string | undefined> {
    if (versionId !== undefined)
      return (await deleteVersion(place, versionId, { promotes: false })).versionId;
    return run(place, async () => {
      const isGone = (row: ObjectRow): boolean => isExpired(row, runtime.clock.wallMs());
      const { before, mark, stamp } = await replace(
        place,
        async ({ row }) => {
          if (!row) throw noObject(place.name);
          return undefined;
        },
        async (decision) =>
          decision.mark ? versionsOf(place, [decision.before.row, decision.mark.marker]) : [],
        async ({ row }) => {
          if (place.versions !== 'enabled' || !row || isGone(row)) return undefined;
          const marker = await inOrder(place, markerOf(newUuid(), runtime.clock.wallMs()), row);
          return { marker, keeps: true };
        },
      );
      const marker = mark?.marker;
      await giveUp(place, place, before);
      if (before.row && isGone(before.row) && !marker) throw noObject(place.name);
      await tell(place, { name: removalName(place, marker !== undefined), row: marker ?? before.row }, stamp);
      return marker?.versionId;
    });
  },

  /** The object shows none of its versions any more; all of them stay. Throws NOT_FOUND, CONTENDED. */
  unlink: (place: Place): Promise<void> =>
    run(place, async () => {
      const { before, stamp } = await replace(place, async ({ row }) => {
        if (!row) throw noObject(place.name);
        if (row.versionId === undefined)
          throw new ShoalError(
            'CONTENDED',
            `Cannot unlink ${JSON.stringify(place.name)}: it was just replaced`,
          );
        return undefined;
      });
      await tell(place, { name: removalName(place, false), row: before.row }, stamp);
    }),

  /** S3's deletion where no versions are kept, if the check lets it pass. Throws what it throws. */
  remove: (place: Place, check: Check): Promise<void> =>
    run(place, async () => {
      const { before, stamp } = await replace(place, async ({ row }) => {
        check(row);
        return undefined;
      });
      await giveUp(place, place, before);
      await tell(place, { name: removalName(place, false), row: before.row }, stamp);
    }),

  /** Removes the object if this upload is still the current one, whatever became of its bytes. */
  dropUpload: (place: Place, upload: Uuid): Promise<void> =>
    run(place, async () => {
      const { row } = await look(place);
      if (row?.upload !== upload) return;
      await objects.delete(place.id, place.name);
      if (row.versionId) await versions.delete(place.id, versionKey(place.name, row.versionId));
    }),

  /**
   * Removes this upload if it is the current one and its time has come. The deletion is stamped just above the row that was
   * read, so an upload of another host that lands meanwhile stays.
   */
  expire: (place: Place, upload: Uuid): Promise<boolean> =>
    run(place, async () => {
      const nothing = async (): Promise<[]> => [];
      const judge = async ({ row }: { readonly row: ObjectRow | undefined }): Promise<undefined> => {
        if (row?.upload !== upload || !isExpired(row, runtime.clock.wallMs())) throw noObject(place.name);
      };
      const done = await replace(place, judge, nothing).catch((thrown: unknown) => {
        if (!hasCode(thrown, 'NOT_FOUND')) throw thrown;
      });
      if (!done) return false;
      await giveUp(place, place, done.before);
      await tell(place, { name: removalName(place, false), row: done.before.row }, done.stamp);
      return true;
    }),

  /** Removes what expired in a container that is gone: nobody can put anything there any more. */
  async clear(id: Uuid): Promise<void> {
    for (;;) {
      const page = await objects.range(id, { limit: listingPageRows });
      for (const { sortKey, row } of page.entries) {
        await objects.delete(id, sortKey);
        await release({ id, name: sortKey }, row);
        await dropPosts(id, sortKey, [row]);
      }
      if (!page.more) return;
    }
  },
});
