import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import test from 'ava';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { MiB } from '../../proto/units.ts';
import { collect, pieces } from '../conform/content.ts';
import { until } from '../until.ts';
import { startCluster, type TestCluster, type TestHost } from './cluster.ts';

const upload = async (cluster: TestCluster, size: number, user = 'u') => {
  const bytes = randomBytes(size);
  const { content } = await cluster
    .host(0)
    .chunks.content.write(pieces(bytes), { user, bytesMax: 100 * MiB, digests: [] });
  return { bytes, content };
};
const count = async (cluster: TestCluster, index: number): Promise<number> =>
  (await cluster.host(index).files()).length;
const ids = (cluster: TestCluster): HostId[] => cluster.hosts.map(({ id }) => id);

test('repair: a host that lost its files without knowing finds all of them after a restart', async (t) => {
  await using cluster = await startCluster(3);
  await upload(cluster, 20 * MiB);
  await until('it has all', async () => (await count(cluster, 1)) === 5);
  for (const id of await cluster.host(1).files()) await rm(cluster.host(1).path(id));
  await cluster.host(1).restart();
  await until('it has all again', async () => (await count(cluster, 1)) === 5);
  t.deepEqual(await cluster.host(1).files(), await cluster.host(0).files());
  await until('nothing is queued', () => cluster.host(1).chunks.status().queued === 0);
  t.true(cluster.host(1).chunks.status().repairedBytes >= 20 * MiB);
});

test('repair: what nobody uses is not spread by a comparison', async (t) => {
  await using cluster = await startCluster(3, { settings: { collectEveryMs: 3_600_000 } });
  const { content } = await upload(cluster, MiB);
  await until('it has it', async () => (await count(cluster, 1)) === 1);
  await cluster.host(0).chunks.content.release(content, 'u');
  await upload(cluster, MiB, 'other');
  await until('it has both', async () => (await count(cluster, 1)) === 2);
  for (const id of await cluster.host(1).files()) await rm(cluster.host(1).path(id));
  await cluster.host(1).restart();
  await until('the used one is back', async () => (await count(cluster, 1)) === 1);
  await until('the other was given up', () => cluster.host(1).chunks.status().queued === 0);
  t.is(await count(cluster, 1), 1);
});

test('repair: a chunk that cannot be fetched stays queued until a holder comes back', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const { bytes, content } = await upload(cluster, MiB);
  for (const index of [1, 2]) await until('it has it', async () => (await count(cluster, index)) === 1);
  // Cut off first: the owners would mend each other faster than the test deletes.
  for (const index of [0, 1, 2]) cluster.setDown(index, true);
  for (const index of [1, 2])
    for (const id of await cluster.host(index).files()) await rm(cluster.host(index).path(id));
  for (const index of [1, 2]) cluster.setDown(index, false);
  await t.throwsAsync(collect(cluster.host(3).chunks.content.read(content)));
  await until('both owners know what they lack', () =>
    [1, 2].every((index) => cluster.host(index).chunks.status().missing === 1),
  );
  const { chunks } = cluster.host(2);
  await until(
    'it tells that it stands still',
    () => chunks.status().stuckMs > 0 && chunks.status().alone === 1,
  );
  await cluster.host(1).restart();
  t.is(cluster.host(1).chunks.status().missing, 1, 'the queue is on disk');
  cluster.setDown(0, false);
  for (const index of [1, 2]) await until('it is back', async () => (await count(cluster, index)) === 1);
  t.true(bytes.equals(await collect(cluster.host(3).chunks.content.read(content))));
});

test('repair: small chunks cost the throttle their bytes, not those of a whole one', async (t) => {
  await using cluster = await startCluster(3, { settings: { repairBytesPerSecond: 4 * MiB } });
  cluster.setDown(2, true);
  const count = 50;
  for (let index = 0; index < count; index++)
    await cluster
      .host(0)
      .chunks.content.write(pieces(randomBytes(20_000)), { user: `u${index}`, bytesMax: MiB, digests: [] });
  cluster.setDown(2, false);
  await until('all are there', async () => (await cluster.host(2).files()).length === count);
  t.pass();
});

test('repair: the scrub finds damage that nobody read, and it is mended', async (t) => {
  await using cluster = await startCluster(3);
  const { bytes } = await upload(cluster, MiB);
  await until('it has it', async () => (await count(cluster, 2)) === 1);
  const [id] = await cluster.host(2).files();
  const path = cluster.host(2).path(id as never);
  await writeFile(path, 'rubbish');
  await cluster.host(2).restart();
  await until('it is mended', async () => bytes.equals(await readFile(path).catch(() => Buffer.of())));
  t.pass();
});

test('layout: a new owner holds everything before the version counts as settled', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const { bytes, content } = await upload(cluster, 21 * MiB);
  const [a, b, c, d] = ids(cluster) as [HostId, HostId, HostId, HostId];
  cluster.setLayout([
    { version: 1, hosts: [a, b, c] },
    { version: 2, hosts: [b, c, d] },
  ]);
  for (const host of cluster.hosts)
    for (const syncer of host.syncers) await syncer.sync(2, new AbortController().signal);
  t.is(await count(cluster, 3), 6);
  t.is(await count(cluster, 0), 6, 'nothing is dropped while the old version lives');
  cluster.setLayout([{ version: 2, hosts: [b, c, d] }]);
  await until('the old owner dropped what is not its own', async () => (await count(cluster, 0)) === 0);
  t.true(bytes.equals(await collect(cluster.host(0).chunks.content.read(content))));
});

test('layout: a sync waits until it heard so many owners that nothing acknowledged is unknown', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const [a, b, c, d] = ids(cluster) as [HostId, HostId, HostId, HostId];
  cluster.setDown(2, true);
  await upload(cluster, MiB);
  // Only a and b have it, and they are away now.
  cluster.setDown(0, true);
  cluster.setDown(1, true);
  cluster.setDown(2, false);
  cluster.setLayout([
    { version: 1, hosts: [a, b, c] },
    { version: 2, hosts: [a, b, d] },
  ]);
  let settled = false;
  const sync = cluster
    .host(3)
    .syncers[0]?.sync(2, new AbortController().signal)
    .then(() => {
      settled = true;
    });
  await until('c was heard', () => cluster.rpcLog.includes(`${d} chunk.differ ${c}`));
  await until('a round has ended', () => cluster.rpcLog.includes(`${d} chunk.differ ${b}`));
  t.false(settled, 'c alone cannot vouch for what a and b acknowledged');
  cluster.setDown(1, false);
  await sync;
  t.is(await count(cluster, 3), 1);
});

test('layout: a stray is kept while the copy of its owner is rotten, and mends it', async (t) => {
  await using cluster = await startCluster(2);
  const [a, b] = cluster.hosts as [TestHost, TestHost];
  await upload(cluster, MiB);
  await until('both have it', async () => (await count(cluster, 0)) + (await count(cluster, 1)) === 2);
  const [id] = (await b.files()) as [ChunkId];
  const good = await readFile(b.path(id));
  const rotten = Buffer.from(good);
  rotten[9] = (rotten[9] ?? 0) ^ 1;
  await writeFile(b.path(id), rotten);
  cluster.setLayout([{ version: 2, hosts: [b.id] }]);
  await until('the owner is mended', async () =>
    good.equals(await readFile(b.path(id)).catch(() => Buffer.of())),
  );
  await a.restart();
  await until('then the stray goes', async () => (await count(cluster, 0)) === 0);
  t.true(good.equals(await readFile(b.path(id))));
});

test('layout: a stray that its owner lacks is kept until the owner has fetched it', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const { bytes, content } = await upload(cluster, MiB);
  for (const index of [0, 1, 2]) await until('all have it', async () => (await count(cluster, index)) === 1);
  // The version changes without a sync, as when an operator forces it: d has nothing.
  cluster.setLayout([{ version: 2, hosts: [cluster.host(3).id] }]);
  await until('d has fetched it', async () => (await count(cluster, 3)) === 1);
  cluster.setLayout([{ version: 2, hosts: [cluster.host(3).id] }]);
  for (const index of [0, 1, 2])
    await until('the strays are gone', async () => (await count(cluster, index)) === 0);
  t.true(bytes.equals(await collect(cluster.host(0).chunks.content.read(content))));
});
