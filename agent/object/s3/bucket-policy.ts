/** The policy of a bucket, and whether it lets the public in. */
import { hasCode } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { statementsOf } from '../bucket-policy/decide.ts';
import { isPublic, parsePolicy, type Statement } from '../bucket-policy/document.ts';
import { policyBytesMax } from '../limits.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { type Bucket, changeSettings, openBucket } from './bucket-access.ts';
import { s3Error } from './s3-error.ts';
import { wholeBody } from './whole-body.ts';
import { element, root } from './xml.ts';

/** Throws NoSuchBucketPolicy. */
const policyOf = ({ name, row }: Bucket): string => {
  const policy = row.bucket?.policy;
  if (policy === undefined) throw s3Error('NoSuchBucketPolicy', undefined, { fields: { BucketName: name } });
  return policy;
};

export const getBucketPolicy = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:GetBucketPolicy', use: 'readAccount' });
  return { headers: { 'Content-Type': 'application/json' }, body: Buffer.from(policyOf(bucket)) };
};

/** Throws MalformedPolicy. */
const readPolicy = (text: string, bucket: string): readonly Statement[] => {
  try {
    return parsePolicy(text, bucket);
  } catch (thrown) {
    throw hasCode(thrown, 'BAD_REQUEST') ? s3Error('MalformedPolicy', thrown.message) : thrown;
  }
};

export const putBucketPolicy = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:PutBucketPolicy', use: 'writeContainer' });
  const policy = (await wholeBody(ask, policyBytesMax)).toString();
  const statements = readPolicy(policy, bucket.name);
  if (bucket.row.bucket?.publicAccess?.blockPolicy && isPublic(statements))
    throw s3Error('AccessDenied', 'Public policies are blocked for this bucket');
  await changeSettings(context, bucket, () => ({ policy }));
  record(context, ask, 'container.policy');
  return { status: 204 };
};

export const deleteBucketPolicy = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:DeleteBucketPolicy', use: 'writeContainer' });
  await changeSettings(context, bucket, () => ({ policy: undefined }));
  record(context, ask, 'container.policy');
  return { status: 204 };
};

export const getPolicyStatus = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, { name: 's3:GetBucketPolicyStatus', use: 'readAccount' });
  const statements = statementsOf(policyOf(bucket), bucket.name);
  return xmlAnswer(root('PolicyStatus', [element('IsPublic', isPublic(statements))]));
};
