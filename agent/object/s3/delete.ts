/** DeleteObject and DeleteObjects. */
import { asShoalError, hasCode } from '../../../proto/error.ts';
import { mapLimit } from '../../base/map-limit.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { deleteArchived } from '../archive.ts';
import type { Check, Place } from '../object-turn.ts';
import { isExpired } from '../records.ts';
import { checkKey } from './address.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { allow, type Bucket, findBucket, openBucket, placeIn } from './bucket-access.ts';
import {
  type DeleteConditions,
  deleteCheck,
  markerFailed,
  parseConditions,
  readConditions,
} from './delete-conditions.ts';
import { deletesInFlightMax, deletesMax } from './limits.ts';
import { s3CodeOf, s3Codes, s3Error } from './s3-error.ts';
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

/**
 * A deletion with conditions: of the object as it is shown, decided where all its changes are, or of a version, which never
 * changes. Who compares must be allowed to look. Throws NotImplemented, AccessDenied, NoSuchKey, PreconditionFailed.
 */
const deleteIf = async (
  context: S3Context,
  ask: S3Ask,
  bucket: Bucket,
  { key, versionId, conditions }: Wanted & { readonly conditions: DeleteConditions },
  bypasses: boolean,
): Promise<Deleted> => {
  const { objects, containers, runtime } = context;
  const { archive, versions } = bucket.row;
  if (archive) throw s3Error('NotImplemented', undefined, { fields: { Header: 'If-Match' } });
  if (conditions.match?.trim() !== '*')
    await allow(context, ask, { name: 's3:GetObject', use: 'readObject' }, bucket, key, versionId);
  const holds = deleteCheck(conditions, key);
  const check: Check = (current) =>
    holds(current && isExpired(current, runtime.clock.wallMs()) ? undefined : current);
  const place = placeIn(bucket, key, ask.caller.asker);
  try {
    if (versionId !== undefined) {
      check(await objects.findVersion(place, versionId));
      return await objects.deleteVersion(place, versionId, { promotes: true, bypasses });
    }
    if (!place.isGuarded) await containers.guard(bucket.project, bucket.name, place.id);
    const guarded: Place = { ...place, isGuarded: true };
    if (versions) return { versionId: await objects.hide(guarded, check), isMarker: true };
    await objects.remove(guarded, check);
  } catch (thrown) {
    if (!hasCode(thrown, 'NOT_FOUND')) throw thrown;
    if (await objects.findMarker(place, versionId)) throw markerFailed();
    if (conditions.match !== undefined) throw thrown;
  }
  return { versionId, isMarker: false };
};

/** Deleting what is not there succeeds. Throws FORBIDDEN on a version that is locked. */
const deleteKey = async (
  context: S3Context,
  ask: S3Ask,
  bucket: Bucket,
  wanted: Wanted,
  bypasses: boolean,
): Promise<Deleted> => {
  const { key, versionId, conditions } = wanted;
  if (conditions) return deleteIf(context, ask, bucket, { ...wanted, conditions }, bypasses);
  const { signal, caller } = ask;
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
    { key: ask.key, versionId, conditions: readConditions(ask.headers) },
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
  readonly conditions: DeleteConditions | undefined;
}

export const deleteObjects = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  // What came damaged would delete something else.
  if (ask.md5 === undefined && ask.checksum === undefined)
    throw s3Error(
      'InvalidRequest',
      'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
    );
  const node = await readXml(ask, 'Delete');
  const isQuiet = textOf(node, 'Quiet') === 'true';
  const wanted = childrenOf(node, 'Object').map(
    (object): Wanted => ({
      key: wantedText(object, 'Key'),
      versionId: textOf(object, 'VersionId') || undefined,
      conditions: parseConditions(object),
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
      const deleted = await deleteKey(context, ask, bucket, { ...one, versionId }, bypasses);
      record(context, ask, 'object.delete', undefined, `${bucket.name}/${one.key}`);
      ask.trail.deleted.push({ key: one.key, versionId: one.versionId, status: 204 });
      if (isQuiet) return undefined;
      return element('Deleted', [
        ...named(one),
        optional('DeleteMarker', deleted.isMarker || undefined),
        optional('DeleteMarkerVersionId', deleted.isMarker ? deleted.versionId : undefined),
      ]);
    } catch (thrown) {
      const error = asShoalError(thrown);
      const errorCode = s3CodeOf(error);
      const { http: status } = s3Codes[errorCode];
      ask.trail.deleted.push({ key: one.key, versionId: one.versionId, status, errorCode });
      return element('Error', [...named(one), element('Code', errorCode), element('Message', error.message)]);
    }
  };
  const results = await mapLimit(wanted, deletesInFlightMax, deleteOne, ask.signal);
  return xmlAnswer(root('DeleteResult', results));
};
