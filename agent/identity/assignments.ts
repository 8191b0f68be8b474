/** GET /v3/role_assignments: all grants, as few as the filters leave, and what they look like with names. */
import { mapLimit } from '../base/map-limit.ts';
import { withImplied } from './built-in.ts';
import { type Directory, everywhere } from './directory.ts';
import { badRequest } from './error.ts';
import { flag } from './filter.ts';
import { type Grant, type Target, targetKey } from './grants.ts';
import { listRowsMax, readsMax } from './limits.ts';
import { linkOf } from './render.ts';

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

const ofEveryone = async (directory: Directory): Promise<readonly Grant[]> => {
  const domains = await directory.domains.list(everywhere);
  const users = await mapLimit(domains, readsMax, ({ id }) => directory.users.list(id));
  return (await mapLimit(users.flat(), readsMax, ({ id }) => directory.grants.ofUser(id))).flat();
};

/** Groups and inheritance do not exist here, so a filter for them finds nothing. */
export const assignmentsFor = async (
  directory: Directory,
  query: URLSearchParams,
): Promise<readonly Grant[]> => {
  const target = targetOf(query);
  const userId = query.get('user.id');
  const roleId = query.get('role.id');
  if (userId && query.get('group.id')) throw badRequest('Specify a user or group, not both');
  if (query.get('group.id') || query.get('scope.OS-INHERIT:inherited_to')) return [];
  const grants = userId
    ? await directory.grants.ofUser(userId)
    : target
      ? await directory.grants.ofTarget(target)
      : await ofEveryone(directory);
  const seen = new Set<string>();
  return grants
    .flatMap((grant) =>
      flag(query, 'effective')
        ? withImplied([grant.roleId]).map((id) => ({ ...grant, roleId: id }))
        : [grant],
    )
    .filter((grant) => {
      const key = `${grant.userId} ${targetKey(grant.target)} ${grant.roleId}`;
      const isNew = !seen.has(key);
      seen.add(key);
      return (
        isNew &&
        (!target || targetKey(grant.target) === targetKey(target)) &&
        (!roleId || grant.roleId === roleId)
      );
    });
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

/** Grants of what is gone are left out. */
export const showAssignments = async (
  directory: Directory,
  origin: string,
  grants: readonly Grant[],
  query: URLSearchParams,
) => {
  const named = flag(query, 'include_names');
  const [user, role, domain, project] = [
    once(directory.user),
    once(directory.role),
    once(directory.domain),
    once(directory.project),
  ];
  const nameOf = async (id: string) => (await domain(id))?.name ?? '';

  const scopeOf = async (target: Target): Promise<object | undefined> => {
    if (target.kind === 'system') return { system: { all: true } };
    const { id, kind } = target;
    const row = await (kind === 'project' ? project : domain)(id);
    if (!row) return undefined;
    if (!named) return { [kind]: { id } };
    if (!('domainId' in row)) return { domain: { id, name: row.name } };
    const domainId = String(row.domainId);
    return { project: { id, name: row.name, domain: { id: domainId, name: await nameOf(domainId) } } };
  };

  const show = async ({ userId, roleId, target }: Grant): Promise<object | undefined> => {
    const [who, what, scope] = await Promise.all([user(userId), role(roleId), scopeOf(target)]);
    if (!who || !what || !scope) return undefined;
    const place = target.kind === 'system' ? 'system' : `${target.kind}s/${target.id}`;
    return {
      role: named ? { id: roleId, name: what.name } : { id: roleId },
      user: named
        ? { id: userId, name: who.name, domain: { id: who.domainId, name: await nameOf(who.domainId) } }
        : { id: userId },
      scope,
      links: { assignment: linkOf(origin, `${place}/users/${userId}/roles/${roleId}`) },
    };
  };

  const shown = await mapLimit(grants.slice(0, listRowsMax), readsMax, show);
  return {
    role_assignments: shown.filter((one) => one !== undefined),
    ...(grants.length > listRowsMax && { truncated: true }),
  };
};
