/**
 * Deleting a user, group, role, project or domain. The record goes first: from then on its tokens and grants mean
 * nothing, so kill -9 anywhere after it leaves garbage and no access. Only a domain goes last, after all it holds:
 * it is disabled by then, and a half-deleted one can be deleted again.
 */
import { ShoalError } from '../../proto/error.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { IdentityContext } from './context.ts';
import { type Directory, everywhere } from './directory.ts';
import { notFound } from './error.ts';
import { type Actor, actorKey, type Grant, type Target } from './grants.ts';
import { mustBeMutable } from './immutable.ts';
import { readsMax } from './limits.ts';
import type { NamedRecords } from './named.ts';
import type { RoleRow } from './records.ts';

type Parts = Pick<IdentityContext, 'directory' | 'lockout'>;

const takeAll = async (directory: Directory, grants: readonly Grant[]): Promise<void> => {
  await mapLimit(grants, readsMax, (grant) =>
    directory.changing('holdings', actorKey(grant.actor), () => directory.grants.take(grant)),
  );
};

const takeFrom = async (directory: Directory, actor: Actor): Promise<void> => {
  const { grants, groupIds } = await directory.grants.of(actor);
  await takeAll(directory, grants);
  await mapLimit(groupIds, readsMax, (groupId) => directory.grants.leave(actor.id, groupId));
};

/** Throws NOT_FOUND. */
export const removeUser = async ({ directory, lockout }: Parts, id: string): Promise<void> => {
  const user = await directory.user(id);
  if (!user) throw notFound('user', id);
  await directory.changing('user', id, () => directory.users.delete(user.domainId, id));
  await takeFrom(directory, { kind: 'user', id });
  for (const { id: application } of await directory.applications.list(id))
    await directory.changing('application', `${id}/${application}`, () =>
      directory.applications.delete(id, application),
    );
  for (const credential of await directory.credentials.ofUser(id))
    await directory.changing('credential', credential.id, () => directory.credentials.delete(credential));
  await lockout.forget(id);
};

/** Throws NOT_FOUND. */
export const removeGroup = async ({ directory }: Parts, id: string): Promise<void> => {
  const group = await directory.group(id);
  if (!group) throw notFound('group', id);
  await directory.changing('group', id, () => directory.groups.delete(group.domainId, id));
  await takeFrom(directory, { kind: 'group', id });
  await mapLimit(await directory.grants.members(id), readsMax, (userId) =>
    directory.changing('holdings', userId, () => directory.grants.leave(userId, id)),
  );
};

/** Grants of it stay as rows without a meaning: a role id is looked up wherever a grant is read. */
export const removeRole = async (
  { directory }: Parts,
  { id, domainId }: RoleRow,
  check: (row: RoleRow) => void,
): Promise<void> => {
  await directory.changing('role', id, () => directory.roles.delete(domainId ?? everywhere, id, check));
  const rules = [...(await directory.rules.all())].flatMap(([prior, implied]) =>
    implied.map((one) => [prior, one] as const),
  );
  const dead = rules.filter((rule) => rule.includes(id));
  if (dead.length > 0)
    await directory.changing('inferences', everywhere, () =>
      mapLimit(dead, readsMax, (rule) => directory.rules.remove(...rule)),
    );
};

/** Throws NOT_FOUND, and FORBIDDEN while other projects are below it. `whole`: they go, too, and nothing is asked. */
export const removeProject = async (
  { directory }: Parts,
  id: string,
  options: { readonly whole?: boolean } = {},
): Promise<void> => {
  const project = await directory.project(id);
  if (!project || project.isDomain) throw notFound('project', id);
  await directory.changing('project', id, () =>
    directory.projects.delete(project.domainId, id, async (row) => {
      if (options.whole) return;
      mustBeMutable('project', row);
      await directory.tree.mustBeLeaf(row);
    }),
  );
  await directory.tree.forget(project);
  await takeAll(directory, await directory.grants.ofTarget({ kind: 'project', id }));
};

/** A list has a bound, a domain has none: again until nothing is left. */
const emptied = async <Row extends { readonly id: string; readonly name: string }>(
  records: NamedRecords<Row>,
  domainId: string,
  remove: (row: Row) => Promise<void>,
): Promise<void> => {
  for (let rows = await records.list(domainId); rows.length > 0; rows = await records.list(domainId))
    for (const row of rows) await remove(row);
};

/** Throws NOT_FOUND, and FORBIDDEN while it is enabled. */
export const removeDomain = async (parts: Parts, id: string): Promise<void> => {
  const { directory } = parts;
  const mayGo = (row: { readonly id: string; readonly enabled: boolean }): void => {
    mustBeMutable('domain', row);
    if (row.enabled)
      throw new ShoalError('FORBIDDEN', 'Cannot delete a domain that is enabled, please disable it first.');
  };
  const domain = await directory.domain(id);
  if (!domain) throw notFound('domain', id);
  mayGo(domain);
  await emptied(directory.users, id, (user) => removeUser(parts, user.id));
  await emptied(directory.groups, id, (group) => removeGroup(parts, group.id));
  await emptied(directory.projects, id, (project) => removeProject(parts, project.id, { whole: true }));
  await emptied(directory.roles, id, (role) => removeRole(parts, role, () => {}));
  await directory.changing('config', id, () => directory.configs.change(id, '', () => undefined));
  await directory.changing('domain', id, () => directory.domains.delete(everywhere, id, mayGo));
  for (const kind of ['domain', 'project'] as const)
    await takeAll(directory, await directory.grants.ofTarget({ kind, id } satisfies Target));
};
