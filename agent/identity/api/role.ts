/** Roles: names that policies ask for. A role of a domain is in no token; it stands for those that it implies. */
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import type { ApiRequest } from '../../http/port.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { everywhere } from '../directory.ts';
import { notFound } from '../error.ts';
import { mustBeMutable } from '../immutable.ts';
import type { RoleRow } from '../records.ts';
import { removeRole } from '../removal.ts';
import { extraOf, mustStay, withOptions } from './extra.ts';
import { listed, matches } from './filter.ts';
import { showRole } from './render.ts';

const own = ['name', 'description', 'options', 'domain_id'];

const filters = { name: ({ name }: RoleRow) => name };

export const roleScope = ({ domainId }: Pick<RoleRow, 'domainId'>): string => domainId ?? everywhere;

export const serveRole = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, create, show, update, remove } = identityRoutes.role;

  const find = async ({ params: { roleId = '' } }: Pick<ApiRequest, 'params'>): Promise<RoleRow> => {
    const row = await directory.role(roleId);
    if (!row) throw notFound('role', roleId);
    return row;
  };

  http.serve(list, async (request) => {
    const { origin, query } = request;
    const rows = await directory.roles.list(query.get('domain_id') ?? everywhere);
    return {
      body: listed(request, { key: 'roles', path: 'roles' }, rows.filter(matches(query, filters)), (row) =>
        showRole(origin, row),
      ),
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.role;
    const domainId = asked.domain_id ?? undefined;
    if (domainId !== undefined && !(await directory.domain(domainId))) throw notFound('domain', domainId);
    const row: RoleRow = {
      id: newHexId(),
      name: asked.name.trim(),
      description: asked.description ?? null,
      ...(domainId !== undefined && { domainId }),
      options: withOptions({}, asked.options),
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'role.create', row.id, () =>
      directory.changing('role', row.id, () => directory.roles.create(roleScope(row), row)),
    );
    return { body: { role: showRole(request.origin, row) } };
  });

  http.serve(show, async (request) => ({
    body: { role: showRole(request.origin, await find(request)) },
  }));

  http.serve(update, async (request) => {
    const asked = request.body.role;
    const present = await find(request);
    const { id } = present;
    const next = (row: RoleRow): RoleRow => {
      mustBeMutable('role', row, asked);
      mustStay('domain_id', asked.domain_id, row.domainId);
      return {
        ...row,
        name: asked.name?.trim() ?? row.name,
        description: asked.description === undefined ? row.description : asked.description,
        options: withOptions(row.options, asked.options),
        extra: { ...row.extra, ...extraOf(asked, own) },
      };
    };
    const row = await journaled(context, request, 'role.update', id, () =>
      directory.changing('role', id, () => directory.roles.change(roleScope(present), id, next)),
    );
    return { body: { role: showRole(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    const present = await find(request);
    await journaled(context, request, 'role.delete', present.id, () =>
      removeRole(context, present, (row) => mustBeMutable('role', row)),
    );
    return {};
  });
};
