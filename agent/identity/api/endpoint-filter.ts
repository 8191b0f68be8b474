/** OS-EP-FILTER: a project that was given endpoints, one by one or by a filter, sees no others in its catalog. */
import { ShoalError } from '../../../proto/error.ts';
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { mapLimit } from '../../base/map-limit.ts';
import type { ApiRequest } from '../../http/port.ts';
import { fitsGroup } from '../catalog.ts';
import type { EndpointGroupRow, EndpointRow, Share } from '../catalog-store.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { isDefined } from '../effective.ts';
import { notFound } from '../error.ts';
import { readsMax } from '../limits.ts';
import { showEndpoint } from './catalog.ts';
import { listed, matches } from './filter.ts';
import { selfOf } from './render.ts';

const prefix = 'OS-EP-FILTER';

const showGroup = (origin: string, { id, name, description, filters }: EndpointGroupRow) => ({
  id,
  name,
  description,
  filters,
  ...selfOf(origin, `${prefix}/endpoint_groups/${id}`),
});

export const serveEndpointFilter = (context: IdentityContext): void => {
  const { http, store, catalog, directory } = context;
  const { endpointGroup, projectEndpoint } = identityRoutes;

  const groupAt = async (id: string): Promise<EndpointGroupRow> => {
    const row = await store.groups.get(id);
    if (!row) throw notFound('endpoint group', id);
    return row;
  };
  const endpoints = async (origin: string): Promise<readonly EndpointRow[]> => [
    ...catalog.builtIn(origin).endpoints,
    ...(await store.endpoints.list()),
  ];
  const change = <Result>(request: ApiRequest, action: string, id: string, work: () => Promise<Result>) =>
    journaled(context, request, action, id, () => store.changing(work));

  http.serve(endpointGroup.list, async (request) => {
    const { origin, query } = request;
    const rows = (await store.groups.list()).filter(
      matches(query, { name: ({ name }: EndpointGroupRow) => name }),
    );
    return {
      body: listed(request, { key: 'endpoint_groups', path: `${prefix}/endpoint_groups` }, rows, (row) =>
        showGroup(origin, row),
      ),
    };
  });
  http.serve(endpointGroup.create, async (request) => {
    const asked = request.body.endpoint_group;
    const row: EndpointGroupRow = {
      id: newHexId(),
      name: asked.name,
      description: asked.description ?? null,
      filters: asked.filters,
    };
    await change(request, 'endpoint_group.create', row.id, () => store.groups.create(row));
    return { body: { endpoint_group: showGroup(request.origin, row) } };
  });
  http.serve(endpointGroup.show, async ({ origin, params: { endpointGroupId = '' } }) => ({
    body: { endpoint_group: showGroup(origin, await groupAt(endpointGroupId)) },
  }));
  http.serve(endpointGroup.check, async ({ params: { endpointGroupId = '' } }) => {
    await groupAt(endpointGroupId);
    return {};
  });
  http.serve(endpointGroup.update, async (request) => {
    const { endpointGroupId: id = '' } = request.params;
    const asked = request.body.endpoint_group;
    const row = await change(request, 'endpoint_group.update', id, () =>
      store.groups.change(id, (present) => ({
        ...present,
        name: asked.name ?? present.name,
        description: asked.description === undefined ? present.description : asked.description,
        filters: asked.filters ? { ...present.filters, ...asked.filters } : present.filters,
      })),
    );
    return { body: { endpoint_group: showGroup(request.origin, row) } };
  });
  http.serve(endpointGroup.remove, async (request) => {
    const { endpointGroupId: id = '' } = request.params;
    await groupAt(id);
    // A project without the group it was given would see all endpoints again, so its share goes with the group.
    await change(request, 'endpoint_group.delete', id, async () => {
      await store.groups.delete(id);
      for (const projectId of await store.shares.projectsOf(`group/${id}`))
        await store.shares.remove(projectId, `group/${id}`);
    });
    return {};
  });

  http.serve(endpointGroup.endpoints, async (request) => {
    const { origin, params } = request;
    const { endpointGroupId = '' } = params;
    const group = await groupAt(endpointGroupId);
    const rows = (await endpoints(origin)).filter((row) => fitsGroup(group, row));
    return {
      body: listed(
        request,
        { key: 'endpoints', path: `${prefix}/endpoint_groups/${endpointGroupId}/endpoints` },
        rows,
        (row) => showEndpoint(origin, row),
      ),
    };
  });

  const shareOf = ({ endpointGroupId, endpointId = '' }: Readonly<Record<string, string>>): Share =>
    endpointGroupId === undefined ? `endpoint/${endpointId}` : `group/${endpointGroupId}`;
  /** What is shared and with whom must both be. Throws NOT_FOUND. */
  const pair = async ({ origin, params }: Pick<ApiRequest, 'origin' | 'params'>) => {
    const { projectId = '', endpointGroupId, endpointId = '' } = params;
    if (endpointGroupId !== undefined) await groupAt(endpointGroupId);
    else if (!(await endpoints(origin)).some(({ id }) => id === endpointId))
      throw notFound('endpoint', endpointId);
    if (!(await directory.project(projectId))) throw notFound('project', projectId);
    return { projectId, share: shareOf(params) };
  };
  const mustBeShared = async (projectId: string, share: Share): Promise<void> => {
    if (await store.shares.has(projectId, share)) return;
    throw new ShoalError('NOT_FOUND', `Could not find ${share.replace('/', ' ')} in project ${projectId}.`);
  };

  for (const route of [endpointGroup.add, projectEndpoint.add])
    http.serve(route, async (request) => {
      const { projectId, share } = await pair(request);
      await journaled(context, request, 'endpoint.share', `${projectId} ${share}`, () =>
        store.shares.add(projectId, share),
      );
      return {};
    });
  for (const route of [endpointGroup.take, projectEndpoint.remove])
    http.serve(route, async (request) => {
      const { projectId = '' } = request.params;
      const share = shareOf(request.params);
      await mustBeShared(projectId, share);
      await journaled(context, request, 'endpoint.unshare', `${projectId} ${share}`, () =>
        store.shares.remove(projectId, share),
      );
      return {};
    });
  http.serve(projectEndpoint.check, async (request) => {
    const { projectId, share } = await pair(request);
    await mustBeShared(projectId, share);
    return {};
  });
  http.serve(endpointGroup.showOf, async (request) => {
    const { projectId, share } = await pair(request);
    await mustBeShared(projectId, share);
    const group = await groupAt(request.params.endpointGroupId ?? '');
    return { body: { endpoint_group: showGroup(request.origin, group) } };
  });

  for (const route of [endpointGroup.projects, projectEndpoint.projects])
    http.serve(route, async (request) => {
      const { origin, params } = request;
      const ids = await store.shares.projectsOf(shareOf(params));
      const rows = (await mapLimit(ids, readsMax, (id) => directory.project(id))).filter(isDefined);
      return {
        body: listed(request, { key: 'projects', path: `${prefix}/projects` }, rows, ({ id }) => ({
          id,
          ...selfOf(origin, `projects/${id}`),
        })),
      };
    });

  const sharedGroups = async (projectId: string): Promise<readonly EndpointGroupRow[]> => {
    const shares = await store.shares.of(projectId);
    return (await store.groups.list()).filter(({ id }) => shares.includes(`group/${id}`));
  };
  http.serve(endpointGroup.ofProject, async (request) => {
    const { origin, params } = request;
    const { projectId = '' } = params;
    return {
      body: listed(
        request,
        { key: 'endpoint_groups', path: `${prefix}/projects/${projectId}/endpoint_groups` },
        await sharedGroups(projectId),
        (row) => showGroup(origin, row),
      ),
    };
  });
  http.serve(projectEndpoint.list, async (request) => {
    const { origin, params } = request;
    const { projectId = '' } = params;
    const [groups, shares] = await Promise.all([sharedGroups(projectId), store.shares.of(projectId)]);
    const rows = (await endpoints(origin)).filter(
      (row) => shares.includes(`endpoint/${row.id}`) || groups.some((group) => fitsGroup(group, row)),
    );
    return {
      body: listed(
        request,
        { key: 'endpoints', path: `${prefix}/projects/${projectId}/endpoints` },
        rows,
        (row) => showEndpoint(origin, row),
      ),
    };
  });
};
