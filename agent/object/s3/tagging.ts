/** Reading and changing the tags of an object's version, and of a bucket. */
import { hasCode } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { requestTagFacts } from '../bucket-policy/facts.ts';
import type { Metadata } from '../metadata.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, openBucket, placeIn } from './bucket-access.ts';
import { knowing } from './caller.ts';
import { versionHeader } from './facts.ts';
import { openObject } from './object.ts';
import { s3Error } from './s3-error.ts';
import { parseTagging, taggingText } from './tags.ts';
import { versionAsked } from './version.ts';
import { readXml } from './xml-reader.ts';

const objectNamed = (ask: S3Ask) => ({ bucket: ask.bucket, key: ask.key, versionId: versionAsked(ask) });

export const getObjectTagging = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const name = versionAsked(ask) === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging';
  const action = { name, use: 'readObject' } as const;
  const { bucket, row } = await openObject(context, ask, action, objectNamed(ask));
  return xmlAnswer(taggingText(row.tags ?? {}), versionHeader(bucket.row, row));
};

const setTags = async (
  context: S3Context,
  ask: S3Ask,
  verb: 'Put' | 'Delete',
  tags: Metadata,
): Promise<Record<string, string>> => {
  const versionId = versionAsked(ask);
  const name = `s3:${verb}Object${versionId === undefined ? '' : 'Version'}Tagging` as const;
  const caller = knowing(ask.caller, requestTagFacts(tags));
  const bucket = await openBucket(context, { ...ask, caller }, { name, use: 'writeObject' });
  const row = await context.objects
    .amend(placeIn(bucket, ask.key), versionId, () => ({ tags }))
    .catch((cause) => {
      if (!hasCode(cause, 'NOT_FOUND')) throw cause;
      throw s3Error(versionId === undefined ? 'NoSuchKey' : 'NoSuchVersion', undefined, {
        fields: { Key: ask.key },
      });
    });
  record(context, ask, 'object.update', { tags: Object.keys(tags).length });
  return versionHeader(bucket.row, row);
};

export const putObjectTagging = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => ({
  headers: await setTags(context, ask, 'Put', parseTagging(await readXml(ask, 'Tagging'), 'object')),
});

export const deleteObjectTagging = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => ({
  status: 204,
  headers: await setTags(context, ask, 'Delete', {}),
});

export const getBucketTagging = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, { name: 's3:GetBucketTagging', use: 'readContainer' });
  if (!row.bucket?.tags) throw s3Error('NoSuchTagSet');
  return xmlAnswer(taggingText(row.bucket.tags));
};

const setBucketTags = async (
  context: S3Context,
  ask: S3Ask,
  tags: Metadata | undefined,
): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:PutBucketTagging', use: 'writeContainer' });
  await changeSettings(context, bucket, () => ({ tags }));
  record(context, ask, 'container.update');
  return { status: 204 };
};

export const putBucketTagging = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> =>
  setBucketTags(context, ask, parseTagging(await readXml(ask, 'Tagging'), 'bucket'));

export const deleteBucketTagging = (context: S3Context, ask: S3Ask): Promise<ApiAnswer> =>
  setBucketTags(context, ask, undefined);
