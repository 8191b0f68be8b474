/** Deleting an object for a caller, as its container deals with versions. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { Caller } from './access-list.ts';
import { deleteArchived } from './archive.ts';
import { authorize, type Context, openPlace } from './context.ts';
import type { ObjectPath } from './name.ts';
import type { Check, Place } from './object-turn.ts';
import { isExpired, type ObjectRow } from './records.ts';
import { checkVersioned, nullVersion } from './versions.ts';

/**
 * Throws NOT_FOUND, FORBIDDEN, NOT_AUTHENTICATED, PRECONDITION_FAILED.
 * @returns the id of the version that was removed, or of the marker that took the object's place
 */
export const removeObject = async (
  context: Context,
  path: ObjectPath,
  caller: Caller,
  {
    versionId,
    ifDeleteAt,
    signal,
  }: {
    readonly versionId?: string | undefined;
    /** Only if its time is this second. */
    readonly ifDeleteAt?: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<string | undefined> => {
  const { place, container } = await openPlace(context, 'writeObject', path, caller);
  const id = container.archive && versionId === nullVersion ? undefined : versionId;
  if (id !== undefined) checkVersioned(place, id);
  if (id !== undefined && id !== nullVersion) await authorize(context, 'writeContainer', path, caller);
  if (ifDeleteAt !== undefined) {
    const seen = await context.objects.get(place, id);
    if (seen.deleteAtSeconds !== ifDeleteAt) throw otherTime();
    if (id === undefined && !container.archive) return removeSeen(context, place, seen);
  }
  if (id === nullVersion) return removeNull(context, place);
  if (id !== undefined) return context.objects.delete(place, id);
  if (container.archive) await deleteArchived(context, place, container.archive, signal);
  else if (place.versions === 'enabled') return markDeleted(context, place);
  else await context.objects.delete(place);
  return undefined;
};

const otherTime = (): ShoalError =>
  new ShoalError('PRECONDITION_FAILED', 'X-If-Delete-At and X-Delete-At do not match');

/** Decided where all changes of the object are: what came meanwhile stays. */
const removeSeen = async (
  { objects, containers }: Context,
  place: Place,
  { upload }: ObjectRow,
): Promise<string | undefined> => {
  const check: Check = (row) => {
    if (row?.upload !== upload) throw otherTime();
  };
  if (!place.isGuarded) await containers.guard(place.project, place.container, place.id);
  const guarded: Place = { ...place, isGuarded: true };
  if (place.versions === 'enabled') return objects.hide(guarded, check);
  await objects.remove(guarded, check);
  return undefined;
};

/** To Swift `null` is what has the name itself: where that is a version it stays, and shows no more. */
const removeNull = async (context: Context, place: Place): Promise<string> => {
  try {
    await context.objects.delete(place, nullVersion);
  } catch (thrown) {
    if (!hasCode(thrown, 'NOT_FOUND') || place.versions === undefined) throw thrown;
    await context.objects.unlink(place);
  }
  return nullVersion;
};

/** Whatever was there: that it was deleted is kept. */
const markDeleted = async (context: Context, place: Place): Promise<string> => {
  let wasThere = false;
  const marker = await context.objects.hide(place, (row) => {
    wasThere = row !== undefined && !isExpired(row, context.runtime.clock.wallMs());
  });
  if (wasThere) return marker;
  throw new ShoalError('NOT_FOUND', `There is no object ${JSON.stringify(place.name)}.`, {
    details: { headers: { 'X-Object-Version-Id': marker } },
  });
};
