/** Whether requests to a bucket are logged, and where. What writes the log is `../access-log/`. */
import type { ApiAnswer } from '../../http/port.ts';
import { isOwner } from '../access.ts';
import { dayOf, logName } from '../access-log/log-name.ts';
import { mayDeliver } from '../access-log/may-deliver.ts';
import type { AccessLogging } from '../bucket-settings.ts';
import { checkGrantees } from './acl-grantee.ts';
import { checkGrants } from './acl-request.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { type Bucket, changeSettings, openBucket } from './bucket-access.ts';
import { loggingText, parseLogging } from './logging-words.ts';
import { s3Error } from './s3-error.ts';
import { readXml } from './xml-reader.ts';

export const getLogging = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, { name: 's3:GetBucketLogging', use: 'readContainer' });
  return xmlAnswer(loggingText(row.bucket?.logging));
};

/** It may change later: then nothing comes, as at Amazon. Throws InvalidTargetBucketForLogging, AccessControlListNotSupported. */
const checkTarget = async (
  context: S3Context,
  { project, name: source }: Bucket,
  { bucket: target, prefix, naming, grants }: AccessLogging,
): Promise<void> => {
  const refuse = (why: string): never => {
    throw s3Error('InvalidTargetBucketForLogging', why, { fields: { TargetBucket: target } });
  };
  const nowMs = context.runtime.clock.wallMs();
  const row = await context.containers.find(project, target);
  if (!row) return refuse('The target bucket for logging does not exist, or is not owned by you');
  if (row.bucket?.lock?.retention)
    refuse('The target bucket for logging must not have a default retention period');
  const at = { day: dayOf(nowMs), atMs: nowMs, unique: '0' };
  const key = logName({ prefix, naming }, { project, region: '-', bucket: source }, at);
  if (!mayDeliver(row, { project, source, target, prefix, key, nowMs }))
    refuse(
      'The policy of the target bucket must allow logging.s3.amazonaws.com to s3:PutObject below the prefix, or its access list give the log-delivery group WRITE',
    );
  checkGrants(grants, row.bucket);
  await checkGrantees(context, grants);
};

/** The owner's alone, as at Amazon: it says where what others do is written down. */
export const putLogging = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const logging = parseLogging(await readXml(ask, 'BucketLoggingStatus'));
  const bucket = await openBucket(context, ask, { name: 's3:PutBucketLogging', use: 'writeContainer' });
  if (!isOwner(ask.principal, bucket.project)) throw s3Error('AccessDenied');
  if (logging) await checkTarget(context, bucket, logging);
  await changeSettings(context, bucket, () => ({ logging }));
  record(context, ask, 'container.logging', { target: logging?.bucket });
  return {};
};
