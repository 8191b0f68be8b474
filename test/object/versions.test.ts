import test from 'ava';
import { KiB } from '../../proto/units.ts';
import { type Served, serveObjects } from './serve.ts';

const big = (letter: string): string => letter.repeat(20 * KiB);

const keeping = async (served: Served): Promise<void> => {
  await served.call('PUT', '/c', { headers: { 'X-Versions-Enabled': 'true' } });
};
interface Listed {
  readonly name: string;
  readonly version_id: string;
  readonly is_latest: boolean;
  readonly bytes: number;
  readonly content_type: string;
}
const listed = async (served: Served, query = ''): Promise<Listed[]> =>
  (await (await served.call('GET', `/c?versions&${query}`)).json()) as Listed[];

test('versions: every upload stays, by its id, until that is deleted', async (t) => {
  const served = await serveObjects(t);
  const { call, content } = served;
  await keeping(served);
  const ids: string[] = [];
  for (const letter of ['a', 'b', 'c']) {
    const made = await call('PUT', '/c/o', { body: big(letter) });
    ids.push(made.headers.get('x-object-version-id') ?? '');
  }
  t.is(await (await call('GET', '/c/o')).text(), big('c'));
  t.is(await (await call('GET', `/c/o?version-id=${ids[0]}`)).text(), big('a'));
  t.is((await call('HEAD', `/c/o?version-id=${ids[1]}`)).headers.get('x-object-version-id'), ids[1] ?? '');
  const items = await listed(served);
  t.deepEqual(
    items.map(({ version_id: id, is_latest: latest }) => [id, latest]),
    [
      [ids[2], true],
      [ids[1], false],
      [ids[0], false],
    ],
  );
  const head = await call('HEAD', '/c');
  t.is(head.headers.get('x-versions-enabled'), 'True');
  t.is(head.headers.get('x-container-object-count'), '1');
  t.is(head.headers.get('x-container-bytes-used'), String(60 * KiB));
  t.is((await call('DELETE', `/c/o?version-id=${ids[1]}`)).status, 204);
  t.is((await call('GET', `/c/o?version-id=${ids[1]}`)).status, 404);
  t.is((await call('DELETE', `/c/o?version-id=${ids[1]}`)).status, 404);
  t.is(content.chunks.size, 2);
  t.is(await (await call('GET', '/c')).text(), 'o\n');
});

test('versions: a deletion is a marker; the older ones stay and can come back', async (t) => {
  const served = await serveObjects(t);
  const { call, content } = served;
  await keeping(served);
  const first = (await call('PUT', '/c/o', { body: big('a') })).headers.get('x-object-version-id');
  const gone = await call('DELETE', '/c/o');
  t.is(gone.status, 204);
  const marker = gone.headers.get('x-object-version-id');
  t.is((await call('GET', '/c/o')).status, 404);
  t.is((await call('GET', '/c')).status, 204);
  t.deepEqual(
    (await listed(served)).map((item) => [item.version_id, item.is_latest, item.content_type]),
    [
      [marker, true, 'application/x-deleted;swift_versions_deleted=1'],
      [first, false, 'application/octet-stream'],
    ],
  );
  t.is((await call('GET', `/c/o?version-id=${marker}`)).status, 404);
  t.is((await call('DELETE', '/c')).status, 409);
  t.is((await call('PUT', `/c/o?version-id=${first}`, { body: 'x' })).status, 400);
  t.is((await call('PUT', `/c/o?version-id=${first}`, { body: '' })).status, 201);
  t.is(await (await call('GET', '/c/o')).text(), big('a'));
  t.is((await call('DELETE', `/c/o?version-id=${first}`)).status, 204);
  t.is((await call('GET', '/c/o')).status, 404);
  t.is((await call('DELETE', `/c/o?version-id=${marker}`)).status, 204);
  t.is(content.chunks.size, 0);
  t.is((await call('DELETE', '/c')).status, 204);
});

test('versions: what was there before is the version null, and stays that when it is overwritten', async (t) => {
  const served = await serveObjects(t);
  const { call, content } = served;
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: big('a') });
  t.is((await call('HEAD', '/c')).headers.get('x-versions-enabled'), null);
  await call('POST', '/c', { headers: { 'X-Versions-Enabled': 'on' } });
  t.deepEqual(
    (await listed(served)).map((item) => [item.version_id, item.is_latest]),
    [['null', true]],
  );
  t.is(await (await call('GET', '/c/o?version-id=null')).text(), big('a'));
  await call('PUT', '/c/o', { body: big('b') });
  const [, old] = await listed(served);
  t.is(old?.version_id, 'null');
  t.is(await (await call('GET', '/c/o?version-id=null')).text(), big('a'));
  t.is((await listed(served, '&marker=o&version_marker=null')).length, 0);
  await call('POST', '/c', { headers: { 'X-Versions-Enabled': 'false' } });
  t.is((await call('HEAD', '/c')).headers.get('x-versions-enabled'), 'False');
  await call('PUT', '/c/o', { body: big('c') });
  await call('PUT', '/c/o', { body: big('d') });
  t.is((await listed(served)).length, 2, 'd took the place of c, and c that of a, which was null too');
  t.is(content.chunks.size, 2);
  t.is((await call('DELETE', '/c/o')).status, 204);
  t.is((await listed(served)).length, 1);
});

test('versions: a POST changes the version that is current, and it keeps that', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await keeping(served);
  const id = (await call('PUT', '/c/o', { body: '1' })).headers.get('x-object-version-id');
  await call('POST', '/c/o', { headers: { 'X-Object-Meta-A': 'later' } });
  await call('PUT', '/c/o', { body: '2' });
  t.is((await call('HEAD', `/c/o?version-id=${id}`)).headers.get('x-object-meta-a'), 'later');
  t.is((await call('HEAD', '/c/o')).headers.get('x-object-meta-a'), null);
});

test('versions: listings take prefix, delimiter, limit, marker and version_marker', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await keeping(served);
  for (const name of ['a', 'b/1', 'b/2', 'c'])
    for (const body of ['1', '2']) await call('PUT', `/c/${name}`, { body });
  const names = async (query: string) =>
    (await listed(served, query)).map((item) => item.name ?? (item as { subdir?: string }).subdir);
  t.deepEqual(await names(''), ['a', 'a', 'b/1', 'b/1', 'b/2', 'b/2', 'c', 'c']);
  t.deepEqual(await names('delimiter=/'), ['a', 'a', 'b/', 'c', 'c']);
  t.deepEqual(await names('prefix=b/&marker=b/1'), ['b/2', 'b/2']);
  const [newest] = await listed(served);
  t.deepEqual(await names(`marker=a&version_marker=${newest?.version_id}&limit=2`), ['a', 'b/1']);
  t.is((await call('GET', `/c?versions&version_marker=${newest?.version_id}`)).status, 400);
  t.is((await call('GET', '/c/a?version-id=nonsense')).status, 400);
});

test('versions: they are listed backwards too, in pages', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await call('PUT', '/c');
  await call('PUT', '/c/b', { body: '0' });
  await keeping(served);
  for (const name of ['a', 'a', 'b', 'c']) await call('PUT', `/c/${name}`, { body: '1' });
  await call('DELETE', '/c/c');
  await call('POST', '/c', { headers: { 'X-Versions-Enabled': 'false' } });
  await call('PUT', '/c/d', { body: '1' });
  const seen = async (query: string): Promise<string[]> =>
    (await listed(served, query)).map(
      ({ name, version_id: id, is_latest: latest }) => `${name} ${id} ${latest}`,
    );
  const forward = await seen('');
  t.is(forward.length, 7);
  t.is(forward.at(-1), 'd null true');
  const backward = [...forward].reverse();
  t.deepEqual(await seen('reverse=true'), backward);
  const paged: string[] = [];
  for (;;) {
    const [marker, version] = paged.at(-1)?.split(' ') ?? [];
    const page = await seen(
      `reverse=true&limit=2${marker ? `&marker=${marker}&version_marker=${version}` : ''}`,
    );
    paged.push(...page);
    if (page.length < 2) break;
  }
  t.deepEqual(paged, backward);
  t.deepEqual(
    await seen('reverse=true&marker=c&end_marker=a'),
    backward.filter((line) => line.startsWith('b')),
  );
});

test('versions: a listing shows what was posted, and is JSON or nothing', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await keeping(served);
  await call('PUT', '/c/o', { body: '1', headers: { 'Content-Type': 'text/a' } });
  await call('POST', '/c/o', { headers: { 'Content-Type': 'text/b' } });
  await call('PUT', '/c/o', { body: '2', headers: { 'Content-Type': 'text/c' } });
  for (const [query, types] of [
    ['', ['text/c', 'text/b']],
    ['reverse=on', ['text/b', 'text/c']],
  ] as const)
    t.deepEqual(
      (await listed(served, query)).map((item) => item.content_type),
      types,
    );
  t.is((await call('GET', '/c?versions&format=xml')).status, 406);
  t.is((await call('GET', '/c?versions', { headers: { Accept: 'text/plain' } })).status, 406);
  t.is((await call('GET', '/c?versions', { headers: { Accept: 'text/plain, */*;q=0.1' } })).status, 200);
  const [plain] = (await (await call('GET', '/c?format=json')).json()) as Record<string, unknown>[];
  t.is(plain?.version_symlink, true);
  t.regex(String(plain?.symlink_path), /^\/v1\/AUTH_p1\/c\/o\?version-id=/);
});

test('versions: what was never there is marked as deleted, and a mark tells what it is', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await keeping(served);
  const gone = await call('DELETE', '/c/o');
  t.is(gone.status, 404);
  const id = gone.headers.get('x-object-version-id');
  t.like((await listed(served))[0], { name: 'o', version_id: id, is_latest: true });
  const mark = await call('GET', `/c/o?version-id=${id}`);
  t.is(mark.status, 404);
  t.is(mark.headers.get('x-object-version-id'), id);
  t.is(mark.headers.get('content-type'), 'application/x-deleted;swift_versions_deleted=1');
  const version = (await call('PUT', '/c/o', { body: '1' })).headers.get('x-object-version-id');
  const removed = await call('DELETE', `/c/o?version-id=${id}`);
  t.is(removed.headers.get('x-object-version-id'), id);
  t.is(removed.headers.get('x-object-current-version-id'), version);
});

test('versions: a deletion of null takes the name away and leaves the versions', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await keeping(served);
  const id = (await call('PUT', '/c/o', { body: '1' })).headers.get('x-object-version-id');
  t.is((await call('DELETE', '/c/o?version-id=null')).status, 204);
  t.is((await call('GET', '/c/o')).status, 404);
  t.like((await listed(served))[0], { version_id: id, is_latest: false });
  t.is(await (await call('GET', `/c/o?version-id=${id}`)).text(), '1');
  t.is((await call('DELETE', '/c/o?version-id=null')).status, 404);
  t.is((await call('PUT', `/c/o?version-id=${id}`, { body: '' })).status, 201);
  t.is(await (await call('GET', '/c/o')).text(), '1');
  for (const [wrong, status] of [
    ['null', 400],
    ['nonsense', 400],
    ['1234567890.12345', 404],
  ] as const)
    t.is((await call('PUT', `/c/o?version-id=${wrong}`, { body: '' })).status, status, wrong);
  t.is((await call('POST', `/c/o?version-id=${id}`)).status, 400);
  await call('PUT', '/plain');
  await call('PUT', '/plain/o', { body: '1' });
  t.is((await call('GET', `/plain/o?version-id=${id}`)).status, 400);
  t.is((await call('GET', '/plain/o?version-id=null')).status, 200);
});

test('versions: what expires loses its name; its versions are listed and read until they are deleted', async (t) => {
  let nowMs = Date.now();
  const served = await serveObjects(t, { wallMs: () => nowMs });
  const { call } = served;
  await keeping(served);
  await call('PUT', '/c/o', { body: '1', headers: { 'X-Delete-After': '10' } });
  const get = await call('GET', '/c/o');
  const id = get.headers.get('x-object-version-id');
  t.is(get.headers.get('content-location'), `/v1/AUTH_p1/c/o?version-id=${id}`);
  nowMs += 11_000;
  t.is((await call('GET', '/c/o')).status, 404);
  t.like(await listed(served), [{ version_id: id, is_latest: false }]);
  t.is(await (await call('GET', `/c/o?version-id=${id}`)).text(), '1');
  t.is((await call('DELETE', `/c/o?version-id=${id}`)).status, 204);
  t.deepEqual(await listed(served), []);
});

test('versions: a container’s list lets nobody in to what was overwritten', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await keeping(served);
  const id = (await call('PUT', '/c/o', { body: 'old' })).headers.get('x-object-version-id');
  await call('PUT', '/c/o', { body: 'new' });
  const lists = { 'X-Container-Read': '.r:*,p2:*', 'X-Container-Write': 'p2:*' };
  await call('POST', '/c', { headers: lists });
  const old = `/c/o?version-id=${id}`;
  t.is((await call('GET', '/c/o', { token: null })).status, 200);
  t.is((await call('GET', old, { token: null })).status, 401);
  t.is((await call('GET', old, { token: 'member:p2' })).status, 403);
  t.is((await call('COPY', old, { token: 'member:p2', headers: { Destination: 'c/p' } })).status, 403);
  t.is((await call('PUT', old, { token: 'member:p2', body: '' })).status, 403);
  t.is((await call('DELETE', old, { token: 'member:p2' })).status, 403);
  t.is((await call('GET', old, { token: 'reader:p1' })).status, 200);
});

test('versions: a large object goes with the segments of its version', async (t) => {
  const served = await serveObjects(t);
  const { call } = served;
  await keeping(served);
  await call('PUT', '/s');
  const make = async (segment: string): Promise<string> => {
    await call('PUT', `/s/${segment}`, { body: segment });
    const made = await call('PUT', '/c/o?multipart-manifest=put', {
      body: JSON.stringify([{ path: `/s/${segment}` }]),
    });
    return made.headers.get('x-object-version-id') ?? '';
  };
  const first = await make('a');
  await make('b');
  t.is((await call('DELETE', `/c/o?multipart-manifest=delete&version-id=${first}`)).status, 200);
  t.is((await listed(served)).length, 1);
  t.is(await (await call('GET', '/s')).text(), 'b\n');
  t.is(await (await call('GET', '/c/o')).text(), 'b');
});

test('versions: two at once both stay', async (t) => {
  const served = await serveObjects(t);
  await keeping(served);
  await Promise.all(['a', 'b', 'c', 'd'].map((body) => served.call('PUT', '/c/o', { body: big(body) })));
  const items = await listed(served);
  t.is(items.length, 4);
  t.is(items.filter(({ is_latest: latest }) => latest).length, 1);
  const seen = await Promise.all(
    items.map(async ({ version_id: id }) => (await served.call('GET', `/c/o?version-id=${id}`)).text()),
  );
  t.is(new Set(seen).size, 4);
});

test('versions: X-Versions-Location keeps what was overwritten and brings it back by deletion', async (t) => {
  const { call, content } = await serveObjects(t);
  await call('PUT', '/old');
  t.is((await call('PUT', '/c', { headers: { 'X-Versions-Location': 'old' } })).status, 201);
  t.is((await call('HEAD', '/c')).headers.get('x-versions-location'), 'old');
  for (const letter of ['a', 'b', 'c']) await call('PUT', '/c/o', { body: big(letter) });
  const kept = (await (await call('GET', '/old')).text()).trim().split('\n');
  t.is(kept.length, 2);
  t.regex(kept[0] ?? '', /^001o\/\d{10}\.\d{5}$/);
  t.is((await call('DELETE', '/c/o')).status, 204);
  t.is(await (await call('GET', '/c/o')).text(), big('b'));
  await call('DELETE', '/c/o');
  t.is(await (await call('GET', '/c/o')).text(), big('a'));
  await call('DELETE', '/c/o');
  t.is((await call('GET', '/c/o')).status, 404);
  t.is(content.chunks.size, 0);
  t.is((await call('DELETE', '/c/o')).status, 404);
});

test('versions: X-History-Location keeps deletions too', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/old');
  await call('PUT', '/c', { headers: { 'X-History-Location': 'old' } });
  t.is((await call('HEAD', '/c')).headers.get('x-history-location'), 'old');
  await call('PUT', '/c/o', { body: '1' });
  await call('PUT', '/c/o', { body: '2' });
  t.is((await call('DELETE', '/c/o')).status, 204);
  t.is((await call('GET', '/c/o')).status, 404);
  const kept = (await (await call('GET', '/old?format=json')).json()) as { content_type: string }[];
  t.is(kept.length, 3);
  t.is(kept[2]?.content_type, 'application/x-deleted;swift_versions_deleted=1');
});

test('versions: a stack meets the marks of a history where nothing stands, and keeps what it was told', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/old');
  const name = encodeURIComponent('påske');
  const mode = (header: string) => call('POST', '/c', { headers: { [header]: 'old' } });
  const copies = async () => (await (await call('GET', '/old')).text()).split('\n').length - 1;
  await call('PUT', '/c', { headers: { 'X-History-Location': 'old' } });
  await call('PUT', `/c/${name}`, { body: '1' });
  await call('PUT', `/c/${name}`, { body: '2' });
  await call('DELETE', `/c/${name}`);
  t.is(await copies(), 3);
  t.regex(await (await call('GET', '/old')).text(), /^006påske\//);
  await mode('X-Versions-Location');
  t.is((await call('DELETE', `/c/${name}`)).status, 204);
  t.is(await (await call('GET', `/c/${name}`)).text(), '2', 'the copy before the mark');
  t.is(await copies(), 1);
  await mode('X-History-Location');
  await call('DELETE', `/c/${name}`);
  await mode('X-Versions-Location');
  await call('PUT', `/c/${name}`, { body: '3' });
  await call('DELETE', `/c/${name}`);
  t.is((await call('GET', `/c/${name}`)).status, 404, 'deleted, as the mark says');
  t.is(await copies(), 3);
});

test('versions: the manifest of a dynamic large object is kept like any other', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/old');
  const both = { 'X-Versions-Location': 'old', 'X-Remove-Versions-Location': 'x' };
  await call('PUT', '/c', { headers: both });
  t.is((await call('HEAD', '/c')).headers.get('x-versions-location'), 'old', 'to set is more than to remove');
  await call('PUT', '/c/s/1', { body: 'segment' });
  await call('PUT', '/c/o', { body: '', headers: { 'X-Object-Manifest': 'c/s/' } });
  await call('PUT', '/c/o', { body: 'plain' });
  await call('DELETE', '/c/o');
  t.is(await (await call('GET', '/c/o')).text(), 'segment');
});

test('versions: what cannot be is refused, and a setting can be taken away', async (t) => {
  const { call } = await serveObjects(t);
  const create = async (headers: Record<string, string>) => (await call('PUT', '/c', { headers })).status;
  t.is(await create({ 'X-Versions-Location': 'a', 'X-History-Location': 'b' }), 400);
  t.is(await create({ 'X-Versions-Location': 'a', 'X-Versions-Enabled': 'true' }), 400);
  t.is(await create({ 'X-Versions-Enabled': 'perhaps' }), 400);
  t.is(await create({ 'X-Versions-Location': 'missing' }), 201);
  t.is((await call('PUT', '/c/o', { body: '1' })).status, 201);
  t.is((await call('PUT', '/c/o', { body: '2' })).status, 412, 'there is no container for the old one');
  t.is(await (await call('GET', '/c/o')).text(), '1');
  await call('POST', '/c', { headers: { 'X-Remove-Versions-Location': 'x' } });
  t.is((await call('HEAD', '/c')).headers.get('x-versions-location'), null);
  t.is((await call('PUT', '/c/o', { body: '2' })).status, 201);
});
