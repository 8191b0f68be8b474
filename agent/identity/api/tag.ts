/** Tags of projects. */
import { ShoalError } from '../../../proto/error.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import type { ApiRequest } from '../../http/port.ts';
import type { IdentityContext } from '../context.ts';
import { badRequest } from '../error.ts';
import { mustBeMutable } from '../immutable.ts';
import type { ProjectRow } from '../records.ts';
import { changeProject, projectAt } from './project.ts';
import { linkOf } from './render.ts';

const tagsMax = 80;
const tagCharsMax = 255;

export const serveTag = (context: IdentityContext): void => {
  const { http, directory } = context;
  const { list, replace, clear, check, add, remove } = identityRoutes.tag;

  /** A change of the tags alone; `asked` is the same for a project that is a domain. */
  const change = async (request: ApiRequest, next: (tags: readonly string[]) => readonly string[]) => {
    const { projectId = '' } = request.params;
    const tags = next((await projectAt(directory, projectId)).tags);
    return changeProject(context, request, projectId, { tags }, (row) => {
      mustBeMutable('project', row, { tags });
      return { ...row, tags: next(row.tags) };
    });
  };
  const mustHave = (tags: readonly string[], tag: string): void => {
    if (!tags.includes(tag)) throw new ShoalError('NOT_FOUND', `Could not find project tag: ${tag}.`);
  };
  const show = (request: ApiRequest, { id, tags }: ProjectRow) => ({
    body: { tags, links: { self: linkOf(request.origin, `projects/${id}/tags`) } },
  });

  http.serve(list, async (request) =>
    show(request, await projectAt(directory, request.params.projectId ?? '')),
  );
  http.serve(replace, async (request) => show(request, await change(request, () => request.body.tags)));
  http.serve(clear, async (request) => {
    await change(request, () => []);
    return {};
  });
  http.serve(check, async ({ params: { projectId = '', tag = '' } }) => {
    mustHave((await projectAt(directory, projectId)).tags, tag);
    return {};
  });
  http.serve(add, async (request) => {
    const { projectId = '', tag = '' } = request.params;
    if (tag.length > tagCharsMax || /[,/]/.test(tag))
      throw badRequest(
        `Invalid input for field tag: ${tag} has more than ${tagCharsMax} characters, a comma or a slash.`,
      );
    await change(request, (tags) => {
      if (tags.includes(tag)) return tags;
      if (tags.length >= tagsMax) throw badRequest(`Cannot give a project more than ${tagsMax} tags.`);
      return [...tags, tag];
    });
    return {
      headers: { Location: linkOf(request.origin, `projects/${projectId}/tags/${encodeURIComponent(tag)}`) },
    };
  });
  http.serve(remove, async (request) => {
    const { tag = '' } = request.params;
    await change(request, (tags) => {
      mustHave(tags, tag);
      return tags.filter((one) => one !== tag);
    });
    return {};
  });
};
