/** To whom an access list grants: accounts that there are. */
import type { AclGrant } from '../acl-grant.ts';
import type { S3Context } from './ask.ts';
import { s3Error } from './s3-error.ts';

/** Throws InvalidArgument. Of an account that was deleted a moment ago it may not have heard yet. */
export const checkGrantees = async (
  { domainOf }: Pick<S3Context, 'domainOf'>,
  grants: readonly AclGrant[] | undefined,
): Promise<void> => {
  const projects = new Set(grants?.flatMap(({ to }) => ('project' in to ? [to.project] : [])));
  await Promise.all(
    [...projects].map(async (project) => {
      if ((await domainOf(project)) !== undefined) return;
      throw s3Error('InvalidArgument', 'Invalid id', {
        fields: { ArgumentName: 'CanonicalUser/ID', ArgumentValue: project },
      });
    }),
  );
};
