/** Who has which role on which project, domain or the whole system, for itself or for all below it. */
import { ShoalError } from '../../../proto/error.ts';
import { grantFamilies, identityRoutes } from '../../../proto/rest/identity.ts';
import { mapLimit } from '../../base/map-limit.ts';
import { type ApiRequest, principalOf } from '../../http/port.ts';
import { listAssignments } from '../assignments.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { isDefined } from '../effective.ts';
import { notFound } from '../error.ts';
import { type Actor, actorKey, type Grant, type Target, targetKey } from '../grants.ts';
import { readsMax } from '../limits.ts';
import { parseAssignmentQuery, showAssignments } from './assignment.ts';
import { listed } from './filter.ts';
import { linkOf, listLinks, showRole } from './render.ts';

/** Both as a grant's path has them. */
const pathOf = (actor: Actor, target: Target): string =>
  `${target.kind === 'system' ? 'system' : `${target.kind}s/${target.id}`}/${actor.kind}s/${actor.id}/roles`;

export const serveGrant = (context: IdentityContext): void => {
  const { http, directory } = context;

  const mustExist = async ({ actor, target }: Pick<Grant, 'actor' | 'target'>): Promise<void> => {
    const [who, place] = await Promise.all([
      directory[actor.kind](actor.id),
      target.kind === 'system' ? { id: 'system' } : directory[target.kind](target.id),
    ]);
    if (!place) throw notFound(target.kind, 'id' in target ? target.id : '');
    if (!who) throw notFound(actor.kind, actor.id);
  };

  /** A domain's own role is good for that domain only. */
  const roleMustFit = async ({ target, roleId }: Grant): Promise<void> => {
    const role = await directory.role(roleId);
    if (!role) throw notFound('role', roleId);
    if (role.domainId === undefined) return;
    const place = target.kind === 'project' ? (await directory.project(target.id))?.domainId : undefined;
    const domainId = target.kind === 'domain' ? target.id : place;
    if (domainId !== role.domainId)
      throw new ShoalError(
        'FORBIDDEN',
        `Cannot give role ${roleId} of domain ${role.domainId} on ${targetKey(target)}: it is not in that domain`,
      );
  };

  const mustBeGiven = async (grant: Grant): Promise<void> => {
    if (await directory.grants.has(grant)) return;
    throw new ShoalError(
      'NOT_FOUND',
      `Could not find role assignment with role: ${grant.roleId}, user or group: ${grant.actor.id}, project, domain, or system: ${targetKey(grant.target)}.`,
    );
  };

  const change = (request: ApiRequest, action: string, grant: Grant, work: () => Promise<void>) => {
    const { actor, target, roleId, inherited } = grant;
    const what = `${actor.id} ${targetKey(target)} ${roleId}${inherited ? ' inherited' : ''}`;
    return journaled(context, request, action, what, () =>
      directory.changing('holdings', actorKey(actor), work),
    );
  };

  for (const { actor: actorKind, target: kind, inherited, routes } of grantFamilies) {
    const grantOf = ({ params }: Pick<ApiRequest, 'params'>): Grant => ({
      actor: { kind: actorKind, id: params[`${actorKind}Id`] ?? '' },
      target: kind === 'system' ? { kind } : { kind, id: params[`${kind}Id`] ?? '' },
      roleId: params.roleId ?? '',
      inherited,
    });

    http.serve(routes.list, async (request) => {
      const { actor, target } = grantOf(request);
      await mustExist({ actor, target });
      const { grants } = await directory.grants.of(actor);
      const ids = grants
        .filter((grant) => grant.inherited === inherited && targetKey(grant.target) === targetKey(target))
        .map(({ roleId }) => roleId);
      const rows = (await mapLimit(ids, readsMax, (id) => directory.role(id))).filter(isDefined);
      const { origin } = request;
      return {
        body: listed(request, { key: 'roles', path: pathOf(actor, target) }, rows, (row) =>
          showRole(origin, row),
        ),
      };
    });
    http.serve(routes.check, async (request) => {
      const grant = grantOf(request);
      await mustExist(grant);
      await mustBeGiven(grant);
      return {};
    });
    http.serve(routes.create, async (request) => {
      const grant = grantOf(request);
      await mustExist(grant);
      await roleMustFit(grant);
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

  http.serve(identityRoutes.assignments, async (request) => {
    const { origin, query } = request;
    const asked = parseAssignmentQuery(query, principalOf(request));
    const found = await listAssignments(directory, asked);
    return {
      body: {
        ...(await showAssignments(directory, (path) => linkOf(origin, path), found, asked)),
        ...listLinks(origin, 'role_assignments'),
      },
    };
  });
};
