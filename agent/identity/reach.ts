/** What a user can get a token for: all projects and domains with a role from whatever source. */
import { mapLimit } from '../base/map-limit.ts';
import type { Directory } from './directory.ts';
import { grantsOf, isDefined, tokenRoles } from './effective.ts';
import type { Grant } from './grants.ts';
import { readsMax } from './limits.ts';
import type { DomainRow, ProjectRow } from './records.ts';

/** Grants whose role gives something in a token. */
const livingGrants = async (directory: Directory, userId: string): Promise<readonly Grant[]> => {
  const grants = await grantsOf(directory, userId);
  const roleIds = [...new Set(grants.map(({ roleId }) => roleId))];
  const living = await mapLimit(
    roleIds,
    readsMax,
    async (id) => (await tokenRoles(directory, [id])).length > 0,
  );
  return grants.filter(({ roleId }) => living[roleIds.indexOf(roleId)]);
};

const openDomains = async (
  directory: Directory,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, DomainRow>> => {
  const rows = await mapLimit(new Set(ids), readsMax, (id) => directory.domain(id));
  return new Map(rows.flatMap((row) => (row?.enabled ? [[row.id, row]] : [])));
};

/** Enabled projects in enabled domains. */
export const projectsFor = async (directory: Directory, userId: string): Promise<readonly ProjectRow[]> => {
  const grants = await livingGrants(directory, userId);
  const found = await mapLimit(grants, readsMax, async ({ target, inherited }) => {
    if (target.kind === 'system') return [];
    if (target.kind === 'domain') return inherited ? directory.projects.list(target.id) : [];
    const project = await directory.project(target.id);
    if (!project) return [];
    if (!inherited) return [project];
    return project.isDomain ? directory.projects.list(project.id) : directory.tree.subtree(project);
  });
  const projects = [...new Map(found.flat().map((row) => [row.id, row])).values()];
  const open = await openDomains(
    directory,
    projects.map(({ domainId }) => domainId),
  );
  return projects.filter(({ enabled, domainId }) => enabled && open.has(domainId));
};

/** Enabled ones. */
export const domainsFor = async (directory: Directory, userId: string): Promise<readonly DomainRow[]> => {
  const grants = await livingGrants(directory, userId);
  const ids = grants
    .filter(({ inherited }) => !inherited)
    .flatMap(({ target }) => (target.kind === 'domain' ? [target.id] : []));
  return [...(await openDomains(directory, ids)).values()].filter(isDefined);
};
