/** PutObject. */
import type { ShoalError } from '../../../proto/error.ts';
import { hasCode } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { objectBytesMax } from '../limits.ts';
import type { Check } from '../object-turn.ts';
import type { ObjectRow } from '../records.ts';
import { storeInto } from '../store-object.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { noBucket, openTarget } from './bucket-access.ts';
import { copyObject } from './copy.ts';
import { expirationHeader } from './expiration.ts';
import { checksumHeaders, etagOf, factsOfPut, newVersionHeader } from './facts.ts';
import { lockAsked } from './lock-words.ts';
import { ownerFacts } from './object-owner.ts';
import { s3Error } from './s3-error.ts';
import { sealAsked, sealHeaders } from './sse.ts';
import { storageClassAsked, storageClassHeader } from './storage-class.ts';

/** Throws MissingContentLength, EntityTooLarge. */
export const announcedBytes = ({ bytes }: S3Ask): number => {
  if (bytes === undefined) throw s3Error('MissingContentLength');
  if (bytes > objectBytesMax)
    throw s3Error('EntityTooLarge', undefined, {
      fields: { ProposedSize: String(bytes), MaxSizeAllowed: String(objectBytesMax) },
    });
  return bytes;
};

const bare = (etag: string): string => etag.trim().replaceAll('"', '');

/**
 * If-None-Match and If-Match of a write; Amazon takes of the first only `*`, here it may name ETags as in HTTP. Looked at
 * before the bytes come and in the moment before the row is put. The check throws PreconditionFailed, and NoSuchKey where
 * If-Match finds nothing.
 */
export const writeCheck = ({ headers, key }: Pick<S3Ask, 'headers' | 'key'>): Check | undefined => {
  const { 'if-none-match': noneMatch, 'if-match': match } = headers;
  if (noneMatch === undefined && match === undefined) return undefined;
  const unwanted = noneMatch?.split(',').map(bare);
  const failed = (condition: string): ShoalError =>
    s3Error('PreconditionFailed', undefined, { fields: { Condition: condition } });
  return (current) => {
    if (current && unwanted?.some((etag) => etag === '*' || etag === bare(etagOf(current))))
      throw failed('If-None-Match');
    if (match === undefined) return;
    if (!current) throw s3Error('NoSuchKey', undefined, { fields: { Key: key } });
    if (bare(match) !== '*' && bare(match) !== bare(etagOf(current))) throw failed('If-Match');
  };
};

/** Bytes that came otherwise than the header says. */
export const orBadDigest =
  ({ md5 }: Pick<S3Ask, 'md5'>) =>
  (cause: unknown): never => {
    if (hasCode(cause, 'UNPROCESSABLE') && md5 !== undefined)
      throw s3Error('BadDigest', undefined, { fields: { ExpectedDigest: md5 }, cause });
    throw cause;
  };

/** A container that went away while the bytes came. */
export const orNoBucket =
  (name: string) =>
  (cause: unknown): never => {
    if (hasCode(cause, 'NOT_FOUND') && cause.details.s3 === undefined) throw noBucket(name);
    throw cause;
  };

export const putObject = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  if (ask.headers['x-amz-copy-source'] !== undefined) return copyObject(context, ask);
  const target = await openTarget(context, ask, { name: 's3:PutObject', use: 'writeObject' }, ask.bytes);
  const bytes = announcedBytes(ask);
  const facts = { ...factsOfPut(ask.headers), ...ownerFacts(ask, target) };
  const check = writeCheck(ask);
  const lock = lockAsked(ask, target.container, context.runtime.clock.wallMs());
  const storageClass = storageClassAsked(context, ask.headers);
  check?.(await context.objects.find(target.place));
  const row: ObjectRow = await storeInto(context, target, {
    source: ask.body,
    facts,
    bytes,
    signal: ask.signal,
    checksum: () => ask.checksum,
    wish: sealAsked(ask.headers),
    storageClass,
    ...(ask.md5 === undefined ? {} : { md5: ask.md5 }),
    ...(check && { check }),
    ...(lock && { kind: { lock } }),
  })
    .catch(orBadDigest(ask))
    .catch(orNoBucket(ask.bucket));
  record(context, ask, 'object.put', { bytes: row.bytes });
  return {
    headers: {
      ETag: etagOf(row),
      ...checksumHeaders(row),
      ...sealHeaders(row),
      ...storageClassHeader(row),
      ...newVersionHeader(target.container, row),
      ...(await expirationHeader(context, target.container, row, { name: ask.key, bytes: row.bytes })),
    },
  };
};
