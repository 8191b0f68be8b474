/** DeleteObject and DeleteObjects. */
import { asShoalError, hasCode } from '../../../proto/error.ts';
import { mapLimit } from '../../base/map-limit.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { deleteArchived } from '../archive.ts';
import { checkKey } from './address.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { type Bucket, openBucket, placeIn } from './bucket-access.ts';
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

/** Deleting what is not there succeeds. Resolves with the marker that was made, if any. */
const deleteKey = async (
  context: S3Context,
  { signal }: S3Ask,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): Promise<string | undefined> => {
  const place = placeIn(bucket, key);
  try {
    if (!bucket.row.archive || versionId !== undefined) return await context.objects.delete(place, versionId);
    await deleteArchived(context, place, bucket.row.archive, signal);
  } catch (thrown) {
    if (!hasCode(thrown, 'NOT_FOUND')) throw thrown;
  }
  return undefined;
};

export const deleteObject = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const versionId = versionAsked(ask);
  const bucket = await openBucket(context, ask, action(versionId));
  const marker = await deleteKey(context, ask, bucket, ask.key, versionId);
  record(context, ask, 'object.delete', versionId === undefined ? undefined : { versionId });
  return {
    status: 204,
    headers: marker === undefined ? {} : { 'x-amz-version-id': marker },
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
  const bucket = await openBucket(context, ask, action(undefined));
  const named = ({ key, versionId }: Wanted): (Xml | undefined)[] => [
    element('Key', key),
    optional('VersionId', versionId),
  ];
  const deleteOne = async (one: Wanted): Promise<Xml | undefined> => {
    try {
      const versionId = one.versionId === undefined ? undefined : parseVersionId(one.versionId);
      const marker = await deleteKey(context, ask, bucket, checkKey(one.key), versionId);
      record(context, ask, 'object.delete', undefined, `${bucket.name}/${one.key}`);
      if (isQuiet) return undefined;
      return element('Deleted', [
        ...named(one),
        optional('DeleteMarker', versionId === undefined && marker !== undefined ? true : undefined),
        optional('DeleteMarkerVersionId', versionId === undefined ? marker : undefined),
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
