/** Who has which role on which project, domain or the whole system. */
import { ShoalError } from '../../proto/error.ts';
import { identityRoutes } from '../../proto/rest/identity.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { ApiRequest } from '../http/port.ts';
import { assignmentsFor, showAssignments } from './assignments.ts';
import { type IdentityContext, journaled } from './context.ts';
import { rolesKey } from './directory.ts';
import { notFound } from './error.ts';
import { listed } from './filter.ts';
import type { Grant, Target } from './grants.ts';
import { targetKey } from './grants.ts';
import { readsMax } from './limits.ts';
import type { RoleRow } from './records.ts';
import { listLinks, showRole } from './render.ts';

const targets = {
  projectGrant: 'project',
  domainGrant: 'domain',
  systemGrant: 'system',
} as const;

const targetOf = (kind: 'project' | 'domain' | 'system', id: string): Target =>
  kind === 'system' ? { kind } : { kind, id };

export const serveGrant = (context: IdentityContext): void => {
  const { http, directory } = context;

  const mustExist = async ({ userId, target, roleId }: Grant): Promise<void> => {
    const [user, role, place] = await Promise.all([
      directory.user(userId),
      directory.role(roleId),
      target.kind === 'system' ? { id: 'system' } : directory[target.kind](target.id),
    ]);
    if (!place) throw notFound(target.kind, 'id' in target ? target.id : '');
    if (!user) throw notFound('user', userId);
    if (!role) throw notFound('role', roleId);
  };

  const mustBeGiven = async (grant: Grant): Promise<void> => {
    if (await directory.grants.has(grant)) return;
    throw new ShoalError(
      'NOT_FOUND',
      `Could not find role assignment with role: ${grant.roleId}, user or group: ${grant.userId}, project, domain, or system: ${targetKey(grant.target)}.`,
    );
  };

  const change = (request: ApiRequest, action: string, grant: Grant, work: () => Promise<void>) =>
    journaled(context, request, action, `${grant.userId} ${targetKey(grant.target)} ${grant.roleId}`, () =>
      directory.changing('roles', rolesKey(grant.userId, grant.target), work),
    );

  for (const key of ['projectGrant', 'domainGrant', 'systemGrant'] as const) {
    const routes = identityRoutes[key];
    const grantOf = ({ params }: Pick<ApiRequest, 'params'>): Grant => ({
      userId: params.userId ?? '',
      target: targetOf(targets[key], params.targetId ?? ''),
      roleId: params.roleId ?? '',
    });

    http.serve(routes.list, async ({ origin, params }) => {
      const { userId, target } = grantOf({ params });
      const ids = await directory.grants.rolesOf(userId, target);
      const found = await mapLimit(ids, readsMax, (id) => directory.role(id));
      const rows = found.filter((row): row is RoleRow => row !== undefined);
      return {
        body: {
          ...listed('roles', rows, (row) => showRole(origin, row)),
          ...listLinks(origin, `${targetKey(target)}/users/${userId}/roles`),
        },
      };
    });
    http.serve(routes.check, async ({ params }) => {
      const grant = grantOf({ params });
      await mustExist(grant);
      await mustBeGiven(grant);
      return {};
    });
    http.serve(routes.create, async (request) => {
      const grant = grantOf(request);
      await mustExist(grant);
      await change(request, 'role.grant', grant, () => directory.grants.give(grant));
      return {};
    });
    // Also of a user or role that is gone: it is how one tidies up.
    http.serve(routes.remove, async (request) => {
      const grant = grantOf(request);
      await mustBeGiven(grant);
      await change(request, 'role.revoke', grant, () => directory.grants.take(grant));
      return {};
    });
  }

  http.serve(identityRoutes.assignments, async ({ origin, query }) => {
    const grants = await assignmentsFor(directory, query);
    return {
      body: {
        ...(await showAssignments(directory, origin, grants, query)),
        ...listLinks(origin, 'role_assignments'),
      },
    };
  });
};
