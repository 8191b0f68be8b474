/** GetObject and HeadObject. */
import { hasCode, type ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { grantsAllow } from '../acl-grant.ts';
import { type ByteRange, contentRange, parseRange } from '../byte-range.ts';
import { checkConditions, rangeCounts } from '../conditions.ts';
import { partsOf } from '../long-parts.ts';
import { headerValue } from '../metadata.ts';
import { findObject, openReadable, type Readable } from '../readable.ts';
import { largeEtag, type ObjectRow } from '../records.ts';
import { httpDate, httpSeconds } from '../time.ts';
import { shownVersionId } from '../versions.ts';
import { readerOf, type S3Ask, type S3Context } from './ask.ts';
import {
  type Action,
  allow,
  type Bucket,
  findBucket,
  isDenied,
  ownProject,
  placeIn,
} from './bucket-access.ts';
import { knowing } from './caller.ts';
import { expirationHeader } from './expiration.ts';
import { checksumHeaders, objectHeaders, versionHeader } from './facts.ts';
import { lockHeaders } from './lock-words.ts';
import { ownerOf } from './object-owner.ts';
import { parsePartNumber } from './part-list.ts';
import { s3Error } from './s3-error.ts';
import { checkReadHeaders, checkSealKey, customerKeyOf, sealHeaders } from './sse.ts';
import { versionAsked } from './version.ts';

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

export interface Opened {
  readonly bucket: Bucket;
  readonly row: ObjectRow;
  readonly thing: Readable;
}

/** Why there is nothing to read. Whoever may not list a bucket does not learn which keys it lacks. */
const missing = async (
  context: S3Context,
  ask: S3Ask,
  bucket: Bucket,
  from: ObjectName,
): Promise<ShoalError> => {
  const { key, versionId } = from;
  // As if the caller listed what begins like this key.
  const caller = knowing(ask.caller, [['s3:prefix', [key]]]);
  await allow(context, { ...ask, caller }, { name: 's3:ListBucket', use: 'readContainer' }, bucket, '');
  const marker = await context.objects.findMarker(placeIn(bucket, key), versionId);
  const headers = marker
    ? { 'x-amz-delete-marker': 'true', 'x-amz-version-id': shownVersionId(marker) }
    : undefined;
  if (marker && versionId !== undefined)
    return s3Error('MethodNotAllowed', undefined, {
      fields: { Method: ask.method, ResourceType: 'DeleteMarker' },
      headers: { ...headers, Allow: 'DELETE', 'Last-Modified': httpDate(marker.changedAtMs) },
    });
  return versionId === undefined
    ? s3Error('NoSuchKey', undefined, { fields: { Key: key }, ...(headers && { headers }) })
    : s3Error('NoSuchVersion', undefined, { fields: { Key: key, VersionId: versionId } });
};

const shown = (thing: Readable): Readable =>
  thing.isLarge ? { ...thing, etag: largeEtag(thing.etag) } : thing;

/** Throws NoSuchKey, NoSuchVersion, NoSuchBucket, AccessDenied. Links of Swift's are followed. */
export const openObject = async (
  context: S3Context,
  ask: S3Ask,
  action: Action,
  from: ObjectName,
  sealPrefix?: string,
): Promise<Opened> => {
  const customer = customerKeyOf(ask.headers, sealPrefix);
  const own = ownProject(ask);
  // Mostly the bucket is the caller's own: then its object is read beside it.
  const ending =
    own !== undefined && from.versionId === undefined
      ? context.objects.getAhead({ project: own, container: from.bucket, object: from.key })
      : undefined;
  const bucket = await findBucket(context, ask, from.bucket);
  // What the bucket does not allow the object itself may.
  const refusal: unknown = await allow(context, ask, action, bucket, from.key, from.versionId).catch(
    (thrown) => thrown,
  );
  if (refusal && (!action.grant || !hasCode(refusal, 'FORBIDDEN') || isDenied(refusal))) throw refusal;
  const reader = { ...readerOf(context, ask), customerKey: customer?.key };
  const place = placeIn(bucket, from.key);
  const row = await (ending?.(place) ?? context.objects.get(place, from.versionId)).catch(async (cause) => {
    if (!hasCode(cause, 'NOT_FOUND')) throw cause;
    // Nor is there an access list that would let somebody in.
    throw await missing(context, ask, bucket, from);
  });
  const { grant } = action;
  const { bucket: settings } = bucket.row;
  const isOwn = ownerOf(row, settings, bucket.project) === own;
  if (refusal && grant && !isOwn) {
    if (!grantsAllow(row.grants, grant, ask.principal, settings)) throw refusal;
    ask.caller.usedList?.();
  }
  // Whoever looks at its access list needs no key.
  if (action.use === 'readObject' && !row.link) checkSealKey(context, row.seal, customer);
  if (!row.link) return { bucket, row, thing: shown(await openReadable(reader, bucket.project, row)) };
  const found = await findObject(reader, row.link);
  if (action.use === 'readObject') checkSealKey(context, found.row.seal, customer);
  return { bucket, row: found.row, thing: shown(await openReadable(reader, found.path.project, found.row)) };
};

/** `response-content-type` and the like, for callers with a key. Throws InvalidRequest. */
const overrides = ({ query, principal }: S3Ask): Record<string, string> => {
  const names = [
    'Content-Type',
    'Content-Language',
    'Expires',
    'Cache-Control',
    'Content-Disposition',
    'Content-Encoding',
  ];
  const given = names.flatMap((name) => {
    const value = query.get(`response-${name.toLowerCase()}`);
    return value === null ? [] : [[name, headerValue(value)] as const];
  });
  if (given.length > 0 && !principal)
    throw s3Error(
      'InvalidRequest',
      'Request specific response headers cannot be used for anonymous GET requests.',
    );
  return Object.fromEntries(given);
};

/** `?partNumber=`: the bytes that came as this part; an object that came whole is its own first. Throws InvalidPartNumber. */
const partAsked = ({ query }: S3Ask, { row, bytes }: Readable): ByteRange | undefined => {
  const text = query.get('partNumber');
  if (text === null) return undefined;
  const number = parsePartNumber(text);
  const parts = partsOf(row) ?? [{ bytes }];
  const part = parts[number - 1];
  if (!part) throw s3Error('InvalidPartNumber');
  if (part.bytes === 0) return undefined;
  const start = parts.slice(0, number - 1).reduce((sum, one) => sum + one.bytes, 0);
  return { start, end: start + part.bytes };
};

const kindHeader = 'x-amz-checksum-type';

/** Of what is given whole: the object, or one of its parts. */
const checksumAsked = ({ headers, query }: S3Ask, row: ObjectRow): Record<string, string> => {
  if (headers['x-amz-checksum-mode']?.toUpperCase() !== 'ENABLED') return {};
  const number = Number(query.get('partNumber') ?? 0);
  const part = number > 0 ? partsOf(row)?.[number - 1] : undefined;
  if (!part?.checksum) return part ? {} : checksumHeaders(row);
  // The kind is that of the object whose part it is.
  const { [kindHeader]: kind } = checksumHeaders(row);
  return { ...checksumHeaders(part), ...(kind === undefined ? {} : { [kindHeader]: kind }) };
};

const partsCount = (row: ObjectRow): Record<string, string> => {
  const parts = partsOf(row);
  return parts ? { 'x-amz-mp-parts-count': String(parts.length) } : {};
};

/** One range; of several S3 gives the whole object. Throws InvalidRange, InvalidPartNumber. */
const rangeAsked = (ask: S3Ask, thing: Readable): ByteRange | undefined => {
  const part = partAsked(ask, thing);
  if (part) return part;
  const { headers } = ask;
  const validators = { etag: thing.etag, modifiedSeconds: httpSeconds(thing.changedAtMs) };
  const ranges = rangeCounts(headers, validators) ? parseRange(headers.range, thing.bytes) : undefined;
  const [range] = ranges ?? [];
  if (ranges && !range)
    throw s3Error('InvalidRange', undefined, {
      fields: { RangeRequested: headers.range ?? '', ActualObjectSize: String(thing.bytes) },
      headers: { 'Content-Range': `bytes */${thing.bytes}` },
    });
  return ranges?.length === 1 ? range : undefined;
};

export const getObject = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const versionId = versionAsked(ask);
  checkReadHeaders(ask.headers);
  if (ask.query.has('partNumber') && ask.headers.range !== undefined)
    throw s3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  const more = overrides(ask);
  const { bucket, row, thing } = await openObject(
    context,
    ask,
    {
      name: versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion',
      use: 'readObject',
      grant: 'READ',
    },
    { bucket: ask.bucket, key: ask.key, versionId },
  );
  const headers = {
    ...objectHeaders(row, thing),
    ...versionHeader(bucket.row, row),
    ...sealHeaders(row),
    ...(ask.query.has('partNumber') ? partsCount(row) : {}),
    ...(versionId === undefined
      ? await expirationHeader(context, bucket.row, row, { name: ask.key, bytes: thing.bytes })
      : {}),
    ...more,
  };
  Object.assign(headers, lockHeaders(await context.objects.lockOf(placeIn(bucket, ask.key), row)));
  const verdict = checkConditions(ask.headers, {
    etag: thing.etag,
    modifiedSeconds: httpSeconds(thing.changedAtMs),
  });
  if (verdict === 'not-modified') return { status: 304, headers };
  if (verdict === 'failed') throw s3Error('PreconditionFailed');
  const range = rangeAsked(ask, thing);
  const body = ask.method === 'HEAD' ? undefined : thing.read(range ?? {});
  if (range)
    return {
      status: 206,
      headers: {
        ...headers,
        ...(ask.query.has('partNumber') ? checksumAsked(ask, row) : {}),
        'Content-Length': String(range.end - range.start),
        'Content-Range': contentRange(range, thing.bytes),
      },
      body,
    };
  return {
    headers: { ...headers, ...checksumAsked(ask, row), 'Content-Length': String(thing.bytes) },
    body,
  };
};
