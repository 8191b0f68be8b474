/** Holds every route of identity to its row of the policy table, before its handler runs. */
import type { Route } from '../../proto/rest/route.ts';
import { actionOf } from '../http/policy.ts';
import {
  type ApiRequest,
  type Handler,
  type Http,
  hasRole,
  type Principal,
  principalOf,
} from '../http/port.ts';
import { builtInId, mightyRoles } from './built-in.ts';
import type { Directory } from './directory.ts';
import { forbidden } from './error.ts';
import { boundDomain, isCloudAdmin, isSystemReader, type Policy, policyOf } from './policy.ts';
import type { RoleRow } from './records.ts';

type Asked = Pick<ApiRequest, 'params' | 'query' | 'body'>;
type Rows = Pick<Directory, 'user' | 'group' | 'project' | 'role'>;

const domainRoles = { reader: ['reader'], manager: ['manager', 'admin'] } as const;

/** Roles that a manager gives, and what an admin of a domain does not. */
const managed = ['manager', 'member', 'reader'].map((name) => builtInId(`role ${name}`));
const mighty = mightyRoles.map((name) => builtInId(`role ${name}`));

const mayGive = (caller: Principal, role: RoleRow | undefined): boolean => {
  if (!role) return false;
  if (role.domainId !== undefined || managed.includes(role.id)) return true;
  return hasRole(caller, 'admin') && !mighty.includes(role.id) && !mightyRoles.includes(role.name);
};

/** The domain that a body puts something into; nothing said means the caller's own. */
const bodyDomains = async (directory: Rows, body: unknown): Promise<readonly (string | undefined)[]> => {
  const [asked] = Object.values((body ?? {}) as Record<string, unknown>);
  if (typeof asked !== 'object' || asked === null) return [];
  const { domain_id: domain, parent_id: parent, is_domain: isDomain } = asked as Record<string, unknown>;
  if (isDomain === true) return [undefined];
  const parents = typeof parent === 'string' ? [(await directory.project(parent))?.domainId] : [];
  return typeof domain === 'string' ? [domain, ...parents] : parents;
};

/** The domains of all that a call names. Undefined stands for what is in none, or does not exist. */
const domainsOf = async (
  directory: Rows,
  { params, query, body }: Asked,
): Promise<readonly (string | undefined)[]> => {
  const { userId, groupId, projectId, domainId, roleId } = params;
  const role = roleId === undefined ? undefined : await directory.role(roleId);
  return [
    ...(userId === undefined ? [] : [(await directory.user(userId))?.domainId]),
    ...(groupId === undefined ? [] : [(await directory.group(groupId))?.domainId]),
    ...(projectId === undefined ? [] : [(await directory.project(projectId))?.domainId]),
    ...(domainId === undefined ? [] : [domainId]),
    ...(role?.domainId === undefined ? [] : [role.domainId]),
    ...[query.get('domain_id') ?? []].flat(),
    ...(await bodyDomains(directory, body)),
  ];
};

const isOwner = ({ own, ownRole }: Policy, caller: Principal, { params }: Asked): boolean => {
  const { scope, user } = caller;
  if (ownRole && !hasRole(caller, ownRole)) return false;
  if (own === 'user') return params.userId === user.id;
  if (own === 'project') return scope.kind === 'project' && params.projectId === scope.id;
  if (own !== 'domain') return false;
  return (scope.kind === 'project' ? scope.domain.id : boundDomain(caller)) === params.domainId;
};

const isAt = ({ anyoneAt }: Policy, { params }: Asked): boolean =>
  anyoneAt !== undefined && Object.entries(anyoneAt).every(([name, value]) => params[name] === value);

/** May this caller do it? Rows are read only for those whose answer depends on them. */
export const isAllowed = async (
  directory: Rows,
  policy: Policy,
  caller: Principal,
  asked: Asked,
): Promise<boolean> => {
  if (policy.anyone || isAt(policy, asked) || isOwner(policy, caller, asked)) return true;
  if (policy.ownOnly) return false;
  if (isCloudAdmin(caller) || (policy.system && isSystemReader(caller))) return true;
  if (policy.service && hasRole(caller, 'service')) return true;
  const domainId = boundDomain(caller);
  if (!policy.domain || domainId === undefined || !hasRole(caller, ...domainRoles[policy.domain]))
    return false;
  if (policy.gives && !mayGive(caller, await directory.role(asked.params.roleId ?? ''))) return false;
  return (await domainsOf(directory, asked)).every((one) => one === domainId);
};

/** `http` as the routes of identity see it. A route without a row is a bug that stops the start. */
export const guarded = ({
  http,
  directory,
}: {
  readonly http: Pick<Http, 'serve'>;
  readonly directory: Directory;
}): Pick<Http, 'serve'> => ({
  serve<R extends Route>(route: R, handler: Handler<R>) {
    const policy = policyOf(route);
    if (route.policy !== 'public' && !policy) throw new Error(`route ${route.name} has no policy`);
    // Whose token it is about is known only when it was read: serve-time rule of api/auth.ts.
    const isLate = !policy || route.name === 'validateToken' || route.name === 'revokeToken';
    http.serve(route, async (request) => {
      if (!isLate && !(await isAllowed(directory, policy, principalOf(request), request)))
        throw forbidden(actionOf(route));
      return handler(request);
    });
  },
});
