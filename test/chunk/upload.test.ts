import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import test from 'ava';
import type { ContentStore } from '../../agent/chunk/port.ts';
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { MiB } from '../../proto/units.ts';
import { collect, pieces } from '../conform/content.ts';
import { until } from '../until.ts';
import { startCluster } from './cluster.ts';

const upload = (content: ContentStore, bytes: Uint8Array, user = 'u', signal?: AbortSignal) =>
  content.write(pieces(bytes), {
    user,
    bytesMax: 100 * MiB,
    digests: ['md5'],
    ...(signal ? { signal } : {}),
  });

test('upload: 64 MiB come back byte for byte through another host', async (t) => {
  await using cluster = await startCluster(3);
  const bytes = randomBytes(64 * MiB);
  const { content } = await upload(cluster.host(0).chunks.content, bytes);
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
  for (const host of cluster.hosts)
    await until('every owner has all chunks', async () => (await host.files()).length === 16);
});

test('upload: an owner that is down is not waited for, and gets what it missed when it is back', async (t) => {
  await using cluster = await startCluster(3);
  cluster.setDown(2, true);
  const bytes = randomBytes(9 * MiB);
  const { content } = await upload(cluster.host(0).chunks.content, bytes);
  t.deepEqual(await cluster.host(2).files(), []);
  await until('the notices are counted', () => cluster.host(0).chunks.status().queued === 3);
  cluster.setDown(2, false);
  await until('the owner is repaired', async () => (await cluster.host(2).files()).length === 3);
  await until('nothing is queued', () => cluster.hosts.every(({ chunks }) => chunks.status().queued === 0));
  t.true(bytes.equals(await collect(cluster.host(2).chunks.content.read(content))));
});

test('upload: notices outlive the uploader', async (t) => {
  await using cluster = await startCluster(3);
  cluster.setDown(2, true);
  await upload(cluster.host(0).chunks.content, randomBytes(5 * MiB));
  await until('the notices are counted', () => cluster.host(0).chunks.status().queued === 2);
  await cluster.host(0).restart();
  t.is(cluster.host(0).chunks.status().queued, 2);
  cluster.setDown(2, false);
  await until('the owner is repaired', async () => (await cluster.host(2).files()).length === 2);
});

test('upload: an owner that hangs holds up neither the upload nor the memory', async (t) => {
  await using cluster = await startCluster(3);
  let hanging = 0;
  let hangingMost = 0;
  cluster.bulkHook = (to, { signal }) =>
    to !== cluster.host(2).id
      ? Promise.resolve()
      : new Promise((_, reject) => {
          hanging += 1;
          hangingMost = Math.max(hangingMost, hanging);
          signal.addEventListener('abort', () => {
            hanging -= 1;
            reject(signal.reason);
          });
        });
  await upload(cluster.host(0).chunks.content, randomBytes(100 * MiB));
  // 16 stragglers, and 3 of the upload that were still within their quorum or their patience.
  t.true(hangingMost <= 19, `${hangingMost} chunks hung at once`);
  t.true(hanging <= 16);
  await until('it has fetched what it missed', async () => (await cluster.host(2).files()).length === 25);
});

test('upload: two of three owners down is a missed quorum, and nothing is referenced', async (t) => {
  await using cluster = await startCluster(3);
  cluster.setDown(1, true);
  cluster.setDown(2, true);
  const error = await t.throwsAsync(upload(cluster.host(0).chunks.content, randomBytes(5 * MiB)));
  t.true(hasCode(error, 'QUORUM_MISSED'), String(error));
  t.deepEqual(await cluster.tables.usedBy('u'), []);
});

test('upload: owners of a reference that are silent for a while cost it nothing', async (t) => {
  await using cluster = await startCluster(3);
  const missed = new Set<string>();
  cluster.tables.beforePut = async (partitionKey) => {
    if (missed.has(partitionKey)) return;
    missed.add(partitionKey);
    throw new ShoalError('QUORUM_MISSED', 'Cannot write: nobody answers');
  };
  const bytes = randomBytes(5 * MiB);
  const { content } = await upload(cluster.host(0).chunks.content, bytes);
  t.is(missed.size, 2);
  t.is((await cluster.tables.usedBy('u')).length, 2);
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
});

test('upload: full disks refuse with DISK_FULL; one full disk of three is only told', async (t) => {
  await using full = await startCluster(3, { settings: { reserveBytes: Number.MAX_SAFE_INTEGER } });
  const error = await t.throwsAsync(upload(full.host(0).chunks.content, randomBytes(5 * MiB)));
  t.true(hasCode(error, 'DISK_FULL'), String(error));
  t.deepEqual(await full.tables.usedBy('u'), []);

  await using one = await startCluster(3, {
    settings: (index) => ({ reserveBytes: index === 0 ? Number.MAX_SAFE_INTEGER : 0 }),
  });
  const bytes = randomBytes(5 * MiB);
  const { content } = await upload(one.host(0).chunks.content, bytes);
  t.true(bytes.equals(await collect(one.host(0).chunks.content.read(content))));
});

test('upload: a caller that goes away while its source hangs ends it at once and leaves nothing', async (t) => {
  await using cluster = await startCluster(3);
  const leave = new AbortController();
  async function* hangs(): AsyncGenerator<Uint8Array, void> {
    yield* pieces(randomBytes(9 * MiB));
    leave.abort();
    await new Promise(() => {});
  }
  const write = cluster.host(0).chunks.content.write(hangs(), {
    user: 'u',
    bytesMax: 100 * MiB,
    digests: ['md5'],
    signal: leave.signal,
  });
  t.true(hasCode(await t.throwsAsync(write), 'ABORTED'));
  t.deepEqual(await cluster.tables.usedBy('u'), []);
});

test('upload: a missed quorum is reported while the source hangs', async (t) => {
  await using cluster = await startCluster(3);
  cluster.setDown(1, true);
  cluster.setDown(2, true);
  async function* hangs(): AsyncGenerator<Uint8Array, void> {
    yield* pieces(randomBytes(5 * MiB));
    await new Promise(() => {});
  }
  const write = cluster.host(0).chunks.content.write(hangs(), { user: 'u', bytesMax: 9 * MiB, digests: [] });
  t.true(hasCode(await t.throwsAsync(write), 'QUORUM_MISSED'));
});

test('upload: an agent that dies half-way gives the references back when it starts again', async (t) => {
  await using cluster = await startCluster(3);
  async function* hangs(): AsyncGenerator<Uint8Array, void> {
    // Whole chunks: what is begun would be cut in the end, and this upload is not as dead as it looks.
    yield* pieces(randomBytes(8 * MiB));
    await new Promise(() => {});
  }
  // The write never ends: to the store and the disks that is what kill -9 looks like.
  void cluster.host(0).chunks.content.write(hangs(), { user: 'dead', bytesMax: 9 * MiB, digests: [] });
  await until('two chunks are referenced', async () => (await cluster.tables.usedBy('dead')).length === 2);
  await cluster.host(0).restart();
  await until('none is', async () => (await cluster.tables.usedBy('dead')).length === 0);
  t.pass();
});

test('upload: a finished one keeps its references over a restart', async (t) => {
  await using cluster = await startCluster(3);
  await upload(cluster.host(0).chunks.content, randomBytes(5 * MiB), 'kept');
  async function* hangs(): AsyncGenerator<Uint8Array, void> {
    yield* pieces(randomBytes(4 * MiB));
    await new Promise(() => {});
  }
  void cluster.host(0).chunks.content.write(hangs(), { user: 'dead', bytesMax: 9 * MiB, digests: [] });
  await until('the other is on its way', async () => (await cluster.tables.usedBy('dead')).length === 1);
  await cluster.host(0).restart();
  await until('debts were settled', async () => (await cluster.tables.usedBy('dead')).length === 0);
  t.is((await cluster.tables.usedBy('kept')).length, 2);
});

test('upload: equal chunks of one upload travel once', async (t) => {
  await using cluster = await startCluster(3);
  const { content } = await upload(cluster.host(0).chunks.content, new Uint8Array(40 * MiB));
  t.is(content.kind === 'chunks' && content.chunks.length, 10);
  t.is(cluster.bulkCount, 2);
  t.is(
    Buffer.compare(await collect(cluster.host(1).chunks.content.read(content)), Buffer.alloc(40 * MiB)),
    0,
  );
});

test('upload: what its owners have already is offered, and sent to those alone whose copies are no good', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const bytes = randomBytes(9 * MiB);
  const owners = cluster.hosts.slice(0, 3);
  await upload(cluster.host(0).chunks.content, bytes, 'first');
  for (const host of owners)
    await until('every owner has all chunks', async () => (await host.files()).length === 3);
  const sent: HostId[] = [];
  cluster.bulkHook = async (to, { method }) => void (method === 'PUT' && sent.push(to));
  await upload(cluster.host(0).chunks.content, bytes, 'through an owner');
  await upload(cluster.host(3).chunks.content, bytes, 'through another host');
  t.deepEqual(sent, []);
  t.is((await cluster.tables.usedBy('through an owner')).length, 3);
  t.is((await cluster.tables.usedBy('through another host')).length, 3);

  const [id] = await cluster.host(1).files();
  if (!id) return t.fail('no chunk');
  const spoilt = await readFile(cluster.host(1).path(id));
  spoilt[1] = 255 - (spoilt[1] ?? 0);
  await writeFile(cluster.host(1).path(id), spoilt);
  const { content } = await upload(cluster.host(0).chunks.content, bytes, 'after the damage');
  await until(
    'its owner has a good copy',
    async () => !(await readFile(cluster.host(1).path(id)).catch(() => spoilt)).equals(spoilt),
  );
  t.deepEqual(sent, [cluster.host(1).id]);
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
});

test('upload: a chunk that an owner offered and collected before the reference stood is sent to it', async (t) => {
  await using cluster = await startCluster(3);
  const bytes = randomBytes(3 * MiB);
  await upload(cluster.host(0).chunks.content, bytes, 'first');
  for (const host of cluster.hosts)
    await until('every owner has it', async () => (await host.files()).length === 1);
  const [id] = await cluster.host(1).files();
  if (!id) return t.fail('no chunk');
  const offered = (index: number): boolean =>
    cluster.answerLog.includes(`${cluster.host(0).id} chunk.have ${cluster.host(index).id}`);
  cluster.tables.beforePut = async () => {
    await until('both have said that they have it', () => offered(1) && offered(2));
    for (const index of [1, 2]) await rm(cluster.host(index).path(id), { force: true });
  };
  await upload(cluster.host(0).chunks.content, bytes, 'second');
  const files = await Promise.all(cluster.hosts.map((host) => host.files()));
  t.true(files.filter(({ length }) => length === 1).length >= 2, 'a quorum has it when it is acknowledged');
});

test('upload: an owner sends new chunks without asking, another host asks and then sends them', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  await upload(cluster.host(0).chunks.content, randomBytes(5 * MiB));
  t.deepEqual(
    cluster.rpcLog.filter((line) => line.includes('have')),
    [],
  );
  const bytes = randomBytes(5 * MiB);
  const { content } = await upload(cluster.host(3).chunks.content, bytes);
  t.true(cluster.rpcLog.some((line) => line.includes('have')));
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
});

test('upload: a source of single bytes costs no more than its bytes', async (t) => {
  await using cluster = await startCluster(3);
  const bytes = randomBytes(100_000);
  const { content, length } = await cluster
    .host(0)
    .chunks.content.write(pieces(bytes, 1), { user: 'u', bytesMax: MiB, digests: [] });
  t.is(length, 100_000);
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
});

test('upload: while a layout settles it waits for a quorum of both versions', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const [a, b, c, d] = cluster.hosts.map(({ id }) => id) as [HostId, HostId, HostId, HostId];
  cluster.setLayout([
    { version: 1, hosts: [a, b, c] },
    { version: 2, hosts: [b, c, d] },
  ]);
  cluster.setDown(2, true);
  const hold = Promise.withResolvers<void>();
  cluster.bulkHook = (to) => (to === d ? hold.promise : Promise.resolve());
  let settled = false;
  const write = upload(cluster.host(0).chunks.content, randomBytes(MiB)).then(() => {
    settled = true;
  });
  for (const index of [0, 1])
    await until(
      'the old version has its quorum',
      async () => (await cluster.host(index).files()).length === 1,
    );
  await until('the reference stands', async () => (await cluster.tables.usedBy('u')).length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  t.false(settled, 'b alone is no quorum of the new version');
  hold.resolve();
  await write;
  t.is((await cluster.host(3).files()).length, 1);
});

test('upload: a version that becomes live half-way is served too', async (t) => {
  await using cluster = await startCluster(4, { owners: 3 });
  const [a, b, c, d] = cluster.hosts.map(({ id }) => id) as [HostId, HostId, HostId, HostId];
  const hold = Promise.withResolvers<void>();
  cluster.bulkHook = (to) => (to === b || to === c ? hold.promise : Promise.resolve());
  const write = upload(cluster.host(0).chunks.content, randomBytes(MiB));
  await until('the first copy is on disk', async () => (await cluster.host(0).files()).length === 1);
  cluster.setLayout([
    { version: 1, hosts: [a, b, c] },
    { version: 2, hosts: [d] },
  ]);
  hold.resolve();
  await write;
  t.is((await cluster.host(3).files()).length, 1);
});

test('upload: a sender with an old layout waits for the new one and goes on', async (t) => {
  await using cluster = await startCluster(3);
  cluster.layoutAt.set(cluster.host(0).id, [{ version: 0, hosts: cluster.hosts.map(({ id }) => id) }]);
  const write = upload(cluster.host(0).chunks.content, randomBytes(MiB));
  await until('it was refused', () => cluster.bulkCount >= 2);
  cluster.layoutAt.clear();
  await write;
  t.pass();
});

test('upload: many at once keep few chunks on their way, and all of them end', async (t) => {
  await using cluster = await startCluster(3);
  let inFlight = 0;
  let most = 0;
  cluster.bulkHook = async () => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    await new Promise((resolve) => setTimeout(resolve, 2));
    inFlight -= 1;
  };
  const { content } = cluster.host(0).chunks;
  const all = Array.from({ length: 100 }, (_, index) =>
    content.write(pieces(randomBytes(3 * 20_000)), {
      user: `u${index}`,
      bytesMax: MiB,
      digests: ['md5'],
    }),
  );
  const failing = content.write(
    (async function* () {
      yield randomBytes(9 * MiB);
      throw new Error('gone');
    })(),
    { user: 'failing', bytesMax: 20 * MiB, digests: [] },
  );
  await t.throwsAsync(failing);
  t.is((await Promise.all(all)).length, 100);
  // 24 chunks to two other owners each, and stragglers.
  t.true(most <= 24 * 2 + 2 * 16, `${most}`);
  await upload(content, randomBytes(5 * MiB), 'after');
});
