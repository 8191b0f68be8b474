/**
 * Which call a request is: S3 tells its calls apart by method, by what the path names, and by a name in the query.
 * A name that S3 has and shoal does not is answered NotImplemented and never taken for the call without it.
 */
import * as acl from './acl.ts';
import type { S3Ask, Serve } from './ask.ts';
import { getAttributes } from './attributes.ts';
import * as bucket from './bucket.ts';
import * as policy from './bucket-policy.ts';
import * as cors from './cors.ts';
import { deleteObject, deleteObjects } from './delete.ts';
import { fixedSettings } from './fixed.ts';
import * as lifecycle from './lifecycle.ts';
import { listObjects, listObjectsV2 } from './listing.ts';
import * as logging from './logging.ts';
import { abortUpload, completeUpload, createUpload, putPart } from './multipart.ts';
import * as notification from './notification.ts';
import { getObject } from './object.ts';
import * as lock from './object-lock.ts';
import { listParts, listUploads } from './part-listing.ts';
import { postObject } from './post-object.ts';
import * as publicAccess from './public-access.ts';
import { putObject } from './put.ts';
import { s3Error } from './s3-error.ts';
import * as sse from './sse.ts';
import * as tagging from './tagging.ts';
import { getVersioning, listVersions, putVersioning } from './versioning.ts';
import * as website from './website.ts';

/** By the name in the query; '' is the call without one. */
type Calls = Readonly<Record<string, Serve>>;
type Methods = Readonly<Record<string, Calls>>;

const ofAccount: Methods = { GET: { '': bucket.listBuckets } };

const ofBucket: Methods = {
  GET: {
    ...fixedSettings,
    '': listObjects,
    'list-type': listObjectsV2,
    lifecycle: lifecycle.getLifecycle,
    location: bucket.getLocation,
    logging: logging.getLogging,
    'object-lock': lock.getLockConfiguration,
    tagging: tagging.getBucketTagging,
    uploads: listUploads,
    versioning: getVersioning,
    versions: listVersions,
    acl: acl.getBucketAcl,
    cors: cors.getCors,
    encryption: sse.getEncryption,
    notification: notification.getNotifications,
    ownershipControls: publicAccess.getOwnership,
    policy: policy.getBucketPolicy,
    policyStatus: policy.getPolicyStatus,
    publicAccessBlock: publicAccess.getPublicAccess,
    website: website.getWebsite,
  },
  HEAD: { '': bucket.headBucket },
  PUT: {
    '': bucket.createBucket,
    acl: acl.putBucketAcl,
    cors: cors.putCors,
    lifecycle: lifecycle.putLifecycle,
    logging: logging.putLogging,
    'object-lock': lock.putLockConfiguration,
    encryption: sse.putEncryption,
    notification: notification.putNotifications,
    ownershipControls: publicAccess.putOwnership,
    policy: policy.putBucketPolicy,
    publicAccessBlock: publicAccess.putPublicAccess,
    tagging: tagging.putBucketTagging,
    versioning: putVersioning,
    website: website.putWebsite,
  },
  DELETE: {
    '': bucket.deleteBucket,
    cors: cors.deleteCors,
    lifecycle: lifecycle.deleteLifecycle,
    encryption: sse.deleteEncryption,
    ownershipControls: publicAccess.deleteOwnership,
    policy: policy.deleteBucketPolicy,
    publicAccessBlock: publicAccess.deletePublicAccess,
    tagging: tagging.deleteBucketTagging,
    website: website.deleteWebsite,
  },
  POST: { '': postObject, delete: deleteObjects },
};

const ofObject: Methods = {
  GET: {
    '': getObject,
    acl: acl.getObjectAcl,
    attributes: getAttributes,
    'legal-hold': lock.getHold,
    retention: lock.getRetention,
    partNumber: getObject,
    tagging: tagging.getObjectTagging,
    uploadId: listParts,
  },
  HEAD: { '': getObject, partNumber: getObject },
  PUT: {
    '': putObject,
    acl: acl.putObjectAcl,
    'legal-hold': lock.putHold,
    retention: lock.putRetention,
    tagging: tagging.putObjectTagging,
    uploadId: putPart,
  },
  DELETE: { '': deleteObject, tagging: tagging.deleteObjectTagging, uploadId: abortUpload },
  POST: { uploads: createUpload, uploadId: completeUpload },
};

/** Names in a query that make another call of it: S3's, all of them. */
export const subresources: readonly string[] = [
  ...['accelerate', 'acl', 'analytics', 'attributes', 'cors', 'delete', 'encryption', 'intelligent-tiering'],
  ...['inventory', 'legal-hold', 'lifecycle', 'list-type', 'location', 'logging', 'metadataTable', 'metrics'],
  ...['notification', 'object-lock', 'ownershipControls', 'policy', 'policyStatus'],
  ...['publicAccessBlock', 'replication', 'requestPayment', 'restore', 'retention', 'select', 'session'],
  ...['tagging', 'torrent', 'uploadId', 'uploads', 'versioning', 'versions', 'website'],
  // Beside uploadId it is a number of that call, alone one of its own.
  'partNumber',
];

/** Headers of what is not served: taking the request without them would do something else than was asked. */
const strangeHeaders: readonly string[] = ['x-amz-write-offset-bytes'];

const checkHeaders = ({ headers }: S3Ask): void => {
  const strange = strangeHeaders.find((name) => headers[name] !== undefined);
  if (strange !== undefined) throw s3Error('NotImplemented', undefined, { fields: { Header: strange } });
};

/** '' where it has none. */
export const subresourceOf = (query: URLSearchParams): string =>
  subresources.find((candidate) => query.has(candidate)) ?? '';

const methodsOf = ({ bucket: name, key }: S3Ask): Methods =>
  name === '' ? ofAccount : key === '' ? ofBucket : ofObject;

/** Which of two calls was meant nobody knows; a part is named beside its upload. Throws InvalidArgument. */
const checkOne = (query: URLSearchParams): void => {
  const named = subresources.filter((name) => name !== 'partNumber' && query.has(name));
  if (named.length > 1)
    throw s3Error('InvalidArgument', `Conflicting query string parameters: ${named.join(', ')}`);
};

/** Throws NotImplemented, MethodNotAllowed, InvalidArgument. */
export const callOf = (ask: S3Ask): Serve => {
  const calls = methodsOf(ask)[ask.method] ?? {};
  const name = subresourceOf(ask.query);
  checkOne(ask.query);
  const serve = Object.hasOwn(calls, name) ? calls[name] : undefined;
  if (serve) {
    checkHeaders(ask);
    return serve;
  }
  if (name === '') throw s3Error('MethodNotAllowed', undefined, { fields: { Method: ask.method } });
  throw s3Error('NotImplemented', `shoal does not serve ${ask.method} with ?${name}`);
};
