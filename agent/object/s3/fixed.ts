/**
 * Settings that a bucket does not have here, told as S3 tells a bucket on which nobody ever set them. Tools that look at
 * all settings of a bucket (Terraform, s3cmd info) find what is true; setting them is answered NotImplemented.
 */
import type { S3Ask, S3Context, Serve } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { openBucket } from './bucket-access.ts';
import { type S3Code, s3Error } from './s3-error.ts';
import { element, root, type XmlContent } from './xml.ts';

const told =
  (name: `s3:${string}`, rootName: string, content: XmlContent = []): Serve =>
  async (context: S3Context, ask: S3Ask) => {
    await openBucket(context, ask, { name, use: 'readContainer' });
    return xmlAnswer(root(rootName, content));
  };

const missing =
  (name: `s3:${string}`, code: S3Code): Serve =>
  async (context: S3Context, ask: S3Ask) => {
    await openBucket(context, ask, { name, use: 'readContainer' });
    throw s3Error(code, undefined, { fields: { BucketName: ask.bucket } });
  };

export const fixedSettings: Readonly<Record<string, Serve>> = {
  accelerate: told('s3:GetAccelerateConfiguration', 'AccelerateConfiguration'),
  replication: missing('s3:GetReplicationConfiguration', 'ReplicationConfigurationNotFoundError'),
  requestPayment: told('s3:GetBucketRequestPayment', 'RequestPaymentConfiguration', [
    element('Payer', 'BucketOwner'),
  ]),
};
