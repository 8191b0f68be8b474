/** Object lock: of a bucket its default, of a version its retention and its legal hold. */
import { hasCode } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Lock } from '../lock.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, openBucket, placeIn } from './bucket-access.ts';
import { versionHeader } from './facts.ts';
import {
  configurationText,
  holdText,
  parseConfiguration,
  parseHoldXml,
  parseRetention,
  retentionText,
  wantLocks,
} from './lock-words.ts';
import { openObject } from './object.ts';
import { s3Error } from './s3-error.ts';
import { versionAsked } from './version.ts';
import { readXml } from './xml-reader.ts';

export const getLockConfiguration = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, {
    name: 's3:GetBucketObjectLockConfiguration',
    use: 'readContainer',
  });
  if (!row.bucket?.lock) throw s3Error('ObjectLockConfigurationNotFoundError');
  return xmlAnswer(configurationText(row.bucket.lock.retention));
};

export const putLockConfiguration = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const lock = parseConfiguration(await readXml(ask, 'ObjectLockConfiguration'));
  const bucket = await openBucket(context, ask, {
    name: 's3:PutBucketObjectLockConfiguration',
    use: 'writeContainer',
  });
  if (bucket.row.versions !== 'enabled')
    throw s3Error(
      'InvalidBucketState',
      "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
    );
  await changeSettings(context, bucket, () => ({ lock }));
  record(context, ask, 'container.lock');
  return {};
};

/** The lock of the version that is named. Throws InvalidRequest where the bucket has none. */
const lockNamed = async (context: S3Context, ask: S3Ask, name: `s3:${string}`): Promise<Lock> => {
  const { bucket, row } = await openObject(
    context,
    ask,
    { name, use: 'readObject' },
    { bucket: ask.bucket, key: ask.key, versionId: versionAsked(ask) },
  );
  wantLocks(bucket.row);
  return (await context.objects.lockOf(placeIn(bucket, ask.key), row)) ?? {};
};

export const getRetention = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { retention } = await lockNamed(context, ask, 's3:GetObjectRetention');
  if (!retention) throw s3Error('NoSuchObjectLockConfiguration');
  return xmlAnswer(retentionText(retention));
};

export const getHold = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { hold } = await lockNamed(context, ask, 's3:GetObjectLegalHold');
  if (hold === undefined) throw s3Error('NoSuchObjectLockConfiguration');
  return xmlAnswer(holdText(hold));
};

const setLock = async (
  context: S3Context,
  ask: S3Ask,
  name: `s3:${string}`,
  change: (old: Lock, nowMs: number) => Lock,
): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name, use: 'writeObject' });
  wantLocks(bucket.row);
  const versionId = versionAsked(ask);
  const row = await context.objects.changeLock(placeIn(bucket, ask.key), versionId, change).catch((cause) => {
    if (!hasCode(cause, 'NOT_FOUND')) throw cause;
    throw s3Error(versionId === undefined ? 'NoSuchKey' : 'NoSuchVersion', undefined, {
      fields: { Key: ask.key },
    });
  });
  record(context, ask, 'object.lock', { call: name.slice('s3:'.length) });
  return { headers: versionHeader(bucket.row, row) };
};

/**
 * Compliance is only ever made longer. Governance is made shorter, taken off or turned into compliance by whoever may bypass it.
 * Throws AccessDenied.
 */
export const putRetention = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const wanted = parseRetention(await readXml(ask, 'Retention'), context.runtime.clock.wallMs());
  const bypasses = ask.headers['x-amz-bypass-governance-retention']?.toLowerCase() === 'true';
  if (bypasses)
    await openBucket(context, ask, { name: 's3:BypassGovernanceRetention', use: 'writeContainer' });
  return setLock(context, ask, 's3:PutObjectRetention', (old, nowMs) => {
    const standing = old.retention && old.retention.untilMs > nowMs ? old.retention : undefined;
    const isLoosened =
      standing !== undefined &&
      (!wanted || wanted.untilMs < standing.untilMs || wanted.mode !== standing.mode);
    if (isLoosened && (standing.mode === 'COMPLIANCE' || !bypasses))
      throw s3Error('AccessDenied', 'Access Denied because object protected by object lock.');
    return { ...old, retention: wanted };
  });
};

export const putHold = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const hold = parseHoldXml(await readXml(ask, 'LegalHold'));
  return setLock(context, ask, 's3:PutObjectLegalHold', (old) => ({ ...old, hold }));
};
