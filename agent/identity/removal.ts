/**
 * Deleting a user, project or domain. The record goes first: from then on its tokens and grants mean nothing, so
 * kill -9 anywhere after it leaves garbage and no access. Only a domain goes last, after all it holds: it is
 * disabled by then, and a half-deleted one can be deleted again.
 */
import { ShoalError } from '../../proto/error.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { IdentityContext } from './context.ts';
import { type Directory, everywhere, rolesKey } from './directory.ts';
import { notFound } from './error.ts';
import type { Grant, Target } from './grants.ts';
import { readsMax } from './limits.ts';

type Parts = Pick<IdentityContext, 'directory' | 'lockout'>;

const takeAll = async (directory: Directory, grants: readonly Grant[]): Promise<void> => {
  await mapLimit(grants, readsMax, (grant) =>
    directory.changing('roles', rolesKey(grant.userId, grant.target), () => directory.grants.take(grant)),
  );
};

/** Throws NOT_FOUND. */
export const removeUser = async ({ directory, lockout }: Parts, id: string): Promise<void> => {
  const user = await directory.user(id);
  if (!user) throw notFound('user', id);
  await directory.changing('user', id, () => directory.users.delete(user.domainId, id));
  await takeAll(directory, await directory.grants.ofUser(id));
  await lockout.clear(id);
};

/** Throws NOT_FOUND, and FORBIDDEN while other projects are below it. */
export const removeProject = async (
  { directory }: Parts,
  id: string,
  options: { readonly whole?: boolean } = {},
): Promise<void> => {
  const project = await directory.project(id);
  if (!project) throw notFound('project', id);
  if (
    !options.whole &&
    (await directory.projects.list(project.domainId)).some(({ parentId }) => parentId === id)
  )
    throw new ShoalError(
      'FORBIDDEN',
      `Cannot delete the project ${id} since it is not a leaf in the hierarchy. Delete the projects below it first.`,
    );
  await directory.changing('project', id, () => directory.projects.delete(project.domainId, id));
  await takeAll(directory, await directory.grants.ofTarget({ kind: 'project', id }));
};

/** Throws NOT_FOUND, and FORBIDDEN while it is enabled. */
export const removeDomain = async (parts: Parts, id: string): Promise<void> => {
  const { directory } = parts;
  const mustBeDisabled = ({ enabled }: { readonly enabled: boolean }): void => {
    if (enabled)
      throw new ShoalError('FORBIDDEN', 'Cannot delete a domain that is enabled, please disable it first.');
  };
  const domain = await directory.domain(id);
  if (!domain) throw notFound('domain', id);
  mustBeDisabled(domain);
  // A list has a bound, a domain has none: again until nothing is left.
  for (let rows = await directory.users.list(id); rows.length > 0; rows = await directory.users.list(id))
    for (const user of rows) await removeUser(parts, user.id);
  for (
    let rows = await directory.projects.list(id);
    rows.length > 0;
    rows = await directory.projects.list(id)
  )
    for (const project of rows) await removeProject(parts, project.id, { whole: true });
  const target: Target = { kind: 'domain', id };
  await directory.changing('domain', id, () => directory.domains.delete(everywhere, id, mustBeDisabled));
  await takeAll(directory, await directory.grants.ofTarget(target));
};
