import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import test from 'ava';
import { isKeptAs } from '../../../agent/chunk/kept-as.ts';
import { codeOf } from '../../../agent/chunk/stripe/name.ts';
import type { HostId } from '../../../proto/ids.ts';
import { MiB } from '../../../proto/units.ts';
import { collect, pieces } from '../../conform/content.ts';
import { until } from '../../until.ts';
import { startCluster, type TestCluster } from '../cluster.ts';

const code = { data: 4, parity: 2 };
const upload = async (cluster: TestCluster, size: number, user = 'u', by = 0) => {
  const bytes = randomBytes(size);
  const { content } = await cluster
    .host(by)
    .chunks.content.write(pieces(bytes), { user, bytesMax: 100 * MiB, digests: [], code });
  return { bytes, content };
};
const counts = (cluster: TestCluster): Promise<number[]> =>
  Promise.all(cluster.hosts.map(async (host) => (await host.fragments()).length));
const each = (cluster: TestCluster, count: number) => async (): Promise<boolean> =>
  (await counts(cluster)).every((held) => held === count);
const ids = (cluster: TestCluster): HostId[] => cluster.hosts.map(({ id }) => id);

test('stripes: large chunks become one fragment a host, small ones stay copies; ranges read them together', async (t) => {
  await using cluster = await startCluster(6);
  const { bytes, content } = await upload(cluster, 9 * MiB + 1000);
  if (content.kind !== 'chunks') return t.fail('it is inline');
  t.deepEqual(
    content.chunks.map(({ isStripe, length }) => [isStripe, length]),
    [
      [true, 4 * MiB],
      [true, 4 * MiB],
      [true, MiB + 1000],
    ],
  );
  t.deepEqual(codeOf(content.chunks[0]?.id as never)?.code, code);
  await until('each host has its fragment of each stripe', each(cluster, 3));
  const { content: small } = await upload(cluster, 100_000, 'small');
  t.true(small.kind === 'chunks' && small.chunks.every(({ isStripe }) => !isStripe));
  t.true(bytes.equals(await collect(cluster.host(5).chunks.content.read(content))));
  const [start, end] = [4 * MiB - 10, 8 * MiB + 500];
  t.true(
    bytes
      .subarray(start, end)
      .equals(await collect(cluster.host(3).chunks.content.read(content, { start, end }))),
  );
  const { usedBytes } = cluster.host(0).chunks.status();
  t.true(usedBytes < 3 * MiB, `a quarter of the bytes a host, not a copy: ${usedBytes}`);
});

test('stripes: with any two hosts down every byte is read, with three nothing wrong', async (t) => {
  await using cluster = await startCluster(6);
  const { bytes, content } = await upload(cluster, 5 * MiB);
  await until('all have their fragments', each(cluster, 2));
  for (const [a, b] of [
    [0, 1],
    [2, 5],
    [3, 4],
  ] as const) {
    cluster.setDown(a, true);
    cluster.setDown(b, true);
    const reader = cluster.hosts.findIndex((_, index) => index !== a && index !== b);
    t.true(
      bytes.equals(await collect(cluster.host(reader).chunks.content.read(content))),
      `without ${a}, ${b}`,
    );
    cluster.setDown(a, false);
    cluster.setDown(b, false);
  }
  for (const index of [0, 1, 2]) cluster.setDown(index, true);
  await t.throwsAsync(collect(cluster.host(3).chunks.content.read(content)), { code: 'UNREACHABLE' });
});

test('stripes: a write with one host down stands, and the host is told what it missed', async (t) => {
  await using cluster = await startCluster(6);
  cluster.setDown(4, true);
  const { bytes, content } = await upload(cluster, 4 * MiB);
  cluster.setDown(4, false);
  await until('it has rebuilt its own', each(cluster, 1));
  for (const index of [0, 1]) cluster.setDown(index, true);
  t.true(bytes.equals(await collect(cluster.host(4).chunks.content.read(content))));
});

test('stripes: a write with two hosts down is refused, and leaves no reference', async (t) => {
  await using cluster = await startCluster(6, { settings: { collectGraceMs: 50, collectEveryMs: 100 } });
  cluster.setDown(4, true);
  cluster.setDown(5, true);
  await t.throwsAsync(upload(cluster, 4 * MiB), { code: 'QUORUM_MISSED' });
  t.deepEqual(await cluster.tables.usedBy('u'), []);
  await until('what was stored is collected', each(cluster, 0));
});

test('stripes: the scrub finds a damaged fragment, and it is rebuilt from others', async (t) => {
  await using cluster = await startCluster(6);
  await upload(cluster, 4 * MiB);
  await until('all have their fragments', each(cluster, 1));
  const host = cluster.host(2);
  const [name = ''] = await host.fragments();
  const good = await readFile(host.fragmentPath(name));
  const bad = Uint8Array.from(good);
  bad[12345] = (bad[12345] ?? 0) ^ 1;
  await writeFile(host.fragmentPath(name), bad);
  host.chunks.run('scrub');
  await until('it is as it was', async () =>
    good.equals(await readFile(host.fragmentPath(name)).catch(() => Buffer.alloc(0))),
  );
  await until('nothing is queued', () => host.chunks.status().queued === 0);
  t.pass();
});

test('stripes: a damaged fragment is never served, and a reader has it mended', async (t) => {
  await using cluster = await startCluster(6);
  const { bytes, content } = await upload(cluster, 4 * MiB);
  await until('all have their fragments', each(cluster, 1));
  for (const index of [1, 2]) {
    const host = cluster.host(index);
    const [name = ''] = await host.fragments();
    await writeFile(host.fragmentPath(name), randomBytes(MiB));
  }
  t.true(bytes.equals(await collect(cluster.host(0).chunks.content.read(content))));
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
  await cluster.host(2).restart();
  await until('both are whole again', async () => {
    const { repair } = cluster.host(2).chunks.upkeep();
    return repair.damaged === 0 && (await each(cluster, 1)());
  });
});

test('stripes: a host that lost its disk gets all its fragments back', async (t) => {
  await using cluster = await startCluster(6);
  const { bytes, content } = await upload(cluster, 20 * MiB);
  await until('all have their fragments', each(cluster, 5));
  const before = await cluster.host(1).fragments();
  for (const name of before) await rm(cluster.host(1).fragmentPath(name));
  await cluster.host(1).restart();
  await until('it has all again', each(cluster, 5));
  t.deepEqual(await cluster.host(1).fragments(), before);
  for (const index of [0, 5]) cluster.setDown(index, true);
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
});

test('stripes: a released content goes from all hosts, one with another user stays', async (t) => {
  await using cluster = await startCluster(6, { settings: { collectGraceMs: 50, collectEveryMs: 100 } });
  const { content } = await upload(cluster, 4 * MiB);
  const { bytes, content: kept } = await upload(cluster, 4 * MiB, 'kept');
  await until('all have both', each(cluster, 2));
  await cluster.host(3).chunks.content.retain(kept, 'copy');
  await cluster.host(0).chunks.content.release(content, 'u');
  await cluster.host(0).chunks.content.release(kept, 'kept');
  await until('one is gone', each(cluster, 1));
  t.true(bytes.equals(await collect(cluster.host(2).chunks.content.read(kept))));
  await cluster.host(3).chunks.content.release(kept, 'copy');
  await until('all are gone', each(cluster, 0));
});

test('stripes: the same bytes as copies and as a stripe are two things, and each goes alone', async (t) => {
  await using cluster = await startCluster(6, {
    owners: 6,
    settings: { collectGraceMs: 50, collectEveryMs: 100 },
  });
  const bytes = randomBytes(MiB);
  const options = { bytesMax: MiB, digests: [] };
  const write = cluster.host(0).chunks.content.write;
  const copy = await write(pieces(bytes), { ...options, user: 'copies' });
  const stripe = await write(pieces(bytes), { ...options, user: 'fragments', code });
  await until(
    'both are there',
    async () => (await cluster.host(1).files()).length === 1 && (await each(cluster, 1)()),
  );
  await cluster.host(0).chunks.content.release(copy.content, 'copies');
  await until('the copies are gone', async () => (await cluster.host(1).files()).length === 0);
  t.true(bytes.equals(await collect(cluster.host(2).chunks.content.read(stripe.content))));
});

test('stripes: a new layout gets its fragments before the old one goes, and what is left over is dropped', async (t) => {
  await using cluster = await startCluster(7, { owners: 6 });
  const { bytes, content } = await upload(cluster, 8 * MiB);
  await until('the six have theirs', async () => (await counts(cluster)).join() === '2,2,2,2,2,2,0');
  const all = ids(cluster);
  // The new host comes first in the order, so everyone moves by one place and the last goes out.
  const [old, next] = [all.slice(0, 6), [all[6] as HostId, ...all.slice(0, 5)]];
  cluster.setLayout([
    { version: 1, hosts: old },
    { version: 2, hosts: next },
  ]);
  await Promise.all(
    cluster.hosts.flatMap(({ syncers }) =>
      syncers.map((syncer) => syncer.sync(2, new AbortController().signal)),
    ),
  );
  t.is(await counts(cluster).then(([, ...rest]) => rest.at(-1)), 2, 'the new host has its own');
  cluster.setLayout([{ version: 2, hosts: next }]);
  await until(
    'one each, none on the one that left',
    async () => (await counts(cluster)).join() === '2,2,2,2,2,0,2',
  );
  for (const index of [0, 3]) cluster.setDown(index, true);
  t.true(bytes.equals(await collect(cluster.host(6).chunks.content.read(content))));
});

test('stripes: an owner from before that alone answers has its share of the new layout, not just of the old one', async (t) => {
  await using cluster = await startCluster(3, { owners: 2 });
  const [a, b, c] = ids(cluster) as [HostId, HostId, HostId];
  const options = { user: 'u', bytesMax: 100 * MiB, digests: [], code: { data: 2, parity: 1 } };
  await cluster.host(0).chunks.content.write(pieces(randomBytes(MiB)), options);
  t.deepEqual(await counts(cluster), [2, 1, 0], 'a has the first and the last, b the middle one');
  cluster.setDown(1, true);
  // Now a is the second in the order: the middle one is its own.
  cluster.setLayout([
    { version: 1, hosts: [a, b] },
    { version: 2, hosts: [b, a, c] },
  ]);
  const stripes = cluster.host(0).syncers.find(({ name }) => name === 'stripe');
  await stripes?.sync(2, new AbortController().signal);
  t.deepEqual(await counts(cluster), [3, 1, 0]);
});

test('stripes: fewer hosts than fragments hold several each, and one may go', async (t) => {
  await using cluster = await startCluster(3);
  const { bytes, content } = await upload(cluster, 4 * MiB);
  await until('two each', each(cluster, 2));
  // Looked at when the layout changes, as it does when a host goes for good.
  cluster.setLayout([{ version: 2, hosts: ids(cluster) }]);
  await until('each says so', () =>
    cluster.hosts.every(({ chunks }) => chunks.status().crowded.join() === 'ec-4-2'),
  );
  cluster.setDown(0, true);
  t.true(bytes.equals(await collect(cluster.host(2).chunks.content.read(content))));
});

test('stripes: a content moves between copies and fragments as it lies, and back', async (t) => {
  await using cluster = await startCluster(6, { settings: { collectGraceMs: 50, collectEveryMs: 100 } });
  const { content: store } = cluster.host(0).chunks;
  const { signal } = new AbortController();
  const bytes = Buffer.concat([randomBytes(5 * MiB), Buffer.alloc(MiB)]);
  const { content } = await store.write(pieces(bytes), { user: 'old', bytesMax: 100 * MiB, digests: [] });
  const moved = await store.rekeep(content, 'new', code, signal);
  if (moved.kind !== 'chunks' || content.kind !== 'chunks') return t.fail('it is inline');
  t.true(isKeptAs(moved, code) && isKeptAs(content, undefined));
  t.deepEqual(
    moved.chunks.map(({ length, zstdBytes }) => [length, zstdBytes]),
    content.chunks.map(({ length, zstdBytes }) => [length, zstdBytes]),
  );
  await store.release(content, 'old');
  await until('the copies are gone', async () => (await cluster.host(1).files()).length === 0);
  t.true(bytes.equals(await collect(cluster.host(4).chunks.content.read(moved))));
  const again = await store.rekeep(moved, 'newer', code, signal);
  t.deepEqual(again, moved, 'kept so already: one more user');
  await store.release(moved, 'new');
  const back = await store.rekeep(again, 'back', undefined, signal);
  await store.release(again, 'newer');
  await until('the fragments are gone', each(cluster, 0));
  t.true(bytes.equals(await collect(cluster.host(5).chunks.content.read(back))));
});

test('stripes: a move that finds no quorum leaves the old content, and gives back what it took', async (t) => {
  await using cluster = await startCluster(6, {
    owners: 6,
    settings: { collectGraceMs: 50, collectEveryMs: 100 },
  });
  const { content: store } = cluster.host(0).chunks;
  const bytes = randomBytes(5 * MiB);
  const { content } = await store.write(pieces(bytes), { user: 'old', bytesMax: 100 * MiB, digests: [] });
  for (const index of [4, 5]) cluster.setDown(index, true);
  await t.throwsAsync(store.rekeep(content, 'new', code, new AbortController().signal), {
    code: 'QUORUM_MISSED',
  });
  t.deepEqual(await cluster.tables.usedBy('new'), []);
  await until('its fragments are collected', async () => (await cluster.host(1).fragments()).length === 0);
  t.true(bytes.equals(await collect(cluster.host(2).chunks.content.read(content))));
});
