import { createHash } from 'node:crypto';
import test from 'ava';
import * as disks from './disks.ts';
import { octets, serveImages } from './serve.ts';

const hash = (name: string, bytes: Uint8Array): string => createHash(name).update(bytes).digest('hex');

test('image: a new record is queued, shared and owned by the caller’s project', async (t) => {
  const { call } = await serveImages(t);
  const answer = await call('POST', '/v2/images', {
    json: {
      name: 'one',
      disk_format: 'qcow2',
      container_format: 'bare',
      min_disk: 1,
      tags: ['a'],
      hw_arch: 'x',
    },
  });
  t.is(answer.status, 201);
  const image = (await answer.json()) as Record<string, unknown>;
  t.is(answer.headers.get('location'), `/v2/images/${image.id}`);
  t.like(image, {
    name: 'one',
    status: 'queued',
    visibility: 'shared',
    owner: 'p1',
    protected: false,
    os_hidden: false,
    size: null,
    virtual_size: null,
    checksum: null,
    os_hash_algo: null,
    min_disk: 1,
    min_ram: 0,
    tags: ['a'],
    hw_arch: 'x',
    schema: '/v2/schemas/image',
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
  });
  t.false('direct_url' in image);
  t.regex(String(image.created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test('image: an id may be chosen once', async (t) => {
  const { call, create } = await serveImages(t);
  const id = '11111111-2222-3333-4444-555555555555';
  t.is((await create({ id })).id, id);
  t.is((await call('POST', '/v2/images', { json: { id } })).status, 409);
  t.is((await call('POST', '/v2/images', { json: { id: 'mine' } })).status, 400);
});

test('image: a record that cannot be is refused', async (t) => {
  const { call } = await serveImages(t);
  const status = async (json: unknown): Promise<number> =>
    (await call('POST', '/v2/images', { json })).status;
  for (const json of [
    { disk_format: 'wrong' },
    { container_format: 'wrong' },
    { visibility: 'secret' },
    { name: 'n'.repeat(256) },
    { name: 1 },
    { min_disk: -1 },
    { min_ram: 1.5 },
    { protected: 'yes' },
    { tags: 'a' },
    { tags: ['t'.repeat(256)] },
    { own: 5 },
    { ['k'.repeat(256)]: 'v' },
    [],
    'text',
  ])
    t.is(await status(json), 400, JSON.stringify(json).slice(0, 40));
  for (const name of [
    'status',
    'checksum',
    'size',
    'direct_url',
    'self',
    'schema',
    'location',
    'os_glance_x',
  ])
    t.is(await status({ [name]: 'x' }), 403, name);
  t.is(await status({ visibility: 'public' }), 403);
  t.is(await status({ owner: 'p2' }), 403);
  t.is(await status({ locations: [] }), 403);
});

test('image: uploaded bytes come back, with their checksums and sizes', async (t) => {
  const { create, upload, call, show } = await serveImages(t);
  const bytes = disks.qcow2();
  const { id } = await create({ disk_format: 'qcow2' });
  t.is((await call('GET', `/v2/images/${id}/file`)).status, 204);
  t.is((await upload(id, bytes)).status, 204);
  t.like(await show(id), {
    status: 'active',
    size: bytes.length,
    virtual_size: 1_073_741_824,
    checksum: hash('md5', bytes),
    os_hash_algo: 'sha512',
    os_hash_value: hash('sha512', bytes),
  });
  const get = await call('GET', `/v2/images/${id}/file`);
  t.is(get.status, 200);
  t.is(get.headers.get('content-md5'), hash('md5', bytes));
  t.is(get.headers.get('content-type'), 'application/octet-stream');
  t.is(get.headers.get('content-length'), String(bytes.length));
  t.true(Buffer.from(await get.arrayBuffer()).equals(Buffer.from(bytes)));
});

test('image: a part may be downloaded', async (t) => {
  const { create, upload, call } = await serveImages(t);
  const { id } = await create();
  await upload(id, Buffer.from('0123456789'));
  const get = (range: string) => call('GET', `/v2/images/${id}/file`, { headers: { Range: range } });
  const part = await get('bytes=2-4');
  t.is(part.status, 206);
  t.is(part.headers.get('content-range'), 'bytes 2-4/10');
  t.is(await part.text(), '234');
  t.is(await (await get('bytes=-3')).text(), '789');
  t.is((await get('bytes=10-')).status, 416);
  t.is((await get('bytes=x')).status, 416);
  t.is((await get('bytes=0-1,3-4')).status, 200);
});

test('image: a second upload is refused', async (t) => {
  const { create, upload } = await serveImages(t);
  const { id } = await create();
  t.is((await upload(id, Buffer.from('1'))).status, 204);
  t.is((await upload(id, Buffer.from('2'))).status, 409);
});

test('image: an upload needs formats, the right type and an image', async (t) => {
  const { create, upload, call } = await serveImages(t);
  const { id } = await create({ disk_format: null });
  t.is((await upload(id, Buffer.from('1'))).status, 400);
  const other = await create();
  const wrong = await call('PUT', `/v2/images/${other.id}/file`, {
    bytes: Buffer.from('1'),
    headers: { 'Content-Type': 'text/plain' },
  });
  t.is(wrong.status, 415);
  t.is((await upload('11111111-2222-3333-4444-555555555555', Buffer.from('1'))).status, 404);
  t.is((await upload('nonsense', Buffer.from('1'))).status, 404);
});

test('image: dangerous bytes are refused, leave nothing, and the image takes better ones', async (t) => {
  const { create, upload, show, content, journal } = await serveImages(t);
  const { id } = await create({ disk_format: 'qcow2' });
  const refused = await upload(id, disks.qcow2({ backing: true }));
  t.is(refused.status, 415);
  t.regex(await refused.text(), /it has a backing file/);
  t.is((await upload(id, Buffer.alloc(200_000, 1))).status, 415);
  t.like(await show(id), { status: 'queued', size: null, checksum: null });
  t.is(content.chunks.size, 0);
  t.like(journal.events.at(-1), { action: 'image.upload', outcome: 'refused', target: id });
  t.is((await upload(id, disks.qcow2())).status, 204);
});

test('image: lenient settings take harmless bytes of another format', async (t) => {
  const { create, upload, show } = await serveImages(t, { settings: { lenientFormats: true } });
  const { id } = await create({ disk_format: 'qcow2' });
  t.is((await upload(id, Buffer.alloc(1024, 1))).status, 204);
  t.like(await show(id), { size: 1024, virtual_size: null });
});

test('image: deletion takes record and bytes, once', async (t) => {
  const { create, upload, call, content, list } = await serveImages(t);
  const { id } = await create();
  await upload(id, Buffer.alloc(100_000, 1));
  t.is(content.chunks.size, 1);
  t.is((await call('DELETE', `/v2/images/${id}`)).status, 204);
  t.is(content.chunks.size, 0);
  t.is((await call('GET', `/v2/images/${id}`)).status, 404);
  t.is((await call('DELETE', `/v2/images/${id}`)).status, 404);
  t.deepEqual((await list()).images, []);
});

test('image: a protected one is not deleted until it is not', async (t) => {
  const { create, call, patch } = await serveImages(t);
  const { id } = await create({ protected: true });
  t.is((await call('DELETE', `/v2/images/${id}`)).status, 403);
  t.is((await patch(id, [{ op: 'replace', path: '/protected', value: false }])).status, 200);
  t.is((await call('DELETE', `/v2/images/${id}`)).status, 204);
});

test('image: deactivation keeps its bytes from all but admins', async (t) => {
  const { create, upload, call, show } = await serveImages(t);
  const { id } = await create();
  const act = async (action: string): Promise<number> =>
    (await call('POST', `/v2/images/${id}/actions/${action}`)).status;
  t.is(await act('deactivate'), 403);
  await upload(id, Buffer.from('1'));
  t.is(await act('deactivate'), 204);
  t.is(await act('deactivate'), 204);
  t.is((await show(id)).status, 'deactivated');
  t.is((await call('GET', `/v2/images/${id}/file`)).status, 403);
  t.is((await call('GET', `/v2/images/${id}/file`, { token: 'admin' })).status, 200);
  t.is(await act('reactivate'), 204);
  t.is((await call('GET', `/v2/images/${id}/file`)).status, 200);
});

test('image: tags are put and taken one by one', async (t) => {
  const { create, call, show } = await serveImages(t);
  const { id } = await create();
  t.is((await call('PUT', `/v2/images/${id}/tags/bl%C3%A5`)).status, 204);
  t.is((await call('PUT', `/v2/images/${id}/tags/bl%C3%A5`)).status, 204);
  t.deepEqual((await show(id)).tags, ['blå']);
  t.is((await call('DELETE', `/v2/images/${id}/tags/none`)).status, 404);
  t.is((await call('DELETE', `/v2/images/${id}/tags/bl%C3%A5`)).status, 204);
  t.deepEqual((await show(id)).tags, []);
  t.is((await call('PUT', `/v2/images/${id}/tags/${'t'.repeat(256)}`)).status, 400);
  t.is((await call('PUT', '/v2/images/11111111-2222-3333-4444-555555555555/tags/a')).status, 404);
});

test('image: who may see and change it follows from visibility and owner', async (t) => {
  const { create, call, patch, upload } = await serveImages(t);
  const secret = await create({ visibility: 'private' });
  const shared = await create();
  const community = await create({ visibility: 'community' });
  const open = await create({ visibility: 'public' }, 'admin');
  const see = async (id: string, token: string): Promise<number> =>
    (await call('GET', `/v2/images/${id}`, { token })).status;
  const rename = async (id: string, token: string): Promise<number> =>
    (await patch(id, [{ op: 'replace', path: '/name', value: 'x' }], { token })).status;
  for (const { id } of [secret, shared]) {
    t.is(await see(id, 'member:p2'), 404);
    t.is(await rename(id, 'member:p2'), 404);
    t.is(await see(id, 'reader:p1'), 200);
    t.is(await rename(id, 'reader:p1'), 403);
    t.is(await see(id, 'admin'), 200);
    t.is(await rename(id, 'admin'), 200);
  }
  for (const { id } of [community, open]) {
    t.is(await see(id, 'member:p2'), 200);
    t.is(await rename(id, 'member:p2'), 403);
    t.is((await call('DELETE', `/v2/images/${id}`, { token: 'member:p2' })).status, 403);
    t.is((await upload(id, Buffer.from('1'), 'member:p2')).status, 403);
  }
  t.is((await call('GET', '/v2/images', { token: null })).status, 401);
  t.is((await call('GET', '/v2/images', { token: 'unscoped:u' })).status, 403);
});

test('image: every accepted change is in the journal', async (t) => {
  const { create, upload, patch, call, journal } = await serveImages(t);
  const { id } = await create();
  await upload(id, Buffer.from('12'));
  await patch(id, [{ op: 'add', path: '/a', value: 'b' }]);
  await call('DELETE', `/v2/images/${id}`);
  t.deepEqual(
    journal.events.map(({ action }) => action),
    ['image.create', 'image.upload', 'image.update', 'image.delete'],
  );
  t.like(journal.events[1], { target: id, actor: { userId: 'u-p1' }, detail: { bytes: 2 } });
});

test('image: compute gets records that its caller may use, and bytes by id', async (t) => {
  const { create, upload, images, content } = await serveImages(t);
  const { fakePrincipal } = await import('../fake/http.ts');
  const { id } = await create({ visibility: 'private' });
  await t.throwsAsync(images.open(id), { message: /no bytes yet/ });
  await upload(id, Buffer.from('hello'));
  t.is((await images.get(fakePrincipal('member:p1'), id)).id, id as never);
  await t.throwsAsync(images.get(fakePrincipal('member:p2'), id), { message: /No image found/ });
  const { record, content: bytes } = await images.open(id);
  t.is(record.data?.bytes, 5);
  const pieces: Uint8Array[] = [];
  for await (const piece of content.read(bytes)) pieces.push(Uint8Array.from(piece));
  t.is(Buffer.concat(pieces).toString(), 'hello');
});

test('image: a chunked upload without a length is taken', async (t) => {
  const { create, show, url } = await serveImages(t);
  const { id } = await create();
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('hel'));
      controller.enqueue(Buffer.from('lo'));
      controller.close();
    },
  });
  const put = await fetch(`${url}/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { ...octets, 'X-Auth-Token': 'member:p1' },
    body,
    duplex: 'half',
  } as RequestInit);
  t.is(put.status, 204);
  t.is((await show(id)).size, 5);
});
