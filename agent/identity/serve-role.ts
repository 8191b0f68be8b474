/** Roles: names that policies ask for. shoal has no roles of a domain's own. */
import { ShoalError } from '../../proto/error.ts';
import { newHexId } from '../../proto/ids.ts';
import { identityRoutes } from '../../proto/rest/identity.ts';
import { type IdentityContext, journaled } from './context.ts';
import { everywhere } from './directory.ts';
import { notFound } from './error.ts';
import { extraOf } from './extra.ts';
import { listed, matches } from './filter.ts';
import type { RoleRow } from './records.ts';
import { listLinks, showRole } from './render.ts';

const own = ['name', 'description', 'options', 'domain_id'];

export const serveRole = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, create, show, update, remove } = identityRoutes.role;

  http.serve(list, async ({ origin, query }) => {
    const ofDomain = query.get('domain_id');
    const rows = ofDomain
      ? []
      : (await directory.roles.list(everywhere)).filter(
          matches<RoleRow>(query, { name: ({ name }) => name }),
        );
    return {
      body: { ...listed('roles', rows, (row) => showRole(origin, row)), ...listLinks(origin, 'roles') },
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.role;
    if (asked.domain_id != null)
      throw new ShoalError('NOT_IMPLEMENTED', 'Cannot create a role of a domain: roles are for all domains');
    const row: RoleRow = {
      id: newHexId(),
      name: asked.name.trim(),
      description: asked.description ?? null,
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'role.create', row.id, () =>
      directory.changing('role', row.id, () => directory.roles.create(everywhere, row)),
    );
    return { body: { role: showRole(request.origin, row) } };
  });

  http.serve(show, async ({ origin, params: { id = '' } }) => {
    const row = await directory.role(id);
    if (!row) throw notFound('role', id);
    return { body: { role: showRole(origin, row) } };
  });

  http.serve(update, async (request) => {
    const { id = '' } = request.params;
    const asked = request.body.role;
    const next = (row: RoleRow): RoleRow => ({
      ...row,
      name: asked.name?.trim() ?? row.name,
      description: asked.description === undefined ? row.description : asked.description,
      extra: { ...row.extra, ...extraOf(asked, own) },
    });
    const row = await journaled(context, request, 'role.update', id, () =>
      directory.changing('role', id, () => directory.roles.change(everywhere, id, next)),
    );
    return { body: { role: showRole(request.origin, row) } };
  });

  // Grants of it stay as rows without a meaning: a role id is looked up wherever a grant is read.
  http.serve(remove, async (request) => {
    const { id = '' } = request.params;
    await journaled(context, request, 'role.delete', id, () =>
      directory.changing('role', id, () => directory.roles.delete(everywhere, id)),
    );
    return {};
  });
};
