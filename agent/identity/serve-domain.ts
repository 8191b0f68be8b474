/** Domains: the names of everything else live in one. */
import { newHexId } from '../../proto/ids.ts';
import { identityRoutes } from '../../proto/rest/identity.ts';
import { isAdmin, type Principal, principalOf } from '../http/port.ts';
import { type IdentityContext, journaled } from './context.ts';
import { everywhere } from './directory.ts';
import { forbidden, notFound } from './error.ts';
import { extraOf } from './extra.ts';
import { listed, matches } from './filter.ts';
import type { DomainRow } from './records.ts';
import { removeDomain } from './removal.ts';
import { listLinks, showDomain } from './render.ts';

const own = ['name', 'description', 'enabled', 'options', 'explicit_domain_id', 'tags'];

/** One may look at the domain that one's token is for. */
const isIn = ({ scope }: Principal, id: string): boolean =>
  scope.kind === 'domain' ? scope.id === id : scope.kind === 'project' && scope.domain.id === id;

export const serveDomain = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, create, show, update, remove } = identityRoutes.domain;

  http.serve(list, async ({ origin, query }) => {
    const rows = (await directory.domains.list(everywhere)).filter(
      matches<DomainRow>(query, { name: ({ name }) => name, enabled: ({ enabled }) => enabled }),
    );
    return {
      body: { ...listed('domains', rows, (row) => showDomain(origin, row)), ...listLinks(origin, 'domains') },
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.domain;
    const row: DomainRow = {
      id: asked.explicit_domain_id ?? newHexId(),
      name: asked.name.trim(),
      description: asked.description ?? '',
      enabled: asked.enabled ?? true,
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'domain.create', row.id, () =>
      directory.changing('domain', row.id, () => directory.domains.create(everywhere, row)),
    );
    return { body: { domain: showDomain(request.origin, row) } };
  });

  http.serve(show, async (request) => {
    const { id = '' } = request.params;
    const caller = principalOf(request);
    if (!isAdmin(caller) && !isIn(caller, id)) throw forbidden('identity:get_domain');
    const row = await directory.domain(id);
    if (!row) throw notFound('domain', id);
    return { body: { domain: showDomain(request.origin, row) } };
  });

  http.serve(update, async (request) => {
    const { id = '' } = request.params;
    const asked = request.body.domain;
    const next = (row: DomainRow): DomainRow => ({
      ...row,
      name: asked.name?.trim() ?? row.name,
      description: asked.description === undefined ? row.description : (asked.description ?? ''),
      enabled: asked.enabled ?? row.enabled,
      extra: { ...row.extra, ...extraOf(asked, own) },
    });
    const row = await journaled(context, request, 'domain.update', id, () =>
      directory.changing('domain', id, () => directory.domains.change(everywhere, id, next)),
    );
    return { body: { domain: showDomain(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    const { id = '' } = request.params;
    await journaled(context, request, 'domain.delete', id, () => removeDomain(context, id));
    return {};
  });
};
