import test from 'ava';
import { imageRoutes } from '../../proto/rest/image.ts';
import { apiPrefix } from '../../proto/rest/route.ts';
import { octets, patchType, serveImages } from './serve.ts';

/** What each route answers, in an order in which each can succeed. */
const expected: Readonly<Record<keyof typeof imageRoutes, number>> = {
  listVersions: 300,
  showVersions: 200,
  createImage: 201,
  showImage: 200,
  listImages: 200,
  updateImage: 200,
  uploadImage: 204,
  downloadImage: 200,
  deactivateImage: 204,
  reactivateImage: 204,
  addTag: 204,
  removeTag: 204,
  showSchema: 200,
  showImportInfo: 200,
  showStores: 404,
  listTasks: 200,
  listImageTasks: 200,
  listMembers: 501,
  addMember: 501,
  showMember: 501,
  updateMember: 501,
  removeMember: 501,
  importImage: 501,
  stageImage: 501,
  createTask: 501,
  deleteImage: 204,
};

test('routes: every route of Image is served as its table says', async (t) => {
  const { call, create } = await serveImages(t);
  t.deepEqual(Object.keys(expected).sort(), Object.keys(imageRoutes).sort());
  const { id } = await create({}, 'admin');
  for (const name of Object.keys(expected) as (keyof typeof imageRoutes)[]) {
    const { method, path } = imageRoutes[name];
    const filled = path
      .replace(':image', id)
      .replace(':tag', 'tag')
      .replace(':schema', 'image')
      .replace(':member', 'p2');
    t.truthy(apiPrefix.image);
    const answer = await call(method, filled, {
      token: 'admin',
      ...(name === 'createImage' ? { json: {} } : {}),
      ...(name === 'updateImage' ? { json: [], headers: { 'Content-Type': patchType } } : {}),
      ...(name === 'uploadImage' ? { bytes: Buffer.from('1'), headers: octets } : {}),
    });
    await answer.arrayBuffer();
    t.is(answer.status, expected[name], name);
  }
});

test('routes: versions, schemas and import methods are what clients look for', async (t) => {
  const { call, url } = await serveImages(t);
  const versions = (await (await call('GET', '', { token: null })).json()) as {
    versions: { id: string; status: string; links: { href: string }[] }[];
  };
  t.like(versions.versions[0], {
    id: 'v2.7',
    status: 'CURRENT',
    links: [{ rel: 'self', href: `${url}/v2/` }],
  });
  const image = (await (await call('GET', '/v2/schemas/image')).json()) as {
    name: string;
    properties: object;
  };
  t.is(image.name, 'image');
  t.true('os_hash_value' in image.properties);
  t.like(await (await call('GET', '/v2/schemas/images')).json(), { name: 'images' });
  t.is((await call('GET', '/v2/schemas/none')).status, 404);
  t.like(await (await call('GET', '/v2/info/import')).json(), { 'import-methods': { value: [] } });
});

test('routes: errors are in Glance’s words', async (t) => {
  const { call } = await serveImages(t);
  const none = await call('GET', '/v2/images/11111111-2222-3333-4444-555555555555');
  t.is(none.status, 404);
  t.regex(await none.text(), /<h1>404 Not Found<\/h1>\s+No image found with ID 11111111/);
  t.is((await call('GET', '/v1/images')).status, 404);
  t.is((await call('PUT', '/v2/images')).status, 405);
});
