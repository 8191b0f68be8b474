/**
 * Projects below projects. A row per child of a project answers "what is below"; projects at the top of a domain
 * need none, they are all that the domain lists.
 *
 *   create below   write the child's row, touch the parent's record, only then create the child
 *   delete above   read the parent's tag, look at the children's rows, delete the parent if its tag is still that one
 *
 * Touching gives the parent a new tag. So of the two one comes first on the parent's register: the deleter's compare
 * fails and it looks again, or the creator finds no parent. A row without a child is a creator that died or is
 * slow; the deleter settles that id, and then it is the child that comes first or never (see named.ts).
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Rows, Tables } from '../table/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { isDefined } from './effective.ts';
import { badRequest } from './error.ts';
import { listRowsMax, pageRowsMax, projectDepthMax, readsMax } from './limits.ts';
import type { NamedRecords } from './named.ts';
import type { ProjectRow } from './records.ts';

export interface ProjectTree {
  /** Makes room below a parent that is a project. Throws BAD_REQUEST when it is gone or disabled, FORBIDDEN when too deep. */
  plant(child: Pick<ProjectRow, 'id' | 'domainId' | 'parentId'>): Promise<void>;
  /** After the child is gone. */
  forget(child: Pick<ProjectRow, 'id' | 'domainId' | 'parentId'>): Promise<void>;
  /** Rows that the index names, existing ones only. */
  children(parent: Pick<ProjectRow, 'id' | 'domainId'>): Promise<readonly ProjectRow[]>;
  /** Inside the deletion of the parent. Throws FORBIDDEN while there are children. */
  mustBeLeaf(parent: Pick<ProjectRow, 'id' | 'domainId'>): Promise<void>;
  /** All below, level by level. */
  subtree(top: Pick<ProjectRow, 'id' | 'domainId'>): Promise<readonly ProjectRow[]>;
  /** Nearest first, without the domain. */
  parents(row: ProjectRow): Promise<readonly ProjectRow[]>;
}

type Mark = { readonly child: true };

export const openTree = ({
  tables,
  projects,
}: {
  readonly tables: Tables;
  readonly projects: NamedRecords<ProjectRow>;
}): ProjectTree => {
  const rows: Rows<Mark> = tables.rows({ name: 'identity.child' });

  const childIds = async (parentId: string): Promise<readonly string[]> => {
    const ids: string[] = [];
    for await (const { sortKey } of walkRows(rows, parentId, { limit: pageRowsMax })) {
      ids.push(sortKey);
      if (ids.length === listRowsMax) break;
    }
    return ids;
  };

  const isTop = ({ domainId, parentId }: Pick<ProjectRow, 'domainId' | 'parentId'>): boolean =>
    domainId === parentId;

  const parents = async (row: ProjectRow): Promise<readonly ProjectRow[]> => {
    const found: ProjectRow[] = [];
    let below: ProjectRow = row;
    while (!row.isDomain && !isTop(below) && found.length < projectDepthMax) {
      const parent = await projects.get(row.domainId, below.parentId);
      if (!parent) break;
      found.push(parent);
      below = parent;
    }
    return found;
  };

  const children: ProjectTree['children'] = async ({ id, domainId }) => {
    const found = await mapLimit(await childIds(id), readsMax, (child) => projects.get(domainId, child));
    return found.filter(isDefined).filter(({ parentId }) => parentId === id);
  };

  return {
    parents,
    children,
    async mustBeLeaf({ id, domainId }) {
      const ids = await childIds(id);
      const found = await mapLimit(ids, readsMax, (child) => projects.settleId(domainId, child));
      if (found.some((row) => row?.parentId === id))
        throw new ShoalError(
          'FORBIDDEN',
          `Cannot delete the project ${id} since it is not a leaf in the hierarchy. Delete the projects below it first.`,
        );
      await mapLimit(ids, readsMax, (child) => rows.delete(id, child));
    },
    async plant({ id, domainId, parentId }) {
      if (parentId === domainId) return;
      await rows.put(parentId, id, { child: true });
      const parent = await projects
        .change(domainId, parentId, (row) => row)
        .catch((error: unknown) => {
          throw hasCode(error, 'NOT_FOUND') ? badRequest(`Could not find project: ${parentId}.`) : error;
        });
      const above = [parent, ...(await parents(parent))];
      const disabled = above.find(({ enabled }) => !enabled);
      if (disabled)
        throw badRequest(`cannot create a project in a branch containing a disabled project: ${disabled.id}`);
      // The domain counts as the first level, as in Keystone.
      if (above.length + 2 > projectDepthMax)
        throw new ShoalError('FORBIDDEN', `Max hierarchy depth reached for ${parentId} branch.`);
    },
    async forget({ id, domainId, parentId }) {
      if (parentId !== domainId) await rows.delete(parentId, id);
    },
    async subtree(top) {
      const all: ProjectRow[] = [];
      let level = await children(top);
      for (let depth = 0; level.length > 0 && depth < projectDepthMax; depth += 1) {
        all.push(...level);
        level = (await mapLimit(level, readsMax, (row) => children(row))).flat();
      }
      return all;
    },
  };
};
