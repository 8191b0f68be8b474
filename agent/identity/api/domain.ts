/** Domains: the names of everything else live in one. To Keystone each is a project, too. */
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { type ApiRequest, principalOf } from '../../http/port.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { everywhere } from '../directory.ts';
import { notFound } from '../error.ts';
import { mustBeMutable } from '../immutable.ts';
import { boundDomain } from '../policy.ts';
import type { DomainRow, Options } from '../records.ts';
import { removeDomain } from '../removal.ts';
import { extraOf, withOptions } from './extra.ts';
import { listed, matches } from './filter.ts';
import { showDomain } from './render.ts';

const own = [
  'name',
  'description',
  'enabled',
  'options',
  'tags',
  'explicit_domain_id',
  'domain_id',
  'parent_id',
  'is_domain',
];

export interface AskedDomain {
  readonly name?: string;
  readonly description?: string | null;
  readonly enabled?: boolean;
  readonly tags?: readonly string[];
  readonly options?: Options;
}

export const domainFilters = {
  name: ({ name }: DomainRow) => name,
  enabled: ({ enabled }: DomainRow) => enabled,
};

/** By the domains API and, with `is_domain`, by that of projects. Throws CONFLICT. */
export const createDomain = async (
  context: IdentityContext,
  request: ApiRequest,
  asked: AskedDomain & { readonly name: string },
  id: string = newHexId(),
): Promise<DomainRow> => {
  const row: DomainRow = {
    id,
    name: asked.name.trim(),
    description: asked.description ?? '',
    enabled: asked.enabled ?? true,
    tags: asked.tags ?? [],
    options: withOptions({}, asked.options),
    extra: extraOf(asked, own),
  };
  const { directory } = context;
  await journaled(context, request, 'domain.create', id, () =>
    directory.changing('domain', id, () => directory.domains.create(everywhere, row)),
  );
  return row;
};

/** Throws NOT_FOUND, CONFLICT, FORBIDDEN. */
export const updateDomain = (
  context: IdentityContext,
  request: ApiRequest,
  id: string,
  asked: AskedDomain,
): Promise<DomainRow> => {
  const next = (row: DomainRow): DomainRow => {
    mustBeMutable('domain', row, asked);
    return {
      ...row,
      name: asked.name?.trim() ?? row.name,
      description: asked.description === undefined ? row.description : (asked.description ?? ''),
      enabled: asked.enabled ?? row.enabled,
      tags: asked.tags ?? row.tags ?? [],
      options: withOptions(row.options, asked.options),
      extra: { ...row.extra, ...extraOf(asked, own) },
    };
  };
  const { directory } = context;
  return journaled(context, request, 'domain.update', id, () =>
    directory.changing('domain', id, () => directory.domains.change(everywhere, id, next)),
  );
};

export const deleteDomain = (context: IdentityContext, request: ApiRequest, id: string): Promise<void> =>
  journaled(context, request, 'domain.delete', id, () => removeDomain(context, id));

export const serveDomain = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, create, show, update, remove } = identityRoutes.domain;

  http.serve(list, async (request) => {
    const { origin, query } = request;
    const only = boundDomain(principalOf(request));
    const rows = (await directory.domains.list(everywhere))
      .filter(({ id }) => only === undefined || id === only)
      .filter(matches<DomainRow>(query, domainFilters));
    return {
      body: listed(request, { key: 'domains', path: 'domains' }, rows, (row) => showDomain(origin, row)),
    };
  });

  http.serve(create, async (request) => {
    const { domain } = request.body;
    const row = await createDomain(context, request, domain, domain.explicit_domain_id);
    return { body: { domain: showDomain(request.origin, row) } };
  });

  http.serve(show, async ({ origin, params: { domainId = '' } }) => {
    const row = await directory.domain(domainId);
    if (!row) throw notFound('domain', domainId);
    return { body: { domain: showDomain(origin, row) } };
  });

  http.serve(update, async (request) => {
    const { domainId = '' } = request.params;
    const row = await updateDomain(context, request, domainId, request.body.domain);
    return { body: { domain: showDomain(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    await deleteDomain(context, request, request.params.domainId ?? '');
    return {};
  });
};
