/** Rules "this role implies that one". */
import { ShoalError } from '../../../proto/error.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { mapLimit } from '../../base/map-limit.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { everywhere } from '../directory.ts';
import { isDefined } from '../effective.ts';
import { notFound } from '../error.ts';
import { inferencesMax, readsMax } from '../limits.ts';
import type { RoleRow } from '../records.ts';
import { linkOf } from './render.ts';

/** Whoever gives a role could otherwise give this one. */
const neverImplied = 'admin';

export const serveInference = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, ofRole, show, check, create, remove } = identityRoutes.inference;

  const mustExist = async (id: string): Promise<RoleRow> => {
    const row = await directory.role(id);
    if (!row) throw notFound('role', id);
    return row;
  };
  const ref = (origin: string, { id, name, domainId }: RoleRow) => ({
    id,
    name,
    ...(domainId !== undefined && { domain_id: domainId }),
    links: { self: linkOf(origin, `roles/${id}`) },
  });
  const showOne = (origin: string, prior: RoleRow, implied: RoleRow) => ({
    role_inference: { prior_role: ref(origin, prior), implies: ref(origin, implied) },
    links: { self: linkOf(origin, `roles/${prior.id}/implies/${implied.id}`) },
  });
  const showAll = async (origin: string, prior: RoleRow, impliedIds: readonly string[]) => {
    const rows = await mapLimit(impliedIds, readsMax, (id) => directory.role(id));
    return {
      prior_role: ref(origin, prior),
      implies: rows.filter(isDefined).map((row) => ref(origin, row)),
    };
  };

  const pair = async ({ roleId = '', impliedId = '' }: Readonly<Record<string, string>>) =>
    Promise.all([mustExist(roleId), mustExist(impliedId)]);
  const mustStand = async (prior: RoleRow, implied: RoleRow): Promise<void> => {
    if (await directory.rules.has(prior.id, implied.id)) return;
    throw new ShoalError('NOT_FOUND', `${prior.id} does not imply ${implied.id}.`);
  };

  http.serve(list, async ({ origin }) => {
    const rules = await directory.rules.all();
    const shown = await mapLimit(rules, readsMax, async ([priorId, impliedIds]) => {
      const prior = await directory.role(priorId);
      return prior && showAll(origin, prior, impliedIds);
    });
    return {
      body: {
        role_inferences: shown.filter(isDefined),
        links: { self: linkOf(origin, 'role_inferences') },
      },
    };
  });

  http.serve(ofRole, async ({ origin, params: { roleId = '' } }) => {
    const prior = await mustExist(roleId);
    const rules = await directory.rules.all();
    return {
      body: {
        role_inference: await showAll(origin, prior, rules.get(roleId) ?? []),
        links: { self: linkOf(origin, `roles/${roleId}/implies`) },
      },
    };
  });

  http.serve(show, async ({ origin, params }) => {
    const [prior, implied] = await pair(params);
    await mustStand(prior, implied);
    return { body: showOne(origin, prior, implied) };
  });
  http.serve(check, async ({ params }) => {
    await mustStand(...(await pair(params)));
    return {};
  });

  http.serve(create, async (request) => {
    const [prior, implied] = await pair(request.params);
    if (implied.name === neverImplied && implied.domainId === undefined)
      throw new ShoalError('FORBIDDEN', `${implied.id} cannot be an implied roles`);
    if (prior.domainId === undefined && implied.domainId !== undefined)
      throw new ShoalError(
        'FORBIDDEN',
        `${implied.id} cannot be an implied roles: a role for all domains cannot imply one of a domain`,
      );
    const known = [...(await directory.rules.all()).values()].flat().length;
    if (known >= inferencesMax)
      throw new ShoalError('FORBIDDEN', `Cannot keep more than ${inferencesMax} rules of implied roles`);
    await journaled(context, request, 'role.imply', `${prior.id} ${implied.id}`, () =>
      directory.changing('inferences', everywhere, () => directory.rules.add(prior.id, implied.id)),
    );
    return { body: showOne(request.origin, prior, implied) };
  });

  http.serve(remove, async (request) => {
    const [prior, implied] = await pair(request.params);
    await mustStand(prior, implied);
    await journaled(context, request, 'role.unimply', `${prior.id} ${implied.id}`, () =>
      directory.changing('inferences', everywhere, () => directory.rules.remove(prior.id, implied.id)),
    );
    return {};
  });
};
