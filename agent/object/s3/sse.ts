/**
 * Server-side encryption: what a request asks for and brings along, what an answer tells, and the default of a bucket.
 * Keys are the caller's (SSE-C), the cluster's (SSE-S3), or the cluster's by the name that the caller gives (SSE-KMS). There is
 * no key service: whatever a project calls a key is one of its own, `seal.ts`.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
 */
import { createHash } from 'node:crypto';
import type { ApiAnswer } from '../../http/port.ts';
import type { ManagedWish, Seal, SealWish } from '../seal.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, openBucket } from './bucket-access.ts';
import { s3Error } from './s3-error.ts';
import type { Headers } from './sign/headers.ts';
import { element, optional, root } from './xml.ts';
import { childOf, readXml, textOf } from './xml-reader.ts';

const prefix = 'x-amz-server-side-encryption';
/** Before the key of a copy's source. */
export const sourcePrefix = 'x-amz-copy-source-server-side-encryption';

const invalid = (message: string): never => {
  throw s3Error('InvalidArgument', message);
};

type CustomerWish = Extract<SealWish, { kind: 'customer' }>;

/** SSE-C. Throws InvalidArgument, InvalidEncryptionAlgorithmError. */
export const customerKeyOf = (headers: Headers, before: string = prefix): CustomerWish | undefined => {
  const [algorithm, text, md5] = ['algorithm', 'key', 'key-md5'].map(
    (name) => headers[`${before}-customer-${name}`],
  );
  if (algorithm === undefined && text === undefined && md5 === undefined) return undefined;
  if (algorithm === undefined || text === undefined || md5 === undefined)
    return invalid(
      'Requests specifying Server Side Encryption with Customer provided keys must provide an algorithm, a key and the MD5 of the key.',
    );
  if (algorithm !== 'AES256') throw s3Error('InvalidEncryptionAlgorithmError');
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32) return invalid('The secret key was invalid for the specified algorithm.');
  if (createHash('md5').update(key).digest('base64') !== md5)
    return invalid('The calculated MD5 hash of the key did not match the hash that was provided.');
  return { kind: 'customer', key, keyMd5: md5 };
};

const keyHeader = `${prefix}-aws-kms-key-id`;
/** Amazon's name for the key of whoever names none. */
const keyDefault = 'alias/aws/s3';

/** What is asked for, of an object or a bucket. Throws InvalidArgument, NotImplemented. */
const managedWish = (algorithm: string, keyName: string | undefined): ManagedWish => {
  if (algorithm === 'aws:kms:dsse') throw s3Error('NotImplemented', 'Nothing is encrypted twice here');
  if (algorithm !== 'AES256' && algorithm !== 'aws:kms')
    return invalid('The encryption method specified is not supported');
  if (algorithm === 'AES256')
    return keyName === undefined
      ? { kind: 'managed' }
      : invalid('A key of a key management service does not go with the algorithm AES256');
  if (keyName !== undefined && !/^[\w/:.+=@-]{1,2048}$/.test(keyName)) return invalid('Invalid KMS key id');
  return { kind: 'managed', keyName: keyName ?? keyDefault };
};

/** For what is to be stored. Throws InvalidArgument, NotImplemented. */
export const sealAsked = (headers: Headers): SealWish | undefined => {
  const customer = customerKeyOf(headers);
  const { [prefix]: algorithm, [keyHeader]: keyName } = headers;
  if (headers[`${prefix}-context`] !== undefined)
    throw s3Error('NotImplemented', undefined, { fields: { Header: `${prefix}-context` } });
  if (algorithm === undefined)
    return keyName === undefined ? customer : invalid(`${keyHeader} goes with ${prefix}: aws:kms`);
  if (customer)
    return invalid('Server Side Encryption with a customer key and with a managed one exclude each other.');
  return managedWish(algorithm, keyName);
};

/** Those who read say nothing of managed keys. Throws InvalidArgument. */
export const checkReadHeaders = (headers: Headers): void => {
  const strange = [prefix, keyHeader].find((name) => headers[name] !== undefined);
  if (strange) invalid(`${strange} header is not supported for this operation.`);
};

/** Does the key that came fit? Throws InvalidRequest, AccessDenied. */
export const checkSealKey = (
  { seals }: Pick<S3Context, 'seals'>,
  seal: Seal | undefined,
  given: CustomerWish | undefined,
): void => {
  if (seal?.kind !== 'customer') {
    if (given)
      throw s3Error('InvalidRequest', 'The encryption parameters are not applicable to this object.');
    return;
  }
  if (!given)
    throw s3Error(
      'InvalidRequest',
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    );
  seals.open(seal, given.key);
};

export const sealHeaders = ({ seal }: { readonly seal?: Seal | undefined }): Record<string, string> => {
  if (!seal) return {};
  if (seal.kind === 'managed')
    return seal.keyName === undefined
      ? { [prefix]: 'AES256' }
      : { [prefix]: 'aws:kms', [keyHeader]: seal.keyName };
  return { [`${prefix}-customer-algorithm`]: 'AES256', [`${prefix}-customer-key-MD5`]: seal.keyMd5 };
};

export const getEncryption = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:GetEncryptionConfiguration', use: 'readAccount' } as const;
  const { row } = await openBucket(context, ask, action);
  if (!row.bucket?.isSealed && !context.seals.sealAll)
    throw s3Error('ServerSideEncryptionConfigurationNotFoundError');
  const keyName = row.bucket?.sealKey;
  const rule = element('ApplyServerSideEncryptionByDefault', [
    element('SSEAlgorithm', keyName === undefined ? 'AES256' : 'aws:kms'),
    optional('KMSMasterKeyID', keyName),
  ]);
  return xmlAnswer(root('ServerSideEncryptionConfiguration', [element('Rule', [rule])]));
};

export const putEncryption = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:PutEncryptionConfiguration', use: 'writeContainer' } as const;
  const bucket = await openBucket(context, ask, action);
  const rule = childOf(await readXml(ask, 'ServerSideEncryptionConfiguration'), 'Rule');
  const wish = rule && childOf(rule, 'ApplyServerSideEncryptionByDefault');
  const algorithm = wish && textOf(wish, 'SSEAlgorithm');
  if (!algorithm?.match(/^(AES256|aws:kms(:dsse)?)$/)) throw s3Error('MalformedXML');
  const { keyName: sealKey } = managedWish(algorithm, wish && (textOf(wish, 'KMSMasterKeyID') || undefined));
  await changeSettings(context, bucket, () => ({ isSealed: true, sealKey }));
  record(context, ask, 'container.encryption');
  return {};
};

export const deleteEncryption = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:PutEncryptionConfiguration', use: 'writeContainer' } as const;
  const bucket = await openBucket(context, ask, action);
  await changeSettings(context, bucket, () => ({ isSealed: undefined, sealKey: undefined }));
  record(context, ask, 'container.encryption');
  return { status: 204 };
};
