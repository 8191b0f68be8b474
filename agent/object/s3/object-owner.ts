/**
 * Whose an object is: the bucket's account, unless the bucket lets others own what they write. Whoever owns a bucket may read
 * and remove all that is in it, as with Swift; at Amazon a foreign owner can keep it from reading.
 */
import type { AclGrant } from '../acl-grant.ts';
import type { BucketSettings } from '../bucket-settings.ts';
import type { NewFacts } from '../objects.ts';
import type { ObjectFacts } from '../records.ts';
import type { Target } from '../store-object.ts';
import type { S3Ask } from './ask.ts';
import { ownProject } from './bucket-access.ts';
import type { Headers } from './sign/headers.ts';

/** A canned list gives the bucket's account what its writer does not keep for itself. */
export const grantsToBucket = (headers: Headers, project: string): readonly AclGrant[] | undefined => {
  const permissions = { 'bucket-owner-read': 'READ', 'bucket-owner-full-control': 'FULL_CONTROL' } as const;
  const name = headers['x-amz-acl'] ?? '';
  if (name !== 'bucket-owner-read' && name !== 'bucket-owner-full-control') return undefined;
  return [{ to: { project }, permission: permissions[name] }];
};

/** Of a new object. */
export const ownerFacts = (
  ask: Pick<S3Ask, 'principal' | 'headers'>,
  { place: { project }, container: { bucket } }: Target,
): Pick<NewFacts, 'owner' | 'grants'> => {
  const writer = ownProject(ask);
  const granted = grantsToBucket(ask.headers, project);
  const isGiven = granted?.some(({ permission }) => permission === 'FULL_CONTROL');
  if (writer === undefined || writer === project || bucket?.ownership === 'BucketOwnerEnforced') return {};
  if (bucket?.ownership === 'BucketOwnerPreferred' && isGiven) return {};
  return { owner: writer, ...(granted && { grants: granted }) };
};

/** @param project the bucket's. */
export const ownerOf = (
  { owner }: Pick<ObjectFacts, 'owner'>,
  settings: BucketSettings | undefined,
  project: string,
): string => (settings?.ownership === 'BucketOwnerEnforced' ? project : (owner ?? project));
