/** Buckets: list, create, look, delete, and where they are. */
import { isDeepStrictEqual } from 'node:util';
import { hasCode } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { type BucketSettings, type Ownership, ownerships } from '../bucket-settings.ts';
import { authorize } from '../context.ts';
import type { ContainerRow } from '../records.ts';
import { removeContainer } from '../remove-container.ts';
import { checkGrantees } from './acl-grantee.ts';
import { aclAsked } from './acl-request.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { noBucket, openBucket, wantedProject } from './bucket-access.ts';
import { bucketsMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, optional, root, type Xml, xmlType } from './xml.ts';
import { parseXml, readText, textOf } from './xml-reader.ts';

/** S3's region where none is asked for; its location is said by saying none. */
const regionDefault = 'us-east-1';

export const xmlAnswer = (body: string | Uint8Array, headers: Record<string, string> = {}): ApiAnswer => ({
  headers: { 'Content-Type': xmlType, ...headers },
  body,
});

/** S3's form: UTC with milliseconds, which are none. */
export const timeText = (atMs: number): string => new Date(Math.ceil(atMs / 1000) * 1000).toISOString();

/** An account, as the owner of things. */
export const ownerXml = (project: string, name = project, as = 'Owner'): Xml =>
  element(as, [element('ID', project), element('DisplayName', name)]);

/** S3's rules: they make every name a host name. Throws InvalidBucketName. */
const checkBucketName = (name: string): string => {
  const isGood =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !/\.\.|\.-|-\./.test(name) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name);
  if (!isGood) throw s3Error('InvalidBucketName', undefined, { fields: { BucketName: name } });
  return name;
};

export const listBuckets = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const project = wantedProject(ask);
  await authorize(context, 'readAccount', { project, container: '' }, ask.caller);
  const { query } = ask;
  const max = Math.min(bucketsMax, Number(query.get('max-buckets') ?? bucketsMax) || bucketsMax);
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token');
  const marker = token === null ? '' : Buffer.from(token, 'base64url').toString();
  const buckets: Xml[] = [];
  let next: string | undefined;
  let last = '';
  for await (const { name, createdAtMs } of context.containers.walk(project, { prefix, marker })) {
    if (buckets.length >= max) {
      next = Buffer.from(last).toString('base64url');
      break;
    }
    buckets.push(element('Bucket', [element('Name', name), element('CreationDate', timeText(createdAtMs))]));
    last = name;
  }
  const name = ask.principal?.scope.kind === 'project' ? ask.principal.scope.name : project;
  return xmlAnswer(
    root('ListAllMyBucketsResult', [
      ownerXml(project, name),
      element('Buckets', buckets),
      optional('ContinuationToken', next),
      optional('Prefix', prefix || undefined),
    ]),
  );
};

/** Throws MalformedXML, InvalidLocationConstraint on what is no region's name. */
const locationAsked = async (ask: S3Ask): Promise<string | undefined> => {
  const text = await readText(ask);
  if (text.trim() === '') return undefined;
  const node = parseXml(text);
  if (node.name !== 'CreateBucketConfiguration') throw s3Error('MalformedXML');
  const location = textOf(node, 'LocationConstraint') || undefined;
  if (location !== undefined && !/^[\w-]{1,64}$/.test(location)) throw s3Error('InvalidLocationConstraint');
  return location === regionDefault ? undefined : location;
};

/** Throws InvalidArgument. */
const ownershipAsked = ({ headers }: S3Ask): Ownership | undefined => {
  const text = headers['x-amz-object-ownership'];
  const ownership = ownerships.find((one) => one === text);
  if (text !== undefined && !ownership)
    throw s3Error('InvalidArgument', `Invalid x-amz-object-ownership header: ${text.slice(0, 64)}`);
  return ownership;
};

/**
 * In its first region S3 lets an owner make a bucket again and resets its access list; elsewhere it refuses. Here it is
 * allowed where nothing would be lost by it.
 */
const isAsAsked = ({ bucket, readList, writeList }: ContainerRow, asked: BucketSettings): boolean =>
  bucket?.location === undefined &&
  asked.location === undefined &&
  readList === '' &&
  writeList === '' &&
  isDeepStrictEqual(bucket?.grants ?? [], asked.grants ?? []) &&
  bucket?.grantsAreAll === asked.grantsAreAll &&
  (asked.ownership === undefined || asked.ownership === bucket?.ownership) &&
  (!asked.lock || bucket?.lock !== undefined);

export const createBucket = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { containers, bucketNames } = context;
  const project = wantedProject(ask);
  const name = checkBucketName(ask.bucket);
  await authorize(context, 'writeContainer', { project, container: name }, ask.caller);
  const location = await locationAsked(ask);
  const ownership = ownershipAsked(ask);
  const acl = aclAsked(ask.headers);
  if (ownership === 'BucketOwnerEnforced' && acl.grants && acl.grants.length > 0)
    throw s3Error('InvalidBucketAclWithObjectOwnership');
  await checkGrantees(context, acl.grants);
  const settings: BucketSettings = {
    ...(location === undefined ? {} : { location }),
    ...(ownership === undefined ? {} : { ownership }),
    ...(acl.grants ? acl : {}),
    ...(ask.headers['x-amz-bucket-object-lock-enabled']?.toLowerCase() === 'true' ? { lock: {} } : {}),
  };
  const { created } = await containers.create(project, name, (old) =>
    old ? {} : { bucket: settings, ...(settings.lock ? { versions: 'enabled' } : {}) },
  );
  const row = await containers.find(project, name);
  if (!row) throw s3Error('OperationAborted');
  const owner = await bucketNames.take(name, project, row.id);
  if (!created && !(owner === project && isAsAsked(row, settings)))
    throw s3Error('BucketAlreadyOwnedByYou', undefined, { fields: { BucketName: name } });
  if (owner !== project) {
    await removeContainer(context, { project, container: name });
    throw s3Error('BucketAlreadyExists', undefined, { fields: { BucketName: name } });
  }
  if (created) record(context, ask, 'container.create');
  return { headers: { Location: `/${name}` } };
};

export const headBucket = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, { name: 's3:ListBucket', use: 'readContainer' });
  return {
    headers: { 'Content-Type': xmlType, 'x-amz-bucket-region': row.bucket?.location ?? regionDefault },
  };
};

export const deleteBucket = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { project, name } = await openBucket(context, ask, {
    name: 's3:DeleteBucket',
    use: 'writeContainer',
  });
  try {
    await removeContainer(context, { project, container: name });
  } catch (cause) {
    if (hasCode(cause, 'NOT_FOUND')) throw noBucket(name);
    if (hasCode(cause, 'CONFLICT'))
      throw s3Error('BucketNotEmpty', undefined, { fields: { BucketName: name }, cause });
    throw cause;
  }
  record(context, ask, 'container.delete');
  return { status: 204 };
};

export const getLocation = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, { name: 's3:GetBucketLocation', use: 'readContainer' });
  return xmlAnswer(root('LocationConstraint', row.bucket?.location ?? ''));
};
