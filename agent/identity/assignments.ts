/**
 * GET /v3/role_assignments: the grants that there are, or, when asked for the effective ones, what they come to:
 * a group's grant becomes one for each member, an inherited one becomes one for each project below, and each role
 * is joined by those that it implies.
 */
import { mapLimit } from '../base/map-limit.ts';
import { type Directory, everywhere } from './directory.ts';
import { placesAbove } from './effective.ts';
import { type Actor, type Grant, grantKey, type Target, targetKey } from './grants.ts';
import { type Inferences, withImplied } from './inference.ts';
import { readsMax } from './limits.ts';
import type { ProjectRow } from './records.ts';

export interface AssignmentQuery {
  readonly actor?: Actor;
  readonly target?: Target;
  readonly roleId?: string;
  /** Inherited ones only. */
  readonly inherited: boolean;
  readonly effective: boolean;
  /** With all projects below the target. */
  readonly subtree: boolean;
  /** Only what is on this domain or its projects. */
  readonly domainId?: string;
}

/** A grant, and through what it came when it is only the effect of one. */
export interface Assignment extends Grant {
  readonly via: {
    readonly groupId?: string;
    readonly from?: Target;
    readonly priorRoleId?: string;
  };
}

const below = async (
  directory: Directory,
  { id, isDomain, domainId }: ProjectRow,
): Promise<readonly ProjectRow[]> =>
  isDomain ? directory.projects.list(id) : directory.tree.subtree({ id, domainId });

/** Everyone's, by walking all users and groups: there is no index of all grants, and few ask for it. */
const ofEveryone = async (directory: Directory): Promise<readonly Grant[]> => {
  const domains = await directory.domains.list(everywhere);
  const actors = await mapLimit(domains, readsMax, async ({ id }): Promise<readonly Actor[]> => {
    const [users, groups] = await Promise.all([directory.users.list(id), directory.groups.list(id)]);
    return [
      ...users.map((user): Actor => ({ kind: 'user', id: user.id })),
      ...groups.map((group): Actor => ({ kind: 'group', id: group.id })),
    ];
  });
  const held = await mapLimit(actors.flat(), readsMax, (actor) => directory.grants.of(actor));
  return held.flatMap(({ grants }) => grants);
};

/** The targets that are meant, and for effective lists those above from which roles come down. */
const targetsOf = async (directory: Directory, { target, subtree }: AssignmentQuery) => {
  if (!target) return undefined;
  const project = target.kind === 'project' ? await directory.project(target.id) : undefined;
  const rows = subtree && project ? await below(directory, project) : [];
  return [target, ...rows.map((row): Target => ({ kind: 'project', id: row.id }))];
};

const candidates = async (
  directory: Directory,
  { actor, effective }: AssignmentQuery,
  targets: readonly Target[] | undefined,
): Promise<readonly Grant[]> => {
  if (actor) {
    const { grants, groupIds } = await directory.grants.of(actor);
    if (!effective) return grants;
    const ofGroups = await mapLimit(groupIds, readsMax, (id) => directory.grants.of({ kind: 'group', id }));
    return [...grants, ...ofGroups.flatMap((held) => held.grants)];
  }
  if (!targets) return ofEveryone(directory);
  const above = effective
    ? await mapLimit(targets, readsMax, (target) =>
        target.kind === 'project' ? placesAbove(directory, target.id) : Promise.resolve([]),
      )
    : [];
  const places = new Map([...targets, ...above.flat()].map((target) => [targetKey(target), target]));
  const found = await mapLimit(places.values(), readsMax, (target) => directory.grants.ofTarget(target));
  return found.flat();
};

const direct = (grant: Grant): Assignment => ({ ...grant, via: {} });

/** For each member in place of the group; of one user when only that one was asked about. */
const perMember = async (
  directory: Directory,
  grant: Assignment,
  only: Actor | undefined,
): Promise<readonly Assignment[]> => {
  const { actor } = grant;
  if (actor.kind === 'user') return [grant];
  if (!(await directory.group(actor.id))) return [];
  const userIds = only ? [only.id] : await directory.grants.members(actor.id);
  return userIds.map((id) => ({
    ...grant,
    actor: { kind: 'user', id },
    via: { ...grant.via, groupId: actor.id },
  }));
};

const perProject = async (directory: Directory, grant: Assignment): Promise<readonly Assignment[]> => {
  const { target } = grant;
  if (!grant.inherited || target.kind === 'system') return grant.inherited ? [] : [grant];
  const top = await directory.project(target.id);
  const rows = top ? await below(directory, top) : [];
  return rows.map(({ id }) => ({
    ...grant,
    target: { kind: 'project', id },
    via: { ...grant.via, from: target },
  }));
};

const perRole = (grant: Assignment, rules: Inferences): readonly Assignment[] =>
  [...withImplied(rules, [grant.roleId])].map((roleId) =>
    roleId === grant.roleId ? grant : { ...grant, roleId, via: { ...grant.via, priorRoleId: grant.roleId } },
  );

const effects = async (
  directory: Directory,
  grants: readonly Grant[],
  { actor }: AssignmentQuery,
): Promise<readonly Assignment[]> => {
  const rules = await directory.rules.all();
  const found = await mapLimit(grants, readsMax, async (grant) => {
    const users = await perMember(directory, direct(grant), actor);
    const placed = await Promise.all(users.map((one) => perProject(directory, one)));
    return placed.flat().flatMap((one) => perRole(one, rules));
  });
  const roleIds = [...new Set(found.flat().map(({ roleId }) => roleId))];
  const roles = await mapLimit(roleIds, readsMax, (id) => directory.role(id));
  const ofDomains = new Set(roles.flatMap((role) => (role?.domainId === undefined ? [] : [role.id])));
  return found.flat().filter(({ roleId }) => !ofDomains.has(roleId));
};

const keyOf = ({ via, ...grant }: Assignment): string =>
  [grantKey(grant), via.groupId, via.from && targetKey(via.from), via.priorRoleId].join(' ');

export const listAssignments = async (
  directory: Directory,
  asked: AssignmentQuery,
): Promise<readonly Assignment[]> => {
  const targets = await targetsOf(directory, asked);
  const grants = await candidates(directory, asked, targets);
  const all = asked.effective ? await effects(directory, grants, asked) : grants.map(direct);
  const wanted = targets && new Set(targets.map(targetKey));
  const fitting = all.filter(
    (one) =>
      (!wanted || wanted.has(targetKey(one.target))) &&
      (!asked.inherited || one.inherited) &&
      (asked.roleId === undefined || one.roleId === asked.roleId),
  );
  return [...new Map(fitting.map((one) => [keyOf(one), one])).values()];
};
