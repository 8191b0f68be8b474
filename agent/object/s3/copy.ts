/** CopyObject: an object's chunks get a second user, no byte moves. */
import type { ApiAnswer } from '../../http/port.ts';
import { checkConditions } from '../conditions.ts';
import { objectBytesMax } from '../limits.ts';
import type { ObjectRow } from '../records.ts';
import { copyInto, storeInto } from '../store-object.ts';
import { httpSeconds } from '../time.ts';
import { addressOf } from './address.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { timeText, xmlAnswer } from './bucket.ts';
import { openTarget, placeIn } from './bucket-access.ts';
import { expirationHeader } from './expiration.ts';
import { etagOf, factsOfCopy, newVersionHeader, versionHeader } from './facts.ts';
import { lockAsked } from './lock-words.ts';
import { type ObjectName, type Opened, openObject } from './object.ts';
import { ownerFacts } from './object-owner.ts';
import { orNoBucket, writeCheck } from './put.ts';
import { s3Error } from './s3-error.ts';
import { sealAsked, sealHeaders, sourcePrefix } from './sse.ts';
import { storageClassAsked, storageClassHeader } from './storage-class.ts';
import { parseVersionId } from './version.ts';
import { element, root } from './xml.ts';

export const sourceVersionHeader = 'x-amz-copy-source-version-id';

/** `x-amz-copy-source: /bucket/key?versionId=id`, percent-encoded. Throws InvalidArgument. */
export const copySourceOf = ({ headers }: S3Ask): ObjectName => {
  const [path = '', id] = (headers['x-amz-copy-source'] ?? '').split(/\?versionId=(.*)$/s);
  const { bucket, key } = addressOf(path, '');
  if (bucket === '' || key === '')
    throw s3Error(
      'InvalidArgument',
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    );
  return { bucket, key, versionId: id === undefined ? undefined : parseVersionId(id) };
};

/** Opens it and looks at `x-amz-copy-source-if-*`. Throws PreconditionFailed. */
export const openSource = async (context: S3Context, ask: S3Ask, from: ObjectName): Promise<Opened> => {
  ask.trail.source = from;
  const opened = await openObject(
    context,
    ask,
    {
      name: from.versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion',
      use: 'readObject',
      grant: 'READ',
    },
    from,
    sourcePrefix,
  );
  const prefix = 'x-amz-copy-source-';
  const conditions = Object.fromEntries(
    Object.entries(ask.headers).flatMap(([name, value]) =>
      name.startsWith(`${prefix}if-`) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
  const { etag, changedAtMs } = opened.thing;
  if (checkConditions(conditions, { etag, modifiedSeconds: httpSeconds(changedAtMs) }) !== 'proceed')
    throw s3Error('PreconditionFailed');
  return opened;
};

export const copyObject = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { range } = ask.headers;
  if (range !== undefined)
    throw s3Error('InvalidArgument', 'RANGE is not supported in Copy!', {
      fields: { ArgumentName: 'Range', ArgumentValue: range },
    });
  const from = copySourceOf(ask);
  const target = await openTarget(context, ask, { name: 's3:PutObject', use: 'writeObject' });
  const { bucket, row, thing } = await openSource(context, ask, from);
  const isItself = from.bucket === ask.bucket && from.key === ask.key && from.versionId === undefined;
  const directives = [ask.headers['x-amz-metadata-directive'], ask.headers['x-amz-tagging-directive']];
  if (
    isItself &&
    !directives.includes('REPLACE') &&
    !sealAsked(ask.headers) &&
    !ask.headers['x-amz-storage-class']
  )
    throw s3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  if (thing.bytes > objectBytesMax)
    throw s3Error(
      'InvalidRequest',
      'The specified copy source is larger than the maximum allowable size for a copy source',
    );
  const check = writeCheck(ask);
  const lock = lockAsked(ask, target.container, context.runtime.clock.wallMs());
  const storageClass = storageClassAsked(context, ask.headers);
  check?.(await context.objects.find(target.place));
  const factsOf = (source: ObjectRow) => ({
    ...factsOfCopy(ask.headers, source),
    ...ownerFacts(ask, target),
  });
  const { versionId } = from;
  const wish = sealAsked(ask.headers);
  // Swift's large objects become one plain object; a link's target has its own place; another key makes other bytes.
  const managed = wish?.kind === 'customer' ? undefined : wish;
  const isNew = thing.isLarge || row.link || row.seal?.kind === 'customer' || wish?.kind === 'customer';
  const copied = isNew
    ? await storeInto(context, target, {
        source: thing.read({}),
        facts: factsOf(row),
        bytes: thing.bytes,
        signal: ask.signal,
        how: 'ObjectCreated:Copy',
        wish,
        storageClass,
        ...(check && { check }),
        ...(lock && { kind: { lock } }),
      }).catch(orNoBucket(ask.bucket))
    : (
        await copyInto(context, { place: placeIn(bucket, from.key), row, versionId }, target, factsOf, {
          check,
          lock,
          storageClass,
          wish: managed,
        }).catch(orNoBucket(ask.bucket))
      ).row;
  record(context, ask, 'object.copy', { from: `${from.bucket}/${from.key}`, bytes: copied.bytes });
  return xmlAnswer(
    root('CopyObjectResult', [
      element('LastModified', timeText(copied.changedAtMs)),
      element('ETag', etagOf(copied)),
    ]),
    {
      ...newVersionHeader(target.container, copied),
      ...(await expirationHeader(context, target.container, copied, { name: ask.key, bytes: copied.bytes })),
      ...sealHeaders(copied),
      ...storageClassHeader(copied),
      ...versionHeader(bucket.row, row, sourceVersionHeader),
    },
  );
};
