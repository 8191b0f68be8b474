/** Image records over HTTP. */
import { ShoalError } from '../../proto/error.ts';
import type { imageRoutes } from '../../proto/rest/image.ts';
import type { Route } from '../../proto/rest/route.ts';
import type { ContentStore } from '../chunk/port.ts';
import { type ApiAnswer, type ApiRequest, actorOf, principalOf } from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { ImageRows } from './images.ts';
import type { Manifests } from './manifest.ts';
import { parsePatch, patchDraft } from './patch.ts';
import { pageOf } from './query.ts';
import { schemas } from './schema.ts';
import type { Uploads } from './upload.ts';
import { imageView } from './view.ts';

export interface Context {
  readonly runtime: Runtime;
  readonly content: ContentStore;
  readonly journal: Journal;
  readonly rows: ImageRows;
  readonly manifests: Manifests;
  readonly uploads: Uploads;
}

export type Serve<R extends Route = Route> = (context: Context, request: ApiRequest<R>) => Promise<ApiAnswer>;

export const imageOf = (request: ApiRequest): string => request.params.image ?? '';

/** Writes the change to the journal. */
export const record = (
  { journal }: Context,
  request: ApiRequest,
  action: string,
  target: string,
  outcome: 'done' | 'refused' = 'done',
  detail?: Readonly<Record<string, unknown>>,
): void => {
  journal.append({
    requestId: request.requestId,
    actor: actorOf(principalOf(request)),
    action,
    target,
    outcome,
    ...(detail ? { detail } : {}),
  });
};

/** What is kept is told: v2.0 to v2.7, Glance's numbering of what a client may expect. */
const versionsBody = (request: ApiRequest) => ({
  versions: [7, 6, 5, 4, 3, 2, 1, 0].map((minor) => ({
    id: `v2.${minor}`,
    status: minor === 7 ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: `${request.origin}/image/v2/` }],
  })),
});

export const listVersions: Serve = async (_context, request) => ({ body: versionsBody(request) });

export const createImage: Serve<typeof imageRoutes.createImage> = async (context, request) => {
  const row = await context.rows.create(principalOf(request), request.body);
  record(context, request, 'image.create', row.id);
  return {
    headers: { Location: `/v2/images/${row.id}` },
    body: imageView(row, context.runtime.clock.wallMs()),
  };
};

export const listImages: Serve = async (context, request) => {
  const { query } = request;
  const rows = await context.rows.list();
  const page = pageOf(rows, query, principalOf(request), context.runtime.clock.wallMs());
  const linkTo = (marker: string | undefined): string => {
    const params = new URLSearchParams(query);
    params.delete('marker');
    if (marker !== undefined) params.set('marker', marker);
    return params.size > 0 ? `/v2/images?${params}` : '/v2/images';
  };
  return {
    body: {
      images: page.images,
      first: linkTo(undefined),
      schema: '/v2/schemas/images',
      ...(page.next === undefined ? {} : { next: linkTo(page.next) }),
    },
  };
};

export const showImage: Serve = async (context, request) => {
  const row = await context.rows.show(principalOf(request), imageOf(request));
  return { body: imageView(row, context.runtime.clock.wallMs()) };
};

export const updateImage: Serve<typeof imageRoutes.updateImage> = async (context, request) => {
  const draft = patchDraft(request.headers['content-type']);
  const changes = parsePatch(request.body, draft);
  const row = await context.rows.update(principalOf(request), imageOf(request), changes, draft);
  if (changes.length > 0)
    record(context, request, 'image.update', row.id, 'done', {
      properties: changes.map(({ op, name }) => `${op} ${name}`),
    });
  return { body: imageView(row, context.runtime.clock.wallMs()) };
};

export const deleteImage: Serve = async (context, request) => {
  const row = await context.rows.delete(principalOf(request), imageOf(request));
  record(context, request, 'image.delete', row.id);
  return {};
};

const setActive =
  (active: boolean): Serve =>
  async (context, request) => {
    const row = await context.rows.setActive(principalOf(request), imageOf(request), active);
    record(context, request, active ? 'image.reactivate' : 'image.deactivate', row.id);
    return {};
  };
export const deactivateImage = setActive(false);
export const reactivateImage = setActive(true);

export const addTag: Serve = async (context, request) => {
  const row = await context.rows.addTag(principalOf(request), imageOf(request), request.params.tag ?? '');
  record(context, request, 'image.update', row.id);
  return {};
};

export const removeTag: Serve = async (context, request) => {
  const row = await context.rows.removeTag(principalOf(request), imageOf(request), request.params.tag ?? '');
  record(context, request, 'image.update', row.id);
  return {};
};

export const showSchema: Serve = async (_context, request) => {
  const schema = schemas[request.params.schema ?? ''];
  if (!schema)
    throw new ShoalError('NOT_FOUND', `There is no schema ${JSON.stringify(request.params.schema)}`);
  return { body: schema };
};

/** No way of import is served: an empty list, which clients take for "upload instead". */
export const showImportInfo: Serve = async () => ({
  body: { 'import-methods': { description: 'Import methods available.', type: 'array', value: [] } },
});

export const showStores: Serve = async () => {
  throw new ShoalError('NOT_FOUND', 'Multi backend is not configured at this site.');
};

/** Nothing runs as a task here: both lists are empty and true. */
export const listTasks: Serve = async () => ({
  body: { tasks: [], first: '/v2/tasks', schema: '/v2/schemas/tasks' },
});
export const listImageTasks: Serve = async (context, request) => {
  await context.rows.show(principalOf(request), imageOf(request));
  return { body: { tasks: [] } };
};

export const refuseUnserved: Serve = async (_context, request) => {
  throw new ShoalError('NOT_IMPLEMENTED', `Cannot serve ${request.route.name}: it is not there yet`);
};
