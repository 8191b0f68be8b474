import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { chunkIdOf } from '../../agent/chunk/chunk-name.ts';
import { collector } from '../../agent/chunk/collect.ts';
import type { References } from '../../agent/chunk/reference.ts';
import { throttle } from '../../agent/chunk/throttle.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { ShoalError } from '../../proto/error.ts';
import { MiB } from '../../proto/units.ts';
import { collect, pieces } from '../conform/content.ts';
import { steadyTimers } from '../fake/steady-time.ts';
import { until } from '../until.ts';
import { startCluster } from './cluster.ts';

const { sleep } = steadyTimers;

const temporaryFiles = async (graceMs = 0) => {
  const path = await mkdtemp(join(tmpdir(), 'shoal-collect-'));
  const runtime = systemRuntime({ level: 'error', destination: { write: () => {} } });
  const files = await openChunkFiles(runtime, { directories: [path], reserveBytes: 0 });
  const bytes = randomBytes(1000);
  return {
    files,
    chunk: { id: chunkIdOf(bytes), bytes },
    signal: new AbortController().signal,
    collector: (references: Pick<References, 'any'>) =>
      collector(
        {
          runtime,
          log: runtime.log,
          files,
          references,
          throttle: throttle(runtime, { perSecond: 1e6 }),
        },
        { graceMs },
      ),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
};

const eager = { collectGraceMs: 200, collectEveryMs: 20, collectPerSecond: 100_000 };

test('collection: what nobody uses goes, what somebody uses stays', async (t) => {
  await using cluster = await startCluster(3, { settings: eager });
  const { content } = cluster.host(0).chunks;
  const options = { bytesMax: 9 * MiB, digests: [] };
  const [kept, gone] = [randomBytes(MiB), randomBytes(MiB)];
  const keep = await content.write(pieces(kept), { ...options, user: 'keep' });
  const drop = await content.write(pieces(gone), { ...options, user: 'drop' });
  await content.release(drop.content, 'drop');
  for (const host of cluster.hosts)
    await until('one is left', async () => (await host.files()).join() === chunkIdOf(kept));
  t.true(kept.equals(await collect(content.read(keep.content))));
});

test('collection: an upload that failed leaves no file', async (t) => {
  await using cluster = await startCluster(3, { settings: eager });
  async function* broken(): AsyncGenerator<Uint8Array, void> {
    yield* pieces(randomBytes(9 * MiB));
    throw new Error('gone');
  }
  const write = cluster.host(0).chunks.content.write(broken(), { user: 'u', bytesMax: 9 * MiB, digests: [] });
  await t.throwsAsync(write);
  for (const host of cluster.hosts)
    await until('nothing is left', async () => (await host.files()).length === 0);
});

test('collection: uploads that race deletes of the same content never lose a byte', async (t) => {
  await using cluster = await startCluster(3, { settings: { ...eager, collectGraceMs: 60 } });
  const bytes = randomBytes(100_000);
  const id = chunkIdOf(bytes);
  let deletions = 0;
  for (let round = 0; round < 60; round++) {
    const writer = cluster.host(round % 3).chunks.content;
    const written = await writer.write(pieces(bytes), { user: `u${round}`, bytesMax: MiB, digests: [] });
    // Held for longer than the grace now and then, so that a wrong collector has its chance.
    await sleep(round % 4 === 0 ? 150 : 5);
    const reader = cluster.host((round + 1) % 3).chunks.content;
    t.true(bytes.equals(await collect(reader.read(written.content))));
    await writer.release(written.content, `u${round}`);
    await sleep((round * 13) % 130);
    if (!(await cluster.host(0).files()).includes(id)) deletions += 1;
  }
  t.true(deletions > 0, 'the collector was at work');
});

test('collection: an uploader that sleeps for long before its reference stands loses no byte', async (t) => {
  await using cluster = await startCluster(3, { settings: eager });
  const bytes = randomBytes(MiB);
  const asleep = Promise.withResolvers<void>();
  const awake = Promise.withResolvers<void>();
  cluster.tables.beforePut = () => {
    asleep.resolve();
    return awake.promise;
  };
  const { content } = cluster.host(0).chunks;
  const writing = content.write(pieces(bytes), { user: 'u', bytesMax: MiB, digests: [] });
  await asleep.promise;
  // A host asks about a chunk that it holds: when it finds it, and again before it deletes it.
  await until(
    'three hosts have looked twice whether somebody uses it',
    () => cluster.tables.ranges.length >= 6,
  );
  for (const host of cluster.hosts)
    await until('it was collected', async () => (await host.files()).length === 0);
  awake.resolve();
  const written = await writing;
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(written.content))));
  await sleep(2 * eager.collectGraceMs);
  t.true(bytes.equals(await collect(cluster.host(2).chunks.content.read(written.content))));
});

test('collection: a put between the last look at the references and the deletion saves the chunk', async (t) => {
  await using disk = await temporaryFiles();
  const { id, bytes } = disk.chunk;
  await disk.files.put(id, bytes);
  let looks = 0;
  const collector = disk.collector({
    // The second look is the last one. While it is out, an upload of the same bytes comes.
    any: async () => {
      looks += 1;
      if (looks === 2) await disk.files.put(id, bytes);
      return false;
    },
  });
  await collector.walk(disk.signal);
  t.is(looks, 2);
  t.true(await disk.files.has(id));
  await collector.walk(disk.signal);
  t.false(await disk.files.has(id), 'without a put it goes');
});

test('collection: nothing goes before its grace, however often the collector looks', async (t) => {
  await using disk = await temporaryFiles(3_600_000);
  const { id, bytes } = disk.chunk;
  await disk.files.put(id, bytes);
  const collector = disk.collector({ any: async () => false });
  for (let look = 0; look < 3; look++) await collector.walk(disk.signal);
  t.true(await disk.files.has(id));
});

test('collection: owners of references that do not answer stop it, they do not free anything', async (t) => {
  await using disk = await temporaryFiles();
  const { id, bytes } = disk.chunk;
  await disk.files.put(id, bytes);
  const collector = disk.collector({
    any: async () => {
      throw new ShoalError('QUORUM_MISSED', 'nobody answers');
    },
  });
  await t.throwsAsync(collector.walk(disk.signal));
  await collector.sweep(disk.signal);
  t.true(await disk.files.has(id));
});
