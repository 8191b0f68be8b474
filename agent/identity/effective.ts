/**
 * What a user may do on a target, from whatever source: own roles, those of groups, those inherited from the
 * projects and the domain above, and all that these imply. Roles of a domain are left out at the end: they stand
 * for what they imply.
 */
import { mapLimit } from '../base/map-limit.ts';
import { type Actor, type Grant, type Holdings, type Target, targetKey } from './grants.ts';
import { type Inferences, withImplied } from './inference.ts';
import { projectDepthMax, readsMax } from './limits.ts';
import type { ProjectRow, RoleRow } from './records.ts';

/** Where the rows come from: linearizable, or copies that are seconds old. */
export interface Readers {
  holdings(actor: Actor): Promise<Holdings | undefined>;
  /** Does the group still exist? */
  group(id: string): Promise<object | undefined>;
  project(id: string): Promise<ProjectRow | undefined>;
  role(id: string): Promise<RoleRow | undefined>;
  inferences(): Promise<Inferences>;
}

/** What is above a project, nearest first; its domain last. */
export const placesAbove = async (
  { project }: Pick<Readers, 'project'>,
  projectId: string,
): Promise<readonly Target[]> => {
  const places: Target[] = [];
  let row = await project(projectId);
  while (row && !row.isDomain && places.length <= projectDepthMax) {
    const { domainId: id } = row;
    if (row.parentId === id) return [...places, { kind: 'project', id }, { kind: 'domain', id }];
    places.push({ kind: 'project', id: row.parentId });
    row = await project(row.parentId);
  }
  return places;
};

/** All grants of a user and of the groups that the user is in. */
export const grantsOf = async (readers: Readers, userId: string): Promise<readonly Grant[]> => {
  const own = await readers.holdings({ kind: 'user', id: userId });
  if (!own || own.groupIds.length === 0) return own?.grants ?? [];
  const ofGroups = await mapLimit(own.groupIds, readsMax, async (id) =>
    (await readers.group(id)) ? ((await readers.holdings({ kind: 'group', id }))?.grants ?? []) : [],
  );
  return [...own.grants, ...ofGroups.flat()];
};

export const isDefined = <Value>(value: Value | undefined): value is Value => value !== undefined;

/** The roles of these ids and what they imply, as a token has them. */
export const tokenRoles = async (readers: Readers, ids: Iterable<string>): Promise<readonly RoleRow[]> => {
  const all = withImplied(await readers.inferences(), ids);
  const rows = await Promise.all([...all].map((id) => readers.role(id)));
  return rows.filter(isDefined).filter(({ domainId }) => domainId === undefined);
};

export const rolesOn = async (
  readers: Readers,
  userId: string,
  target: Target,
): Promise<readonly RoleRow[]> => {
  const [grants, above] = await Promise.all([
    grantsOf(readers, userId),
    target.kind === 'project' ? placesAbove(readers, target.id) : [],
  ]);
  const here = targetKey(target);
  const inheritedFrom = new Set(above.map(targetKey));
  const ids = grants
    .filter((grant) => {
      const key = targetKey(grant.target);
      return grant.inherited ? inheritedFrom.has(key) : key === here;
    })
    .map(({ roleId }) => roleId);
  return ids.length === 0 ? [] : tokenRoles(readers, new Set(ids));
};
