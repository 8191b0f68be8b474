/** What a token is for: the project, domain or system that was asked for and on which the user has a role. */
import type { AuthRequest } from '../../proto/rest/identity.ts';
import { rolesOn } from './effective.ts';
import { expecting } from './error.ts';
import { openFinder } from './finder.ts';
import type { Target } from './grants.ts';
import type { ApplicationCredentialRow, ProjectRow, UserRow } from './records.ts';
import type { Source } from './source.ts';
import type { TokenScope } from './token.ts';

type Asked = AuthRequest['auth']['scope'];

const isOpen = async (source: Source, domainId: string): Promise<boolean> =>
  (await source.domain(domainId))?.enabled === true;

const mayEnter = async (source: Source, user: UserRow, target: Target): Promise<boolean> =>
  (await rolesOn(source, user.id, target)).length > 0;

const enterProject = async (
  source: Source,
  user: UserRow,
  project: ProjectRow | undefined,
): Promise<TokenScope | undefined> => {
  if (!project?.enabled || !(await isOpen(source, project.domainId))) return undefined;
  const scope = { kind: 'project', id: project.id } as const;
  return (await mayEnter(source, user, scope)) ? scope : undefined;
};

/** The project of an application credential, while one of its roles is left. */
export const enterApplication = async (
  source: Source,
  user: UserRow,
  { projectId, roleIds }: ApplicationCredentialRow,
): Promise<TokenScope | undefined> => {
  const scope = await enterProject(source, user, await source.project(projectId));
  if (scope?.kind !== 'project') return undefined;
  const roles = await rolesOn(source, user.id, scope);
  return roles.some(({ id }) => roleIds.includes(id)) ? scope : undefined;
};

/** Undefined: not for this user. Throws BAD_REQUEST. */
export const enter = async (source: Source, user: UserRow, asked: Asked): Promise<TokenScope | undefined> => {
  if (asked === undefined) {
    const preferred = user.defaultProjectId && (await source.project(user.defaultProjectId));
    return (preferred && (await enterProject(source, user, preferred))) || { kind: 'unscoped' };
  }
  if (asked === 'unscoped') return { kind: 'unscoped' };
  const { project, domain, system, unscoped } = asked;
  if ([project, domain, system, unscoped].filter(Boolean).length !== 1)
    throw expecting('system, project, domain, OS-TRUST:trust or unscoped', 'scope');
  if (unscoped) return { kind: 'unscoped' };
  const { findProject, findDomain } = openFinder(source);
  if (project) return enterProject(source, user, await findProject(project));
  if (domain) {
    const found = await findDomain(domain);
    const scope = found?.enabled ? ({ kind: 'domain', id: found.id } as const) : undefined;
    return scope && (await mayEnter(source, user, scope)) ? scope : undefined;
  }
  return (await mayEnter(source, user, { kind: 'system' })) ? { kind: 'system' } : undefined;
};
