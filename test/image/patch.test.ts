import test from 'ava';
import { patchType, serveImages } from './serve.ts';

test('patch: add, replace and remove change one property each, in their order', async (t) => {
  const { create, patch, show } = await serveImages(t);
  const { id } = await create({ a: '1' });
  const answer = await patch(id, [
    { op: 'replace', path: '/name', value: 'two' },
    { op: 'add', path: '/b', value: '2' },
    { op: 'add', path: '/a', value: '3' },
    { op: 'replace', path: '/min_ram', value: 64 },
    { op: 'add', path: '/tags', value: ['x', 'y', 'x'] },
    { op: 'add', path: '/with~1slash~0', value: 'v' },
    { op: 'remove', path: '/b' },
  ]);
  t.is(answer.status, 200);
  const image = await show(id);
  t.like(image, { name: 'two', a: '3', min_ram: 64, tags: ['x', 'y'], 'with/slash~': 'v' });
  t.false('b' in image);
});

test('patch: the older media type names the operation by its key', async (t) => {
  const { create, patch, show } = await serveImages(t);
  const type = 'application/openstack-images-v2.0-json-patch';
  const { id } = await create({ a: '1' });
  t.is((await patch(id, [{ replace: '/name', value: 'two' }], { type })).status, 200);
  t.is((await patch(id, [{ add: '/a', value: '2' }], { type })).status, 409);
  t.is((await patch(id, [{ add: '/b', remove: '/a', value: '2' }], { type })).status, 400);
  t.is((await patch(id, [{ remove: '/a' }], { type })).status, 200);
  t.is((await show(id)).name, 'two');
});

test('patch: what cannot be is refused and nothing of it is done', async (t) => {
  const { create, patch, show } = await serveImages(t);
  const { id } = await create({ a: '1' });
  const status = async (...changes: unknown[]): Promise<number> => (await patch(id, changes)).status;
  const rename = { op: 'replace', path: '/name', value: 'two' };
  for (const name of [
    'status',
    'id',
    'size',
    'checksum',
    'file',
    'os_hash_value',
    'deleted',
    'os_glance_x',
    'locations',
  ])
    t.is(await status(rename, { op: 'replace', path: `/${name}`, value: 'x' }), 403, name);
  t.is(await status(rename, { op: 'remove', path: '/name' }), 403);
  t.is(await status(rename, { op: 'replace', path: '/none', value: 'x' }), 409);
  t.is(await status(rename, { op: 'remove', path: '/none' }), 409);
  for (const change of [
    { op: 'move', path: '/a', value: 'x' },
    { path: '/a', value: 'x' },
    { op: 'add', value: 'x' },
    { op: 'add', path: '/a' },
    { op: 'add', path: 'a', value: 'x' },
    { op: 'add', path: '/a/b', value: 'x' },
    { op: 'add', path: '/a//b', value: 'x' },
    { op: 'add', path: '/a/', value: 'x' },
    { op: 'add', path: '/a~2', value: 'x' },
    { op: 'add', path: '/a', value: 7 },
    { op: 'replace', path: '/disk_format', value: 'wrong' },
    { op: 'replace', path: '/visibility', value: 'secret' },
    'text',
    null,
  ])
    t.is(await status(rename, change), 400, JSON.stringify(change));
  t.is((await patch(id, { op: 'add' })).status, 400);
  t.is((await patch(id, [], { type: 'application/json' })).status, 415);
  t.is((await patch('11111111-2222-3333-4444-555555555555', [rename])).status, 404);
  t.like(await show(id), { name: 'one', a: '1' });
});

test('patch: making public and giving away take an admin', async (t) => {
  const { create, patch, show } = await serveImages(t);
  const { id } = await create();
  const publicize = [{ op: 'replace', path: '/visibility', value: 'public' }];
  const give = [{ op: 'replace', path: '/owner', value: 'p2' }];
  t.is((await patch(id, publicize)).status, 403);
  t.is((await patch(id, give)).status, 403);
  t.is((await patch(id, publicize, { token: 'admin' })).status, 200);
  t.is((await patch(id, [{ op: 'replace', path: '/name', value: 'mine' }])).status, 200);
  t.is((await patch(id, give, { token: 'admin' })).status, 200);
  t.like(await show(id, 'member:p2'), { owner: 'p2', visibility: 'public', name: 'mine' });
});

test('patch: formats are fixed once there are bytes', async (t) => {
  const { create, patch, upload } = await serveImages(t);
  const { id } = await create();
  const change = [{ op: 'replace', path: '/disk_format', value: 'iso' }];
  t.is((await patch(id, change)).status, 200);
  t.is((await patch(id, [{ op: 'replace', path: '/disk_format', value: 'raw' }])).status, 200);
  await upload(id, Buffer.from('1'));
  t.is((await patch(id, change)).status, 403);
});

test('patch: properties and tags beyond their number are too many', async (t) => {
  const { create, patch } = await serveImages(t);
  const { id } = await create();
  const many = Array.from({ length: 129 }, (_, at) => ({ op: 'add', path: `/p${at}`, value: 'v' }));
  t.is((await patch(id, many)).status, 413);
  t.is((await patch(id, many.slice(0, 128))).status, 200);
  const tags = Array.from({ length: 129 }, (_, at) => `t${at}`);
  t.is((await patch(id, [{ op: 'replace', path: '/tags', value: tags }])).status, 413);
});

test('patch: an empty list changes nothing and answers the image', async (t) => {
  const { create, patch, journal } = await serveImages(t);
  const { id } = await create();
  const answer = await patch(id, [], { type: `${patchType}; charset=utf-8` });
  t.is(answer.status, 200);
  t.is(journal.events.length, 1);
});

test('patch: a pointer that cannot be put into words is refused like any other', async (t) => {
  const { create, patch } = await serveImages(t);
  const { id } = await create({});
  for (const path of [{ toString: 1 }, { toString: null, valueOf: 2 }, [], null])
    t.is((await patch(id, [{ op: 'replace', path, value: 'x' }])).status, 400);
  t.is((await patch(id, [{ op: { toString: 1 }, path: '/name', value: 'x' }])).status, 400);
});
