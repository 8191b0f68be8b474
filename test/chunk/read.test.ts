import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { Content } from '../../agent/chunk/port.ts';
import { hasCode } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { MiB } from '../../proto/units.ts';
import { collect, pieces } from '../conform/content.ts';
import { until } from '../until.ts';
import { startCluster, type TestCluster, type TestHost } from './cluster.ts';

const stored = async (cluster: TestCluster, size: number) => {
  const bytes = randomBytes(size);
  const { content } = await cluster
    .host(0)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 100 * MiB, digests: [] });
  const ids = (content as Extract<Content, { kind: 'chunks' }>).chunks.map(({ id }) => id);
  const owners = new Set(cluster.owners());
  for (const host of cluster.hosts)
    if (owners.has(host.id))
      await until('all owners have it', async () => (await host.files()).length >= ids.length);
  return { bytes, content, ids };
};
const spoil = async (host: TestHost, id: ChunkId): Promise<void> => {
  const bytes = await readFile(host.path(id));
  bytes[99] = (bytes[99] ?? 0) ^ 1;
  await writeFile(host.path(id), bytes);
};
const first = (ids: readonly ChunkId[]): ChunkId => ids[0] as ChunkId;

test('read: a copy damaged here is passed over, set aside and mended', async (t) => {
  await using cluster = await startCluster(3);
  const { bytes, content, ids } = await stored(cluster, 5 * MiB);
  const host = cluster.host(0);
  await spoil(host, first(ids));
  t.true(bytes.equals(await collect(host.chunks.content.read(content))));
  t.is((await readdir(join(host.directory, 'v1', 'quarantine'))).length, 1);
  await until('the copy is mended', async () => (await host.files()).includes(first(ids)));
  await until('nothing is damaged', () => host.chunks.status().damaged === 0);
  const mended = await readFile(host.path(first(ids)));
  t.true(mended.equals(bytes.subarray(0, 4 * MiB)));
});

test('read: a copy damaged on another host is passed over and mended there', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const bytes = randomBytes(MiB);
  const { content } = await cluster
    .host(3)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 2 * MiB, digests: [] });
  const owners = cluster.hosts.slice(0, 3);
  for (const host of owners) await until('it has it', async () => (await host.files()).length === 1);
  const id = first(await cluster.host(0).files());
  await spoil(cluster.host(0), id);
  await spoil(cluster.host(1), id);
  t.true(bytes.equals(await collect(cluster.host(3).chunks.content.read(content))));
  // The hedge may have found the good copy first; whoever was asked for the bad ones mends them.
  for (const index of [0, 1]) {
    await collect(cluster.host(index).chunks.content.read(content));
    await until('mended', async () =>
      bytes.equals(await readFile(cluster.host(index).path(id)).catch(() => Buffer.of())),
    );
  }
  t.deepEqual(await cluster.host(3).files(), []);
});

test('read: a copy that is gone is fetched and put back', async (t) => {
  await using cluster = await startCluster(3);
  const { bytes, content, ids } = await stored(cluster, MiB);
  await rm(cluster.host(1).path(first(ids)));
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
  await until('it is back', async () => (await cluster.host(1).files()).length === 1);
  t.pass();
});

test('read: bytes that change on the way are refused, and another owner is asked', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const bytes = randomBytes(MiB);
  const { content } = await cluster
    .host(3)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 2 * MiB, digests: [] });
  let spoilt = 0;
  cluster.bulkBody = (to, body) => {
    if (to !== cluster.host(0).id) return body;
    spoilt += 1;
    return body.map((byte) => byte ^ 1);
  };
  for (let round = 0; round < 4; round++)
    t.true(bytes.equals(await collect(cluster.host(3).chunks.content.read(content))));
  t.true(spoilt >= 1);
});

test('read: when no good copy is left it says so, and serves no wrong byte', async (t) => {
  await using cluster = await startCluster(3);
  const { content, ids } = await stored(cluster, 9 * MiB);
  for (const host of cluster.hosts) await spoil(host, ids[1] as ChunkId);
  const got: Uint8Array[] = [];
  const error = await t.throwsAsync(async () => {
    for await (const piece of cluster.host(0).chunks.content.read(content)) got.push(piece);
  });
  t.true(hasCode(error, 'DAMAGED'), String(error));
  t.is(Buffer.concat(got).length, 4 * MiB);
  await until('it shows', () => cluster.host(0).chunks.status().damaged === 1);
});

test('read: with the only holders out of reach it is unreachable, not damaged', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const bytes = randomBytes(MiB);
  const { content } = await cluster
    .host(3)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 2 * MiB, digests: [] });
  for (const index of [0, 1, 2]) cluster.setDown(index, true);
  const error = await t.throwsAsync(collect(cluster.host(3).chunks.content.read(content)));
  t.true(hasCode(error, 'UNREACHABLE'), String(error));
});

test('read: while an owner with the last copy is starting it is unreachable, not damaged', async (t) => {
  await using cluster = await startCluster(3);
  const { bytes, content, ids } = await stored(cluster, MiB);
  const [a, b, c] = cluster.hosts as [TestHost, TestHost, TestHost];
  for (const host of [a, b]) await rm(host.path(first(ids)));
  cluster.starting.add(c.id);
  const error = await t.throwsAsync(collect(a.chunks.content.read(content)));
  t.true(hasCode(error, 'UNREACHABLE'), String(error));
  cluster.starting.clear();
  t.true(bytes.equals(await collect(a.chunks.content.read(content))));
});

test('read: a host whose layout is old waits for the new one, for the old owners have moved the chunk', async (t) => {
  await using cluster = await startCluster(4, { owners: 1 });
  const [a, b, , reader] = cluster.hosts as [TestHost, TestHost, TestHost, TestHost];
  const { bytes, content, ids } = await stored(cluster, MiB);
  cluster.layoutAt.set(reader.id, [{ version: 1, hosts: [a.id] }]);
  cluster.setLayout([{ version: 2, hosts: [b.id] }]);
  await until('the new owner has it', async () => (await b.files()).length === 1);
  await rm(a.path(first(ids)), { force: true });
  const asked: string[] = [];
  cluster.bulkHook = async (to, { method }) => {
    if (method === 'GET') asked.push(to);
  };
  const reading = collect(reader.chunks.content.read(content));
  await until('the old owner was asked', () => asked.includes(a.id));
  cluster.layoutAt.clear();
  t.true(bytes.equals(await reading));
  t.true(asked.includes(b.id));
});

test('read: a copy that rotted before it became the only one is passed over for one that an owner of before still has', async (t) => {
  await using cluster = await startCluster(3);
  const [a, , reader] = cluster.hosts as [TestHost, TestHost, TestHost];
  const { bytes, content, ids } = await stored(cluster, MiB);
  await spoil(a, first(ids));
  await rm(reader.path(first(ids)));
  cluster.setLayout([{ version: 2, hosts: [a.id] }]);
  t.true(bytes.equals(await collect(reader.chunks.content.read(content))));
  await until('the owner has mended its copy', async () =>
    (await readFile(a.path(first(ids))).catch(() => Buffer.of())).equals(bytes),
  );
});

test('read: a host that becomes an owner while the others are asked is asked as well', async (t) => {
  await using cluster = await startCluster(4, { owners: 1 });
  const [a, b, , reader] = cluster.hosts as [TestHost, TestHost, TestHost, TestHost];
  const { bytes, content, ids } = await stored(cluster, MiB);
  cluster.bulkHook = async (to, { method }) => {
    if (method !== 'GET' || to !== a.id) return;
    cluster.bulkHook = async () => {};
    cluster.setLayout([{ version: 2, hosts: [b.id] }]);
    await until('the new owner has it', async () => (await b.files()).length === 1);
    await rm(a.path(first(ids)), { force: true });
  };
  t.true(bytes.equals(await collect(reader.chunks.content.read(content))));
});

test('read: an owner that hangs is overtaken by the next one', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const bytes = randomBytes(9 * MiB);
  const { content } = await cluster
    .host(3)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 10 * MiB, digests: [] });
  let hung = 0;
  let gone = 0;
  cluster.bulkHook = (to, { method, signal }) =>
    to !== cluster.host(0).id || method !== 'GET'
      ? Promise.resolve()
      : new Promise((_, reject) => {
          hung += 1;
          signal.addEventListener('abort', () => {
            gone += 1;
            reject(signal.reason);
          });
        });
  t.true(bytes.equals(await collect(cluster.host(3).chunks.content.read(content))));
  t.true(hung >= 1);
  t.is(gone, hung, 'the slow request is given up when another wins');
  t.true(hung <= 2, `a host that was overtaken is not asked first again, ${hung}`);
});

test('read: a range fetches only the chunks that it touches', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const bytes = randomBytes(17 * MiB);
  const { content } = await cluster
    .host(3)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 20 * MiB, digests: [] });
  const fetched = new Set<string>();
  cluster.bulkHook = async (_to, { method, path }) => {
    if (method === 'GET') fetched.add(path);
  };
  const range = { start: 8 * MiB + 5, end: 8 * MiB + 10 };
  t.true(
    bytes
      .subarray(range.start, range.end)
      .equals(await collect(cluster.host(3).chunks.content.read(content, range))),
  );
  t.is(fetched.size, 1);
});

test('read: a reader that stops early stops what was fetched ahead', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const bytes = randomBytes(17 * MiB);
  const { content } = await cluster
    .host(3)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 20 * MiB, digests: [] });
  const fetched = new Set<string>();
  cluster.bulkHook = async (_to, { method, path }) => {
    if (method === 'GET') fetched.add(path);
  };
  for await (const piece of cluster.host(3).chunks.content.read(content)) {
    t.is(piece.length, 4 * MiB);
    break;
  }
  t.true(fetched.size <= 2);
});
