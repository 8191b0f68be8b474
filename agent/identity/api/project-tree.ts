/** A project with its relatives: `?parents_as_list`, `parents_as_ids`, `subtree_as_list`, `subtree_as_ids`. */
import { asProject, type Directory } from '../directory.ts';
import { badRequest } from '../error.ts';
import type { ProjectRow } from '../records.ts';
import { flag } from './filter.ts';
import { showProject } from './render.ts';

interface Ids {
  readonly [id: string]: Ids | null;
}

/** The nearest parent outside, its domain innermost. */
const parentIds = (parents: readonly ProjectRow[]): Ids | null =>
  parents.reduceRight<Ids | null>((inner, { id }) => ({ [id]: inner }), null);

const subtreeIds = (id: string, below: readonly ProjectRow[]): Ids | null => {
  const children = below.filter(({ parentId }) => parentId === id);
  return children.length === 0
    ? null
    : Object.fromEntries(children.map((child) => [child.id, subtreeIds(child.id, below)]));
};

const wanted = (query: URLSearchParams, what: string): 'list' | 'ids' | undefined => {
  const [asList, asIds] = [flag(query, `${what}_as_list`), flag(query, `${what}_as_ids`)];
  if (asList && asIds)
    throw badRequest(`Cannot use ${what}_as_list and ${what}_as_ids query params at the same time.`);
  return asList ? 'list' : asIds ? 'ids' : undefined;
};

/** Below a domain stands all that is in it. */
export const subtreeOf = (directory: Directory, row: ProjectRow): Promise<readonly ProjectRow[]> =>
  row.isDomain ? directory.projects.list(row.id) : directory.tree.subtree(row);

/** Throws BAD_REQUEST. */
export const relatives = async (
  directory: Directory,
  origin: string,
  query: URLSearchParams,
  row: ProjectRow,
) => {
  const [up, down] = [wanted(query, 'parents'), wanted(query, 'subtree')];
  const show = (one: ProjectRow) => ({ project: showProject(origin, one) });
  const domain = up && !row.isDomain ? await directory.domain(row.domainId) : undefined;
  const parents = up && [...(await directory.tree.parents(row)), ...(domain ? [asProject(domain)] : [])];
  const below = down && (await subtreeOf(directory, row));
  return {
    ...(parents && { parents: up === 'list' ? parents.map(show) : parentIds(parents) }),
    ...(below && { subtree: down === 'list' ? below.map(show) : subtreeIds(row.id, below) }),
  };
};
