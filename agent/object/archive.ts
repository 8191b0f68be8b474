/**
 * `X-Versions-Location` and `X-History-Location`: what an object was is copied, as an object of its own, to another
 * container of the account. The older of Swift's two ways; `versions.ts` is the newer one.
 *
 *   photos/reef  ->  archive/004reef/1763939000.12300      bytes of the name in three hex digits, name / moment
 *
 * stack: a deletion brings the newest copy back; where the newest is the mark of a deletion, from a time of history, and
 * nothing stands in its place, the one before it. history: a deletion adds a mark to the copies.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { Context } from './context.ts';
import { placeOf } from './context.ts';
import type { ObjectPath } from './name.ts';
import { checkPath } from './name.ts';
import { walkObjects } from './object-listing.ts';
import type { Place } from './object-turn.ts';
import type { ContainerRow, ObjectRow } from './records.ts';
import { timestampText } from './time.ts';
import { markerType } from './versions.ts';

type Archive = NonNullable<ContainerRow['archive']>;

const folderOf = (name: string): string => `${Buffer.byteLength(name).toString(16).padStart(3, '0')}${name}/`;

/** Throws PRECONDITION_FAILED when the container of the copies is missing. */
const openArchive = async (
  { containers }: Context,
  { project, asker }: Place,
  { container }: Archive,
): Promise<(object: string) => Place> => {
  const row = await containers.find(project, container);
  if (!row)
    throw new ShoalError(
      'PRECONDITION_FAILED',
      `The container ${JSON.stringify(container)} of the versions does not exist`,
    );
  return (object) => {
    const path: ObjectPath = { project, container, object };
    return placeOf(checkPath(path), row, asker);
  };
};

const unchanged = (row: ObjectRow) => row;

/** Before the object is overwritten or deleted. */
export const archiveObject = async (context: Context, place: Place, archive: Archive): Promise<void> => {
  const row = await context.objects.find(place);
  if (!row) return;
  const placeIn = await openArchive(context, place, archive);
  const to = placeIn(`${folderOf(place.name)}${timestampText(row.changedAtMs)}`);
  await context.objects.copy(place, to, unchanged).catch((thrown) => {
    // Deleted meanwhile: there is nothing to keep.
    if (!hasCode(thrown, 'NOT_FOUND')) throw thrown;
  });
};

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** history: what is deleted is kept first, and that it was deleted. */
const deleteToHistory = async (
  context: Context,
  place: Place,
  archive: Archive,
  signal: AbortSignal,
): Promise<void> => {
  await archiveObject(context, place, archive);
  const placeIn = await openArchive(context, place, archive);
  await context.objects.put(
    placeIn(`${folderOf(place.name)}${timestampText(context.runtime.clock.wallMs())}`),
    {
      source: nothing(),
      facts: { contentType: markerType, kept: {}, metadata: {}, deleteAtSeconds: null },
      signal,
    },
  );
  await context.objects.delete(place);
};

/**
 * stack: the newest copy comes back in place of what is deleted. A mark says that the object was deleted once: where it
 * still is the copy before the mark comes back, else the object goes and the mark stays what it was.
 */
const deleteToStack = async (context: Context, place: Place, archive: Archive): Promise<void> => {
  const { records, runtime } = context;
  const row = await context.containers.find(place.project, archive.container);
  const parts = { records, clock: runtime.clock };
  const steps = row ? walkObjects(parts, row, { prefix: folderOf(place.name), reverse: true }) : [];
  let mark: Place | undefined;
  for await (const step of steps) {
    if (step.kind === 'folder' || !row) continue;
    const path = { project: place.project, container: archive.container, object: step.name };
    const from = placeOf(path, row, place.asker);
    const isMark = step.row.contentType === markerType;
    if (isMark && (mark || (await context.objects.find(place)))) break;
    if (isMark) mark = from;
    else {
      await context.objects.copy(from, place, unchanged);
      await context.objects.delete(from);
      if (mark) await context.objects.delete(mark);
      return;
    }
  }
  await context.objects.delete(mark ?? place);
};

export const deleteArchived = (
  context: Context,
  place: Place,
  archive: Archive,
  signal: AbortSignal,
): Promise<void> =>
  archive.mode === 'stack'
    ? deleteToStack(context, place, archive)
    : deleteToHistory(context, place, archive, signal);
