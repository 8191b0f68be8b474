/** Public access block and ownership controls: what no access list and no policy of a bucket may do. */
import type { ApiAnswer } from '../../http/port.ts';
import type { AclGrant } from '../acl-grant.ts';
import { ownerships, type PublicAccess } from '../bucket-settings.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, openBucket } from './bucket-access.ts';
import { s3Error } from './s3-error.ts';
import { element, root } from './xml.ts';
import { childOf, readXml, textOf, type XmlNode } from './xml-reader.ts';

const elements = {
  BlockPublicAcls: 'blockAcls',
  IgnorePublicAcls: 'ignoreAcls',
  BlockPublicPolicy: 'blockPolicy',
  RestrictPublicBuckets: 'restrictPolicy',
} as const satisfies Record<string, keyof PublicAccess>;

/** Absent: no. Throws MalformedXML. */
const flag = (node: XmlNode, name: string): boolean => {
  const text = textOf(node, name)?.toLowerCase() ?? 'false';
  if (text !== 'true' && text !== 'false') throw s3Error('MalformedXML');
  return text === 'true';
};

export const getPublicAccess = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:GetBucketPublicAccessBlock', use: 'readAccount' } as const;
  const { row } = await openBucket(context, ask, action);
  const settings = row.bucket?.publicAccess;
  if (!settings) throw s3Error('NoSuchPublicAccessBlockConfiguration');
  return xmlAnswer(
    root(
      'PublicAccessBlockConfiguration',
      Object.entries(elements).map(([name, field]) => element(name, settings[field])),
    ),
  );
};

export const putPublicAccess = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:PutBucketPublicAccessBlock', use: 'writeContainer' } as const;
  const bucket = await openBucket(context, ask, action);
  const node = await readXml(ask, 'PublicAccessBlockConfiguration');
  const publicAccess: PublicAccess = {
    blockAcls: flag(node, 'BlockPublicAcls'),
    ignoreAcls: flag(node, 'IgnorePublicAcls'),
    blockPolicy: flag(node, 'BlockPublicPolicy'),
    restrictPolicy: flag(node, 'RestrictPublicBuckets'),
  };
  await changeSettings(context, bucket, () => ({ publicAccess }));
  record(context, ask, 'container.public-access');
  return {};
};

export const deletePublicAccess = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:PutBucketPublicAccessBlock', use: 'writeContainer' } as const;
  const bucket = await openBucket(context, ask, action);
  await changeSettings(context, bucket, () => ({ publicAccess: undefined }));
  record(context, ask, 'container.public-access');
  return { status: 204 };
};

export const getOwnership = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:GetBucketOwnershipControls', use: 'readAccount' } as const;
  const { name, row } = await openBucket(context, ask, action);
  const ownership = row.bucket?.ownership;
  if (!ownership)
    throw s3Error('OwnershipControlsNotFoundError', undefined, { fields: { BucketName: name } });
  return xmlAnswer(root('OwnershipControls', [element('Rule', [element('ObjectOwnership', ownership)])]));
};

export const putOwnership = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:PutBucketOwnershipControls', use: 'writeContainer' } as const;
  const bucket = await openBucket(context, ask, action);
  const rule = childOf(await readXml(ask, 'OwnershipControls'), 'Rule');
  const asked = rule && textOf(rule, 'ObjectOwnership');
  const ownership = ownerships.find((one) => one === asked);
  if (!ownership) throw s3Error('MalformedXML');
  const isOthers = ({ to }: AclGrant): boolean => !('project' in to && to.project === bucket.project);
  if (ownership === 'BucketOwnerEnforced' && bucket.row.bucket?.grants?.some(isOthers))
    throw s3Error('InvalidBucketAclWithObjectOwnership');
  await changeSettings(context, bucket, () => ({ ownership }));
  record(context, ask, 'container.ownership');
  return {};
};

export const deleteOwnership = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const action = { name: 's3:PutBucketOwnershipControls', use: 'writeContainer' } as const;
  const bucket = await openBucket(context, ask, action);
  await changeSettings(context, bucket, () => ({ ownership: undefined }));
  record(context, ask, 'container.ownership');
  return { status: 204 };
};
