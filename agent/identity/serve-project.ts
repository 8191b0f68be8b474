/** Projects: what servers, images and objects belong to. */
import { ShoalError } from '../../proto/error.ts';
import { newHexId } from '../../proto/ids.ts';
import { identityRoutes } from '../../proto/rest/identity.ts';
import { isAdmin, principalOf } from '../http/port.ts';
import { type IdentityContext, journaled } from './context.ts';
import { badRequest, forbidden, notFound } from './error.ts';
import { extraOf, mustStay } from './extra.ts';
import { flag, listed, matches, rowsFor } from './filter.ts';
import type { ProjectRow } from './records.ts';
import { removeProject } from './removal.ts';
import { listLinks, showProject } from './render.ts';

const own = ['name', 'description', 'enabled', 'options', 'domain_id', 'parent_id', 'is_domain', 'tags'];

const filters = {
  name: ({ name }: ProjectRow) => name,
  domain_id: ({ domainId }: ProjectRow) => domainId,
  parent_id: ({ parentId }: ProjectRow) => parentId,
  enabled: ({ enabled }: ProjectRow) => enabled,
};

export const serveProject = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, create, show, update, remove } = identityRoutes.project;

  /** The parent decides the domain where only it is named. Throws BAD_REQUEST. */
  const placeOf = async (domain: string | undefined, parent: string | undefined) => {
    const above = parent !== undefined && parent !== domain ? await directory.project(parent) : undefined;
    const domainId = domain ?? above?.domainId ?? parent ?? 'default';
    if (!(await directory.domain(domainId))) throw badRequest(`Could not find domain: ${domainId}.`);
    if (parent === undefined || parent === domainId) return { domainId, parentId: domainId };
    if (!above) throw badRequest(`Could not find project: ${parent}.`);
    if (above.domainId !== domainId)
      throw badRequest(
        `Cannot create project, since it specifies its domain_id ${domainId}, but specifies a parent in a different domain (${above.domainId}).`,
      );
    if (!above.enabled)
      throw badRequest(`cannot create a project in a branch containing a disabled project: ${parent}`);
    return { domainId, parentId: parent };
  };

  http.serve(list, async ({ origin, query }) => {
    // Domains are no projects here; whoever asks for projects that are domains gets the empty list.
    const rows = flag(query, 'is_domain')
      ? []
      : (await rowsFor(directory, directory.projects, query)).filter(matches<ProjectRow>(query, filters));
    return {
      body: {
        ...listed('projects', rows, (row) => showProject(origin, row)),
        ...listLinks(origin, 'projects'),
      },
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.project;
    if (asked.is_domain)
      throw new ShoalError('NOT_IMPLEMENTED', 'Cannot create a project that is a domain: create a domain');
    const row: ProjectRow = {
      id: newHexId(),
      name: asked.name.trim(),
      description: asked.description ?? '',
      enabled: asked.enabled ?? true,
      ...(await placeOf(asked.domain_id ?? undefined, asked.parent_id ?? undefined)),
      tags: asked.tags ?? [],
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'project.create', row.id, () =>
      directory.changing('project', row.id, () => directory.projects.create(row.domainId, row)),
    );
    return { body: { project: showProject(request.origin, row) } };
  });

  http.serve(show, async (request) => {
    const { id = '' } = request.params;
    const caller = principalOf(request);
    if (!isAdmin(caller) && !(caller.scope.kind === 'project' && caller.scope.id === id))
      throw forbidden('identity:get_project');
    const row = await directory.project(id);
    if (!row) throw notFound('project', id);
    return { body: { project: showProject(request.origin, row) } };
  });

  http.serve(update, async (request) => {
    const { id = '' } = request.params;
    const asked = request.body.project;
    const present = await directory.project(id);
    if (!present) throw notFound('project', id);
    const next = (row: ProjectRow): ProjectRow => {
      mustStay('domain_id', asked.domain_id, row.domainId);
      mustStay('parent_id', asked.parent_id, row.parentId);
      mustStay('is_domain', asked.is_domain, false);
      return {
        ...row,
        name: asked.name?.trim() ?? row.name,
        description: asked.description === undefined ? row.description : (asked.description ?? ''),
        enabled: asked.enabled ?? row.enabled,
        tags: asked.tags ?? row.tags,
        extra: { ...row.extra, ...extraOf(asked, own) },
      };
    };
    const row = await journaled(context, request, 'project.update', id, () =>
      directory.changing('project', id, () => directory.projects.change(present.domainId, id, next)),
    );
    return { body: { project: showProject(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    const { id = '' } = request.params;
    await journaled(context, request, 'project.delete', id, () => removeProject(context, id));
    return {};
  });
};
