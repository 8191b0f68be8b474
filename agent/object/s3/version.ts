/** `?versionId=`. */
import { hasCode } from '../../../proto/error.ts';
import { checkVersionId } from '../versions.ts';
import type { S3Ask } from './ask.ts';
import { s3Error } from './s3-error.ts';

/** Throws InvalidArgument on what cannot be a version's id. */
export const parseVersionId = (id: string): string => {
  try {
    return checkVersionId(id);
  } catch (cause) {
    if (!hasCode(cause, 'BAD_REQUEST')) throw cause;
    throw s3Error('InvalidArgument', 'Invalid version id specified', {
      fields: { ArgumentName: 'versionId', ArgumentValue: id },
    });
  }
};

export const versionAsked = ({ query }: Pick<S3Ask, 'query'>): string | undefined => {
  const id = query.get('versionId');
  return id === null ? undefined : parseVersionId(id);
};
