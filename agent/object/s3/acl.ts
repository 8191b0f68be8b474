/**
 * Access lists of buckets and objects. A bucket's and those of Swift's container are one: what Swift's say is told
 * here as grants, and putting grants here takes Swift's away.
 */
import type { ApiAnswer } from '../../http/port.ts';
import type { AclGrant, Permission } from '../acl-grant.ts';
import type { ContainerRow } from '../records.ts';
import { aclXml, readAcl } from './acl-document.ts';
import { checkGrantees } from './acl-grantee.ts';
import { type Acl, aclAsked, checkGrants } from './acl-request.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, openBucket, placeIn } from './bucket-access.ts';
import { openObject } from './object.ts';
import { grantsToBucket, ownerOf } from './object-owner.ts';
import { s3Error } from './s3-error.ts';
import { versionAsked } from './version.ts';
import { parseXml, readText } from './xml-reader.ts';

/** `.r:*` lets the public in, `project:*` a project, `*:*` whoever has a token; the rest S3 has no words for. */
const grantsOfList = (list: string, permission: Permission, isListing: boolean): readonly AclGrant[] => {
  const entries = list.split(',');
  return entries.flatMap((entry): AclGrant[] => {
    if (entry === '.r:*')
      return isListing && !entries.includes('.rlistings') ? [] : [{ to: { group: 'AllUsers' }, permission }];
    if (entry === '*:*') return [{ to: { group: 'AuthenticatedUsers' }, permission }];
    const [, project] = /^([\w-]{1,64}):\*$/.exec(entry) ?? [];
    return project === undefined ? [] : [{ to: { project }, permission }];
  });
};

const ofLists = ({ readList, writeList }: ContainerRow): readonly AclGrant[] => [
  ...grantsOfList(readList, 'READ', true),
  ...grantsOfList(writeList, 'WRITE', false),
];

/** By header or as XML, not both. */
const aclPut = async (ask: S3Ask, project: string): Promise<Acl> => {
  const asked = aclAsked(ask.headers);
  const text = await readText(ask);
  if (asked.grants && text.trim() !== '') throw s3Error('UnexpectedContent');
  if (asked.grants) return asked;
  if (text.trim() === '') throw s3Error('MissingSecurityHeader');
  const node = parseXml(text);
  if (node.name !== 'AccessControlPolicy') throw s3Error('MalformedACLError');
  return { grants: readAcl(node, project), grantsAreAll: true };
};

export const getBucketAcl = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:GetBucketAcl', use: 'readAccount', grant: 'READ_ACP' } as const;
  const { project, row } = await openBucket(context, ask, action);
  return xmlAnswer(aclXml(project, ofLists(row), row.bucket));
};

export const putBucketAcl = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:PutBucketAcl', use: 'writeContainer', grant: 'WRITE_ACP' } as const;
  const bucket = await openBucket(context, ask, action);
  const acl = await aclPut(ask, bucket.project);
  checkGrants(acl.grants, bucket.row.bucket);
  await checkGrantees(context, acl.grants);
  await changeSettings(context, bucket, () => acl, { readList: '', writeList: '' });
  record(context, ask, 'container.acl');
  return {};
};

export const getObjectAcl = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const versionId = versionAsked(ask);
  const name = versionId === undefined ? 's3:GetObjectAcl' : 's3:GetObjectVersionAcl';
  const { bucket, row } = await openObject(
    context,
    ask,
    { name, use: 'readAccount', grant: 'READ_ACP' },
    { bucket: ask.bucket, key: ask.key, versionId },
  );
  const owner = ownerOf(row, bucket.row.bucket, bucket.project);
  return xmlAnswer(aclXml(owner, grantsOfList(bucket.row.readList, 'READ', false), row));
};

export const putObjectAcl = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const versionId = versionAsked(ask);
  const name = versionId === undefined ? 's3:PutObjectAcl' : 's3:PutObjectVersionAcl';
  const { bucket, row } = await openObject(
    context,
    ask,
    { name, use: 'writeContainer', grant: 'WRITE_ACP' },
    { bucket: ask.bucket, key: ask.key, versionId },
  );
  const owner = ownerOf(row, bucket.row.bucket, bucket.project);
  const more = owner === bucket.project ? undefined : grantsToBucket(ask.headers, bucket.project);
  const acl = { ...(await aclPut(ask, owner)), ...(more && { grants: more }) };
  checkGrants(acl.grants, bucket.row.bucket);
  await checkGrantees(context, acl.grants);
  await context.objects.amend(placeIn(bucket, ask.key), versionId, () => acl);
  record(context, ask, 'object.acl');
  return {};
};
