import test from 'ava';
import { serveImages, type View } from './serve.ts';

const names = (images: readonly View[]): string[] => images.map((image) => String(image.name)).sort();

test('list: own and public images are shown, community and hidden ones only when asked for', async (t) => {
  const { create, list } = await serveImages(t);
  await create({ name: 'own' });
  await create({ name: 'private', visibility: 'private' });
  await create({ name: 'hidden', os_hidden: true });
  await create({ name: 'foreign' }, 'member:p2');
  await create({ name: 'community', visibility: 'community' }, 'member:p2');
  await create({ name: 'public', visibility: 'public' }, 'admin');
  t.deepEqual(names((await list()).images), ['own', 'private', 'public']);
  t.deepEqual(names((await list('?visibility=private')).images), ['private']);
  t.deepEqual(names((await list('?visibility=shared')).images), ['own']);
  t.deepEqual(names((await list('?visibility=public')).images), ['public']);
  t.deepEqual(names((await list('?visibility=community')).images), ['community']);
  t.deepEqual(names((await list('?visibility=all')).images), ['community', 'own', 'private', 'public']);
  t.deepEqual(names((await list('?os_hidden=true')).images), ['hidden']);
  t.deepEqual(names((await list('', 'member:p2')).images), ['community', 'foreign', 'public']);
  t.deepEqual(names((await list('', 'admin')).images), ['foreign', 'own', 'private', 'public']);
});

test('list: filters take values, ranges, lists and properties', async (t) => {
  let nowMs = Date.parse('2026-11-24T12:00:00Z');
  const { create, upload, list } = await serveImages(t, { wallMs: () => nowMs });
  const a = await create({ name: 'a', tags: ['x', 'y'], arch: 'arm', disk_format: 'raw' });
  nowMs += 60_000;
  const b = await create({ name: 'b,c', tags: ['x'], disk_format: 'iso', protected: true });
  await upload(a.id, Buffer.alloc(500, 1));
  const found = async (query: string): Promise<string[]> => names((await list(`?${query}`)).images);
  t.deepEqual(await found('name=a'), ['a']);
  t.deepEqual(await found('status=queued'), ['b,c']);
  t.deepEqual(await found('disk_format=in:iso,vhd'), ['b,c']);
  t.deepEqual(await found('name=in:a,"b,c"'), ['a', 'b,c']);
  t.deepEqual(await found(`id=in:${a.id},${b.id}`), ['a', 'b,c']);
  t.deepEqual(await found('tag=x'), ['a', 'b,c']);
  t.deepEqual(await found('tag=x&tag=y'), ['a']);
  t.deepEqual(await found('owner=p1'), ['a', 'b,c']);
  t.deepEqual(await found('owner=p2'), []);
  t.deepEqual(await found('size_min=400&size_max=600'), ['a']);
  t.deepEqual(await found('size_min=501'), []);
  t.deepEqual(await found('size=500'), ['a']);
  t.deepEqual(await found('arch=arm'), ['a']);
  t.deepEqual(await found('protected=true'), ['b,c']);
  t.deepEqual(await found('created_at=gt:2026-11-24T12:00:30Z'), ['b,c']);
  t.deepEqual(await found('created_at=lte:2026-11-24T12:00:00'), ['a']);
});

test('list: filters that mean nothing are refused', async (t) => {
  const { call, create } = await serveImages(t);
  await create();
  for (const query of [
    'visibility=x',
    'os_hidden=x',
    'protected=x',
    'size_min=x',
    'member_status=x',
    'changes-since=2026',
    'created_at=near:2026-01-01T00:00:00Z',
    'created_at=2026-99-99T00:00:00Z',
    'name=in:"a',
    'limit=x',
    'limit=-1',
    'sort=colour',
    'sort=name:up',
    'sort=name&sort_key=name',
    'sort_key=name&sort_key=id&sort_key=size&sort_dir=asc&sort_dir=desc',
    'marker=11111111-2222-3333-4444-555555555555',
  ])
    t.is((await call('GET', `/v2/images?${query}`)).status, 400, query);
});

test('list: newest first, or as the caller sorts', async (t) => {
  let nowMs = Date.parse('2026-11-24T12:00:00Z');
  const { create, upload, list } = await serveImages(t, { wallMs: () => (nowMs += 1000) });
  for (const [name, bytes] of [
    ['b', 3],
    ['a', 1],
    ['c', 2],
  ] as const) {
    const { id } = await create({ name });
    await upload(id, Buffer.alloc(bytes, 1));
  }
  const order = async (query: string): Promise<string> =>
    (await list(query)).images.map((image) => image.name).join('');
  t.is(await order(''), 'cab');
  t.is(await order('?sort=name:asc'), 'abc');
  t.is(await order('?sort=name'), 'cba');
  t.is(await order('?sort_key=size&sort_dir=asc'), 'acb');
  t.is(await order('?sort=status:asc,size:desc'), 'bca');
});

test('list: pages by marker give every image once, with links to the next', async (t) => {
  const { create, list } = await serveImages(t);
  for (let at = 0; at < 7; at++) await create({ name: `n${at}` });
  const seen: string[] = [];
  for (let query: string | undefined = '?limit=3&sort=name:asc'; query !== undefined; ) {
    const page = await list(query);
    t.true(page.first.startsWith('/v2/images?limit=3'));
    seen.push(...page.images.map((image) => String(image.name)));
    query = page.next?.slice('/v2/images'.length);
  }
  t.deepEqual(seen, ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
  t.deepEqual((await list('?limit=0')).images, []);
});
