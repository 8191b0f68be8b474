/**
 * Opening a bucket for a call: whose container it is, and whether the caller may do to it what S3 calls `action`.
 * All calls come through here, so what lets somebody in or keeps somebody out is decided in one place.
 */
import { hasCode, ShoalError } from '../../../proto/error.ts';
import type { Use } from '../access.ts';
import { grantsAllow, type Permission } from '../acl-grant.ts';
import type { BucketSettings } from '../bucket-settings.ts';
import { authorize, placeOf } from '../context.ts';
import type { Asker } from '../events/asker.ts';
import type { Place } from '../object-turn.ts';
import { accountKey, type ContainerRow } from '../records.ts';
import { aheadOf, type Target } from '../store-object.ts';
import { checkGrantees } from './acl-grantee.ts';
import { checkGrants, grantsAsked } from './acl-request.ts';
import type { Address } from './address.ts';
import type { S3Ask, S3Context } from './ask.ts';
import { s3Error } from './s3-error.ts';
import { versionAsked } from './version.ts';

/** What a call does: in the words of S3's policies, and of the access lists of containers. */
export interface Action {
  /** `s3:GetObject` and the like. */
  readonly name: `s3:${string}`;
  readonly use: Use;
  /** The grant that allows it to others: of the bucket, or of the object where it is about one. */
  readonly grant?: Permission;
}

export interface Bucket {
  readonly name: string;
  readonly project: string;
  readonly row: ContainerRow;
}

export const noBucket = (name: string) =>
  s3Error('NoSuchBucket', undefined, { fields: { BucketName: name } });

/** The account of a caller with a key. */
export const ownProject = ({ principal }: Pick<S3Ask, 'principal'>): string | undefined =>
  principal?.scope.kind === 'project' ? principal.scope.id : undefined;

/** Throws AccessDenied for callers without an account. */
export const wantedProject = (ask: S3Ask): string => {
  const project = ownProject(ask);
  if (project === undefined) throw s3Error('AccessDenied');
  return project;
};

const find = async (
  { bucketNames, containers }: S3Context,
  name: string,
  own: string | undefined,
): Promise<Bucket | undefined> => {
  const mine = own === undefined ? undefined : await containers.find(own, name);
  if (own !== undefined && mine) return { name, project: own, row: mine };
  const project = await bucketNames.ownerOf(name);
  const row = project === undefined ? undefined : await containers.find(project, name);
  return project !== undefined && row ? { name, project, row } : undefined;
};

/** A caller may say whose the bucket must be: names are free again once their bucket is gone. Throws AccessDenied. */
const checkOwner = ({ headers, bucket }: S3Ask, { name, project }: Bucket): void => {
  const expected = headers[`x-amz-${name === bucket ? '' : 'source-'}expected-bucket-owner`];
  if (expected === undefined || expected === project) return;
  const cause = new ShoalError('FORBIDDEN', 'The bucket is another’s', { details: { isDenied: true } });
  throw s3Error('AccessDenied', undefined, { cause });
};

/** Throws AccessDenied. A grant of S3's own may allow what the use alone does not; a policy that denies has the last word. */
export const allow = async (
  context: S3Context,
  ask: S3Ask,
  action: Action,
  bucket: Bucket,
  key: string,
  versionId: string | undefined = versionAsked(ask),
): Promise<void> => {
  const { caller } = ask;
  const { name, project, row } = bucket;
  checkOwner(ask, bucket);
  const target = { project, container: name, object: key, versionId };
  try {
    await authorize(context, action.use, target, { ...caller, action: action.name }, row);
  } catch (cause) {
    if (!hasCode(cause, 'NOT_AUTHENTICATED', 'FORBIDDEN')) throw cause;
    const isDenied = cause.details.isDenied === true;
    const grants = key === '' ? row.bucket?.grants : undefined;
    if (action.grant && !isDenied && grantsAllow(grants, action.grant, caller.principal, row.bucket)) {
      caller.usedList?.();
      return;
    }
    throw s3Error('AccessDenied', undefined, { cause });
  }
};

/** Was it a policy that denied it, so that no grant may allow it? */
export const isDenied = (refusal: unknown): boolean =>
  refusal instanceof ShoalError &&
  refusal.cause instanceof ShoalError &&
  refusal.cause.details.isDenied === true;

/** Whoever may do what to it. Throws NoSuchBucket. */
export const findBucket = async (
  context: S3Context,
  who: Pick<S3Ask, 'principal'> & Partial<Pick<S3Ask, 'trail'>>,
  name: string,
): Promise<Bucket> => {
  const bucket = await find(context, name, ownProject(who));
  if (!bucket) throw noBucket(name);
  who.trail?.buckets.set(name, bucket);
  return bucket;
};

/** Throws NoSuchBucket, AccessDenied. */
export const openBucket = async (
  context: S3Context,
  ask: S3Ask,
  action: Action,
  { bucket: name, key }: Address = ask,
): Promise<Bucket> => {
  const bucket = await findBucket(context, ask, name);
  await allow(context, ask, action, bucket, key);
  return bucket;
};

/** Changes what S3 keeps with the bucket, and `more` of its container. Throws NoSuchBucket. */
export const changeSettings = async (
  { containers }: S3Context,
  { project, name, row }: Bucket,
  change: (old: BucketSettings) => BucketSettings,
  more: Partial<Pick<ContainerRow, 'readList' | 'writeList'>> = {},
): Promise<void> => {
  await containers
    .update(project, name, (old) => {
      if (old?.id !== row.id) throw noBucket(name);
      return { ...more, bucket: { ...old.bucket, ...change(old.bucket ?? {}) } };
    })
    .catch((cause) => {
      if (hasCode(cause, 'NOT_FOUND') && cause.details.s3 === undefined) throw noBucket(name);
      throw cause;
    });
};

export const placeIn = ({ project, name, row }: Bucket, key: string, asker?: Asker): Place =>
  placeOf({ project, container: name, object: key }, row, asker);

/**
 * A key that may be written, and what its account has to say about room. The bucket is mostly the caller's own, so what
 * else has to be read of it is read beside it. `bytes`: what is announced of a new object.
 */
export const openTarget = async (
  context: S3Context,
  ask: S3Ask,
  action: Action,
  bytes?: number,
): Promise<Target> => {
  const { accounts } = context.records;
  const own = ownProject(ask);
  const ownAccount = own === undefined ? undefined : accounts.get(own, accountKey);
  ownAccount?.catch(() => {});
  const path = own === undefined ? undefined : { project: own, container: ask.bucket, object: ask.key };
  const ahead = path && aheadOf(context, path, bytes);
  const bucket = await openBucket(context, ask, action);
  const grants = grantsAsked(ask.headers);
  checkGrants(grants, bucket.row.bucket, ask.headers);
  await checkGrantees(context, grants);
  const account = await (bucket.project === own ? ownAccount : accounts.get(bucket.project, accountKey));
  return { place: placeIn(bucket, ask.key, ask.caller.asker), container: bucket.row, account, ahead };
};
