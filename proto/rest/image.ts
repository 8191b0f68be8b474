/** Image v2 (OpenStack Glance). Bodies that may hold any property are checked by `agent/image/properties.ts`. */
import { Type } from 'typebox';
import type { Method, PolicyName, Route } from './route.ts';
import { route } from './route.ts';

const image = '/v2/images/:image';

const imageRoute = <const Name extends string, const M extends Method>(
  name: Name,
  method: M,
  path: string,
  status: number,
  policy: PolicyName,
) => route({ api: 'image', name, method, path, policy, status } satisfies Route);

/** Properties by name; values are strings but for Glance's own. */
const Properties = Type.Record(Type.String(), Type.Unknown());

export const imageRoutes = {
  listVersions: imageRoute('listVersions', 'GET', '', 300, 'public'),
  showVersions: imageRoute('showVersions', 'GET', '/versions', 200, 'public'),

  listImages: imageRoute('listImages', 'GET', '/v2/images', 200, 'project'),
  createImage: route({
    api: 'image',
    name: 'createImage',
    method: 'POST',
    path: '/v2/images',
    exact: true,
    policy: 'member',
    body: Properties,
    status: 201,
  }),
  showImage: imageRoute('showImage', 'GET', image, 200, 'project'),
  /** JSON patch: `application/openstack-images-v2.1-json-patch`, or the older 2.0 form. */
  updateImage: route({
    api: 'image',
    name: 'updateImage',
    method: 'PATCH',
    path: image,
    policy: 'member',
    body: Type.Array(Type.Unknown(), { maxItems: 1000 }),
    status: 200,
  }),
  deleteImage: imageRoute('deleteImage', 'DELETE', image, 204, 'member'),
  deactivateImage: imageRoute('deactivateImage', 'POST', `${image}/actions/deactivate`, 204, 'member'),
  reactivateImage: imageRoute('reactivateImage', 'POST', `${image}/actions/reactivate`, 204, 'member'),

  uploadImage: imageRoute('uploadImage', 'PUT', `${image}/file`, 204, 'member'),
  downloadImage: imageRoute('downloadImage', 'GET', `${image}/file`, 200, 'project'),

  addTag: imageRoute('addTag', 'PUT', `${image}/tags/:tag`, 204, 'member'),
  removeTag: imageRoute('removeTag', 'DELETE', `${image}/tags/:tag`, 204, 'member'),

  showSchema: imageRoute('showSchema', 'GET', '/v2/schemas/:schema', 200, 'token'),
  showImportInfo: imageRoute('showImportInfo', 'GET', '/v2/info/import', 200, 'token'),
  /** One store, which has no name: 404, as Glance without several. */
  showStores: imageRoute('showStores', 'GET', '/v2/info/stores', 404, 'token'),
  listTasks: imageRoute('listTasks', 'GET', '/v2/tasks', 200, 'admin'),
  listImageTasks: imageRoute('listImageTasks', 'GET', `${image}/tasks`, 200, 'project'),

  /** Known to clients and not served yet: 501. */
  listMembers: imageRoute('listMembers', 'GET', `${image}/members`, 501, 'project'),
  addMember: imageRoute('addMember', 'POST', `${image}/members`, 501, 'member'),
  showMember: imageRoute('showMember', 'GET', `${image}/members/:member`, 501, 'project'),
  updateMember: imageRoute('updateMember', 'PUT', `${image}/members/:member`, 501, 'member'),
  removeMember: imageRoute('removeMember', 'DELETE', `${image}/members/:member`, 501, 'member'),
  importImage: imageRoute('importImage', 'POST', `${image}/import`, 501, 'member'),
  stageImage: imageRoute('stageImage', 'PUT', `${image}/stage`, 501, 'member'),
  createTask: imageRoute('createTask', 'POST', '/v2/tasks', 501, 'admin'),
} as const;
