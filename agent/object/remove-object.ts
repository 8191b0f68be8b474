/** Deleting an object for a caller, as its container deals with versions. */
import { ShoalError } from '../../proto/error.ts';
import type { Caller } from './access-list.ts';
import { deleteArchived } from './archive.ts';
import { type Context, openPlace } from './context.ts';
import type { ObjectPath } from './name.ts';

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
  if (versionId !== undefined && container.versions === undefined && versionId !== 'null')
    throw new ShoalError(
      'BAD_REQUEST',
      'Cannot delete a version: the container never had versioning enabled',
    );
  if (
    ifDeleteAt !== undefined &&
    (await context.objects.get(place, versionId)).deleteAtSeconds !== ifDeleteAt
  )
    throw new ShoalError('PRECONDITION_FAILED', 'X-If-Delete-At and X-Delete-At do not match');
  if (!container.archive || versionId !== undefined) return context.objects.delete(place, versionId);
  await deleteArchived(context, place, container.archive, signal);
  return undefined;
};
