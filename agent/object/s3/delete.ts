/** DeleteObject and DeleteObjects. */
import { asShoalError, hasCode } from '../../../proto/error.ts';
import { mapLimit } from '../../base/map-limit.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { deleteArchived } from '../archive.ts';
import { checkKey } from './address.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { allow, type Bucket, findBucket, openBucket, placeIn } from './bucket-access.ts';
import { deletesInFlightMax, deletesMax } from './limits.ts';
import { s3CodeOf, s3Error } from './s3-error.ts';
import { parseVersionId, versionAsked } from './version.ts';
import { element, optional, root, type Xml } from './xml.ts';
import { childrenOf, readXml, textOf, wantedText } from './xml-reader.ts';

const action = (versionId: string | undefined) =>
  ({
    name: versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion',
    use: 'writeObject',
  }) as const;

interface Deleted {
  /** That was named, or of the marker that was made. */
  readonly versionId: string | undefined;
  /** A marker was made, or removed. */
  readonly isMarker: boolean;
}

/** Deleting what is not there succeeds. Throws FORBIDDEN on a version that is locked. */
const deleteKey = async (
  context: S3Context,
  { signal, caller }: S3Ask,
  bucket: Bucket,
  { key, versionId }: Wanted,
  bypasses: boolean,
): Promise<Deleted> => {
  const place = placeIn(bucket, key, caller.asker);
  const { archive, versions } = bucket.row;
  try {
    if (versionId !== undefined)
      return await context.objects.deleteVersion(place, versionId, { promotes: true, bypasses });
    if (versions) return { versionId: await context.objects.hide(place), isMarker: true };
    if (archive) await deleteArchived(context, place, archive, signal);
    else await context.objects.delete(place);
  } catch (thrown) {
    if (!hasCode(thrown, 'NOT_FOUND')) throw thrown;
  }
  return { versionId, isMarker: false };
};

/** `x-amz-bypass-governance-retention`. Throws AccessDenied when the caller may not. */
const bypassAsked = async (context: S3Context, ask: S3Ask): Promise<boolean> => {
  if (ask.headers['x-amz-bypass-governance-retention']?.toLowerCase() !== 'true') return false;
  await openBucket(context, ask, { name: 's3:BypassGovernanceRetention', use: 'writeContainer' });
  return true;
};

export const deleteObject = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const versionId = versionAsked(ask);
  const bucket = await openBucket(context, ask, action(versionId));
  const deleted = await deleteKey(
    context,
    ask,
    bucket,
    { key: ask.key, versionId },
    await bypassAsked(context, ask),
  );
  record(context, ask, 'object.delete', versionId === undefined ? undefined : { versionId });
  return {
    status: 204,
    headers: {
      ...(deleted.versionId === undefined ? {} : { 'x-amz-version-id': deleted.versionId }),
      ...(deleted.isMarker ? { 'x-amz-delete-marker': 'true' } : {}),
    },
  };
};

interface Wanted {
  readonly key: string;
  readonly versionId: string | undefined;
}

export const deleteObjects = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const node = await readXml(ask, 'Delete');
  const isQuiet = textOf(node, 'Quiet') === 'true';
  const wanted = childrenOf(node, 'Object').map(
    (object): Wanted => ({
      key: wantedText(object, 'Key'),
      versionId: textOf(object, 'VersionId') || undefined,
    }),
  );
  if (wanted.length === 0 || wanted.length > deletesMax) throw s3Error('MalformedXML');
  const bucket = await findBucket(context, ask, ask.bucket);
  const bypasses = await bypassAsked(context, ask);
  const named = ({ key, versionId }: Wanted): (Xml | undefined)[] => [
    element('Key', key),
    optional('VersionId', versionId),
  ];
  const deleteOne = async (one: Wanted): Promise<Xml | undefined> => {
    try {
      const versionId = one.versionId === undefined ? undefined : parseVersionId(one.versionId);
      await allow(context, ask, action(versionId), bucket, checkKey(one.key), versionId);
      const deleted = await deleteKey(context, ask, bucket, { key: one.key, versionId }, bypasses);
      record(context, ask, 'object.delete', undefined, `${bucket.name}/${one.key}`);
      if (isQuiet) return undefined;
      return element('Deleted', [
        ...named(one),
        optional('DeleteMarker', deleted.isMarker || undefined),
        optional('DeleteMarkerVersionId', deleted.isMarker ? deleted.versionId : undefined),
      ]);
    } catch (thrown) {
      const error = asShoalError(thrown);
      return element('Error', [
        ...named(one),
        element('Code', s3CodeOf(error)),
        element('Message', error.message),
      ]);
    }
  };
  const results = await mapLimit(wanted, deletesInFlightMax, deleteOne, ask.signal);
  return xmlAnswer(root('DeleteResult', results));
};
