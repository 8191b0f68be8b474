/** What a list of role assignments was asked for, and what it looks like. */
import { mapLimit } from '../../base/map-limit.ts';
import type { Principal } from '../../http/port.ts';
import type { Assignment, AssignmentQuery } from '../assignments.ts';
import type { Directory } from '../directory.ts';
import { badRequest } from '../error.ts';
import type { Target } from '../grants.ts';
import { listRowsMax, readsMax } from '../limits.ts';
import { boundDomain } from '../policy.ts';
import { flag } from './filter.ts';

export interface ShownQuery extends AssignmentQuery {
  readonly names: boolean;
}

/** Which one thing the query is about; several would contradict each other. Throws BAD_REQUEST. */
const targetOf = (query: URLSearchParams): Target | undefined => {
  const project = query.get('scope.project.id');
  const domain = query.get('scope.domain.id');
  const system = query.get('scope.system');
  if (project && domain) throw badRequest('Specify a domain or project, not both');
  if (domain && system) throw badRequest('Specify system or domain, not both');
  if (project && system) throw badRequest('Specify system or project, not both');
  if (project) return { kind: 'project', id: project };
  if (domain) return { kind: 'domain', id: domain };
  return system ? { kind: 'system' } : undefined;
};

/** Throws BAD_REQUEST on combinations that cannot mean anything. */
export const parseAssignmentQuery = (query: URLSearchParams, caller: Principal): ShownQuery => {
  const target = targetOf(query);
  const [user, group, role] = [query.get('user.id'), query.get('group.id'), query.get('role.id')];
  const effective = flag(query, 'effective');
  const inherited = query.get('scope.OS-INHERIT:inherited_to') === 'projects';
  const subtree = flag(query, 'include_subtree');
  if (user && group) throw badRequest('Specify a user or group, not both');
  if (effective && group)
    throw badRequest('Combining effective and group filter will always result in an empty list.');
  if (effective && inherited && target?.kind === 'domain')
    throw badRequest(
      'Combining effective, domain and inherited filters will always result in an empty list.',
    );
  if (subtree && target?.kind !== 'project')
    throw badRequest('scope.project.id must be specified if include_subtree is also specified');
  const domainId = boundDomain(caller);
  return {
    ...(user && { actor: { kind: 'user', id: user } as const }),
    ...(group && { actor: { kind: 'group', id: group } as const }),
    ...(target && { target }),
    ...(role && { roleId: role }),
    ...(domainId !== undefined && { domainId }),
    effective,
    inherited,
    subtree,
    names: flag(query, 'include_names'),
  };
};

/** A look-up that asks once per id. */
const once = <Row>(load: (id: string) => Promise<Row | undefined>) => {
  const asked = new Map<string, Promise<Row | undefined>>();
  return (id: string): Promise<Row | undefined> => {
    const found = asked.get(id) ?? load(id);
    asked.set(id, found);
    return found;
  };
};

/** Where the grant behind an assignment is given and taken. */
const pathOf = ({ actor, target, roleId, inherited, via }: Assignment): string => {
  const place = via.from ?? target;
  const below = place.kind === 'system' ? 'system' : `${place.kind}s/${place.id}`;
  const who = via.groupId === undefined ? `${actor.kind}s/${actor.id}` : `groups/${via.groupId}`;
  const path = `${below}/${who}/roles/${via.priorRoleId ?? roleId}`;
  return inherited ? `OS-INHERIT/${path}/inherited_to_projects` : path;
};

/** Assignments to, of or on what is gone are left out. */
export const showAssignments = async (
  directory: Directory,
  linkTo: (path: string) => string,
  assignments: readonly Assignment[],
  { names, domainId: only }: ShownQuery,
) => {
  const [user, group, role] = [once(directory.user), once(directory.group), once(directory.role)];
  const [domain, project] = [once(directory.domain), once(directory.project)];
  const refOf = async (domainId: string) => ({ id: domainId, name: (await domain(domainId))?.name ?? '' });

  const scopeOf = async (target: Target): Promise<object | undefined> => {
    if (target.kind === 'system') return only === undefined ? { system: { all: true } } : undefined;
    const { id } = target;
    if (target.kind === 'domain') {
      const row = await domain(id);
      if (!row || (only ?? id) !== id) return undefined;
      return { domain: names ? { id, name: row.name } : { id } };
    }
    const row = await project(id);
    if (!row || (only ?? row.domainId) !== row.domainId) return undefined;
    return { project: names ? { id, name: row.name, domain: await refOf(row.domainId) } : { id } };
  };

  const show = async (one: Assignment): Promise<object | undefined> => {
    const { actor, target, roleId, inherited, via } = one;
    const [who, what, scope] = await Promise.all([
      (actor.kind === 'user' ? user : group)(actor.id),
      role(roleId),
      scopeOf(target),
    ]);
    if (!who || !what || !scope) return undefined;
    return {
      role: names
        ? {
            id: roleId,
            name: what.name,
            ...(what.domainId !== undefined && { domain: await refOf(what.domainId) }),
          }
        : { id: roleId },
      [actor.kind]: names
        ? { id: actor.id, name: who.name, domain: await refOf(who.domainId) }
        : { id: actor.id },
      scope: { ...scope, ...(inherited && { 'OS-INHERIT:inherited_to': 'projects' }) },
      links: {
        assignment: linkTo(pathOf(one)),
        ...(via.groupId !== undefined && { membership: linkTo(`groups/${via.groupId}/users/${actor.id}`) }),
        ...(via.priorRoleId !== undefined && {
          prior_role: linkTo(`roles/${via.priorRoleId}/implies/${roleId}`),
        }),
      },
    };
  };

  const shown = await mapLimit(assignments.slice(0, listRowsMax), readsMax, show);
  return {
    role_assignments: shown.filter((one) => one !== undefined),
    ...(assignments.length > listRowsMax && { truncated: true }),
  };
};
