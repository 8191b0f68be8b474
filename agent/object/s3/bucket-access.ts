/**
 * Opening a bucket for a call: whose container it is, and whether the caller may do to it what S3 calls `action`.
 * All calls come through here, so what lets somebody in or keeps somebody out is decided in one place.
 */
import { hasCode } from '../../../proto/error.ts';
import type { Use } from '../access.ts';
import { authorize, placeOf } from '../context.ts';
import type { Place } from '../object-turn.ts';
import { accountKey, type ContainerRow } from '../records.ts';
import type { Target } from '../store-object.ts';
import type { S3Ask, S3Context } from './ask.ts';
import { s3Error } from './s3-error.ts';

/** What a call does: in the words of S3's policies, and of the access lists of containers. */
export interface Action {
  /** `s3:GetObject` and the like. */
  readonly name: `s3:${string}`;
  readonly use: Use;
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

/** Throws AccessDenied. */
const allow = async (context: S3Context, ask: S3Ask, action: Action, bucket: Bucket): Promise<void> => {
  try {
    const target = { project: bucket.project, container: bucket.name };
    await authorize(context, action.use, target, ask.caller, bucket.row);
  } catch (cause) {
    if (hasCode(cause, 'NOT_AUTHENTICATED', 'FORBIDDEN')) throw s3Error('AccessDenied', undefined, { cause });
    throw cause;
  }
};

/** Throws NoSuchBucket, AccessDenied. */
export const openBucket = async (
  context: S3Context,
  ask: S3Ask,
  action: Action,
  name = ask.bucket,
): Promise<Bucket> => {
  const bucket = await find(context, name, ownProject(ask));
  if (!bucket) throw noBucket(name);
  await allow(context, ask, action, bucket);
  return bucket;
};

export const placeIn = ({ project, name, row }: Bucket, key: string): Place =>
  placeOf({ project, container: name, object: key }, row);

/** A key that may be written, and what its account has to say about room. */
export const openTarget = async (context: S3Context, ask: S3Ask, action: Action): Promise<Target> => {
  const bucket = await openBucket(context, ask, action);
  const account = await context.records.accounts.get(bucket.project, accountKey);
  return { place: placeIn(bucket, ask.key), container: bucket.row, account };
};
