/** Image v2: joins records, use cases and routes, and gives compute its way to an image's bytes. */
import { ShoalError } from '../../proto/error.ts';
import { imageRoutes } from '../../proto/rest/image.ts';
import type { Route } from '../../proto/rest/route.ts';
import type { Content, ContentStore } from '../chunk/port.ts';
import type { ApiServer, Handler, Principal } from '../http/port.ts';
import { glanceShape } from '../http/shape.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Tables } from '../table/port.ts';
import { openImageRows } from './images.ts';
import { imageClaims, judgeImage } from './judge-image.ts';
import { openManifests } from './manifest.ts';
import { type ImageRow, openRecords } from './records.ts';
import * as file from './serve-file.ts';
import * as images from './serve-images.ts';
import { openUploads } from './upload.ts';

export interface ImageParts {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly content: ContentStore;
  readonly journal: Journal;
  readonly http: ApiServer;
}

export interface ImageSettings {
  /** Take bytes of another, harmless format than the declared one. Default false, as Glance's default. */
  readonly lenientFormats?: boolean;
}

/** For compute. */
export interface Images {
  /** The record, if the caller may use it. Throws NOT_FOUND. */
  get(principal: Principal, id: string): Promise<ImageRow>;
  /** The record and its bytes, for an agent that acts on a server's behalf. Throws NOT_FOUND, CONFLICT (no bytes yet). */
  open(id: string): Promise<{ readonly record: ImageRow; readonly content: Content }>;
}

const handlers = {
  listVersions: images.listVersions,
  showVersions: images.listVersions,
  listImages: images.listImages,
  createImage: images.createImage,
  showImage: images.showImage,
  updateImage: images.updateImage,
  deleteImage: images.deleteImage,
  deactivateImage: images.deactivateImage,
  reactivateImage: images.reactivateImage,
  uploadImage: file.uploadImage,
  downloadImage: file.downloadImage,
  addTag: images.addTag,
  removeTag: images.removeTag,
  showSchema: images.showSchema,
  showImportInfo: images.showImportInfo,
  showStores: images.showStores,
  listTasks: images.listTasks,
  listImageTasks: images.listImageTasks,
  listMembers: images.refuseUnserved,
  addMember: images.refuseUnserved,
  showMember: images.refuseUnserved,
  updateMember: images.refuseUnserved,
  removeMember: images.refuseUnserved,
  importImage: images.refuseUnserved,
  stageImage: images.refuseUnserved,
  createTask: images.refuseUnserved,
} as const satisfies {
  readonly [Name in keyof typeof imageRoutes]: images.Serve<(typeof imageRoutes)[Name]>;
};

export const openImages = (
  { runtime, tables, content, journal, http }: ImageParts,
  settings: ImageSettings = {},
): Images => {
  const records = openRecords(tables);
  const manifests = openManifests(records);
  content.judgeBy(imageClaims, judgeImage({ ...records, manifests }));
  const rows = openImageRows({ runtime, records, manifests, content });
  const uploads = openUploads(
    { runtime, records, manifests, content, rows },
    { lenient: settings.lenientFormats ?? false },
  );
  const context: images.Context = { runtime, content, journal, rows, manifests, uploads };
  http.shapeErrors('image', glanceShape);
  const serve = <R extends Route>(route: R, handler: images.Serve<R>): void => {
    const served: Handler<R> = (request) => handler(context, request);
    http.serve(route, served);
  };
  for (const name of Object.keys(imageRoutes) as (keyof typeof imageRoutes)[])
    serve(imageRoutes[name] as Route, handlers[name] as images.Serve);
  return {
    get: rows.show,
    async open(id) {
      const record = await rows.get(id);
      if (!record.data)
        throw new ShoalError('CONFLICT', `Image ${id} has no bytes yet: its status is ${record.status}`);
      return { record, content: await manifests.get(record.id, record.data.upload) };
    },
  };
};
