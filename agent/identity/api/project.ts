/** Projects: what servers, images and objects belong to. They stand below a domain or below each other. */
import { ShoalError } from '../../../proto/error.ts';
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { type ApiRequest, type Principal, principalOf } from '../../http/port.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { asProject, type Directory, everywhere } from '../directory.ts';
import { badRequest, notFound } from '../error.ts';
import { mustBeMutable } from '../immutable.ts';
import { boundDomain } from '../policy.ts';
import type { Options, ProjectRow } from '../records.ts';
import { removeProject } from '../removal.ts';
import { createDomain, deleteDomain, domainFilters, updateDomain } from './domain.ts';
import { extraOf, mustStay, withOptions } from './extra.ts';
import { flag, listed, matches, rowsFor } from './filter.ts';
import { relatives } from './project-tree.ts';
import { showProject } from './render.ts';
import { matchesTags } from './tag-filter.ts';

const own = ['name', 'description', 'enabled', 'options', 'domain_id', 'parent_id', 'is_domain', 'tags'];

const filters = {
  name: ({ name }: ProjectRow) => name,
  domain_id: ({ domainId }: ProjectRow) => domainId,
  parent_id: ({ parentId }: ProjectRow) => parentId,
  enabled: ({ enabled }: ProjectRow) => enabled,
};

interface Place {
  readonly domain_id?: string | null;
  readonly parent_id?: string | null;
}

/** The parent decides the domain where only it is named, the token's domain where nothing is. Throws BAD_REQUEST. */
const placeOf = async (directory: Directory, caller: Principal, { domain_id, parent_id }: Place) => {
  const parent = parent_id ?? undefined;
  const domain = domain_id ?? (parent === undefined ? boundDomain(caller) : undefined);
  const above = parent === undefined || parent === domain ? undefined : await directory.project(parent);
  const domainId = domain ?? above?.domainId ?? parent ?? 'default';
  const place = await directory.domain(domainId);
  if (!place) throw badRequest(`Could not find domain: ${domainId}.`);
  if (!place.enabled)
    throw badRequest(`cannot create a project in a branch containing a disabled project: ${domainId}`);
  if (parent === undefined || parent === domainId) return { domainId, parentId: domainId };
  if (!above) throw badRequest(`Could not find project: ${parent}.`);
  if (above.domainId !== domainId)
    throw badRequest(
      `Cannot create project, since it specifies its domain_id ${domainId}, but specifies a parent in a different domain (${above.domainId}).`,
    );
  return { domainId, parentId: parent };
};

/** Before a project is enabled or disabled: a branch is never enabled below what is disabled. Throws FORBIDDEN. */
const mustFitBranch = async (
  { tree }: Directory,
  row: ProjectRow,
  enabled: boolean | undefined,
): Promise<void> => {
  if (enabled === undefined || enabled === row.enabled) return;
  if (enabled && (await tree.parents(row)).some((parent) => !parent.enabled))
    throw new ShoalError('FORBIDDEN', `Cannot enable project ${row.id} since it has disabled parents`);
  if (!enabled && (await tree.subtree(row)).some((below) => below.enabled))
    throw new ShoalError(
      'FORBIDDEN',
      `Cannot disable project ${row.id} since its subtree contains enabled projects.`,
    );
};

/** What stands where a project is meant. Throws NOT_FOUND. */
export const projectAt = async (directory: Directory, id: string): Promise<ProjectRow> => {
  const row = await directory.project(id);
  if (!row) throw notFound('project', id);
  return row;
};

/** Changes a project, or the domain that is one. Throws NOT_FOUND, and what `next` throws. */
export const changeProject = async (
  context: IdentityContext,
  request: ApiRequest,
  id: string,
  asked: {
    readonly name?: string;
    readonly description?: string | null;
    readonly enabled?: boolean;
    readonly tags?: readonly string[];
    readonly options?: Options;
  },
  next: (row: ProjectRow) => ProjectRow,
): Promise<ProjectRow> => {
  const { directory } = context;
  const present = await projectAt(directory, id);
  if (present.isDomain) {
    next(present);
    return asProject(await updateDomain(context, request, id, asked));
  }
  await mustFitBranch(directory, present, asked.enabled);
  return journaled(context, request, 'project.update', id, () =>
    directory.changing('project', id, () => directory.projects.change(present.domainId, id, next)),
  );
};

export const serveProject = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, create, show, update, remove } = identityRoutes.project;

  http.serve(list, async (request) => {
    const { origin, query } = request;
    const caller = principalOf(request);
    const only = boundDomain(caller);
    const domains = flag(query, 'is_domain')
      ? (await directory.domains.list(everywhere))
          .filter(({ id }) => only === undefined || id === only)
          .filter(matches(query, domainFilters))
          .map(asProject)
      : undefined;
    const rows =
      domains ??
      (await rowsFor(directory, directory.projects, query, caller)).filter(matches(query, filters));
    return {
      body: listed(request, { key: 'projects', path: 'projects' }, rows.filter(matchesTags(query)), (row) =>
        showProject(origin, row),
      ),
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.project;
    if (asked.is_domain) {
      if (asked.parent_id != null || asked.domain_id != null)
        throw badRequest('only root projects are allowed to act as domains.');
      const domain = await createDomain(context, request, asked);
      return { body: { project: showProject(request.origin, asProject(domain)) } };
    }
    const row: ProjectRow = {
      id: newHexId(),
      name: asked.name.trim(),
      description: asked.description ?? '',
      enabled: asked.enabled ?? true,
      ...(await placeOf(directory, principalOf(request), asked)),
      tags: asked.tags ?? [],
      options: withOptions({}, asked.options),
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'project.create', row.id, async () => {
      await directory.tree.plant(row);
      await directory.changing('project', row.id, () => directory.projects.create(row.domainId, row));
    });
    return { body: { project: showProject(request.origin, row) } };
  });

  http.serve(show, async ({ origin, query, params: { projectId = '' } }) => {
    const row = await projectAt(directory, projectId);
    return {
      body: { project: { ...showProject(origin, row), ...(await relatives(directory, origin, query, row)) } },
    };
  });

  http.serve(update, async (request) => {
    const { projectId = '' } = request.params;
    const asked = request.body.project;
    const row = await changeProject(context, request, projectId, asked, (present) => {
      mustBeMutable('project', present, asked);
      mustStay('domain_id', asked.domain_id, present.isDomain ? null : present.domainId);
      mustStay('parent_id', asked.parent_id, present.isDomain ? null : present.parentId);
      mustStay('is_domain', asked.is_domain, present.isDomain === true);
      return {
        ...present,
        name: asked.name?.trim() ?? present.name,
        description: asked.description === undefined ? present.description : (asked.description ?? ''),
        enabled: asked.enabled ?? present.enabled,
        tags: asked.tags ?? present.tags,
        options: withOptions(present.options, asked.options),
        extra: { ...present.extra, ...extraOf(asked, own) },
      };
    });
    return { body: { project: showProject(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    const { projectId = '' } = request.params;
    const row = await projectAt(directory, projectId);
    if (row.isDomain) await deleteDomain(context, request, projectId);
    else
      await journaled(context, request, 'project.delete', projectId, () => removeProject(context, projectId));
    return {};
  });
};
