/** Several data directories per host, one of which fills, turns read-only, is unmounted or comes back empty. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { chunkIdOf } from '../../agent/chunk/chunk-name.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { MiB } from '../../proto/units.ts';
import { collect, pieces } from '../conform/content.ts';
import { until } from '../until.ts';
import { startCluster } from './cluster.ts';

const runtime = systemRuntime({ level: 'error', destination: { write: () => {} } });

/** A small disk of its own, in memory. Undefined where mounting is not allowed. */
const mountDisk = async (mebibytes: number) => {
  const root = await mkdtemp(join(tmpdir(), 'shoal-disk-'));
  const path = join(root, 'disk');
  await mkdir(path);
  const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'ignore' });
  const unmount = () => execFileSync('umount', ['--lazy', path], { stdio: 'ignore' });
  try {
    mount('-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'shoal-test', path);
  } catch {
    await rm(root, { recursive: true, force: true });
    return undefined;
  }
  let mounted = true;
  return {
    path,
    turnReadOnly: () => mount('-o', 'remount,ro', path),
    unmount() {
      if (mounted) unmount();
      mounted = false;
    },
    async [Symbol.asyncDispose]() {
      this.unmount();
      await rm(root, { recursive: true, force: true });
    },
  };
};
type Disk = NonNullable<Awaited<ReturnType<typeof mountDisk>>>;

const probe = await mountDisk(1);
await probe?.[Symbol.asyncDispose]();
const mountTest = probe ? test.serial : test.serial.skip;
const diskOf = async (mebibytes: number): Promise<Disk> => {
  const disk = await mountDisk(mebibytes);
  if (!disk) throw new Error('it could be mounted a moment ago');
  return disk;
};

const filesOn = async (path: string): Promise<string[]> =>
  (await readdir(join(path, 'v1', 'chunk'), { recursive: true }).catch(() => [])).filter(
    (name) => name.length > 60,
  );
/** A cluster whose host 1 has a second disk. */
const startWith = (disk: Disk) =>
  startCluster(3, { moreDirectories: (index) => (index === 1 ? [disk.path] : []) });
const upload = async (cluster: Awaited<ReturnType<typeof startCluster>>, user: string, chunks: number) => {
  const contents = [];
  for (let index = 0; index < chunks; index++) {
    const bytes = randomBytes(64 * 1024);
    const { content } = await cluster.host(0).chunks.content.write(pieces(bytes), {
      ...{ user: `${user}${index}`, bytesMax: MiB, digests: [] },
    });
    contents.push({ bytes, content });
  }
  return contents;
};

mountTest('directories: what one has no room for goes to the other, until both are full', async (t) => {
  await using small = await diskOf(2);
  await using large = await diskOf(8);
  const files = await openChunkFiles(runtime, { directories: [small.path, large.path], reserveBytes: MiB });
  let stored = 0;
  const failed = await t.throwsAsync(async () => {
    for (;;) {
      const bytes = randomBytes(200 * 1024);
      await files.put(chunkIdOf(bytes), bytes);
      stored++;
    }
  });
  t.is((failed as { code?: string }).code, 'DISK_FULL');
  t.true(stored > 5 * 5, `${stored} chunks of 200 KiB on 1 + 7 MiB`);
  t.true((await filesOn(small.path)).length >= 2);
  t.deepEqual(
    files.directories.map(({ retired }) => retired),
    [undefined, undefined],
    'a full disk is no broken one',
  );
});

mountTest(
  'directories: one that turns read-only is retired and its chunks are put into the other',
  async (t) => {
    await using disk = await diskOf(32);
    await using cluster = await startWith(disk);
    await upload(cluster, 'before', 24);
    await until(
      'it has all',
      async () => (await cluster.host(1).files()).length + (await filesOn(disk.path)).length === 24,
    );
    t.true((await filesOn(disk.path)).length > 0);
    disk.turnReadOnly();
    await upload(cluster, 'after', 24);
    const one = () => cluster.host(1);
    await until('it is retired', () => one().chunks.status().retired.length === 1);
    t.regex(one().chunks.status().retired.join(), /EROFS/);
    await until('all are in the other directory', async () => (await one().files()).length === 48);
    await until('nothing is left to mend', () => one().chunks.status().queued === 0);
  },
);

mountTest(
  'directories: one that is unmounted while in use is written to no more, and mended from other hosts',
  async (t) => {
    await using disk = await diskOf(32);
    await using cluster = await startWith(disk);
    const contents = await upload(cluster, 'before', 24);
    await until(
      'it has all',
      async () => (await cluster.host(1).files()).length + (await filesOn(disk.path)).length === 24,
    );
    disk.unmount();
    const one = () => cluster.host(1);
    await until('it is retired', () => one().chunks.status().retired.length === 1);
    await until('all are in the other directory', async () => (await one().files()).length === 24);
    t.deepEqual(await readdir(disk.path), [], 'nothing was written below the missing disk');
    for (const { bytes, content } of contents)
      t.true(bytes.equals(await collect(one().chunks.content.read(content))));
  },
);

mountTest('directories: an agent that starts while a disk is not mounted does without it', async (t) => {
  await using disk = await diskOf(32);
  await using cluster = await startWith(disk);
  await upload(cluster, 'before', 16);
  await until(
    'it has all',
    async () => (await cluster.host(1).files()).length + (await filesOn(disk.path)).length === 16,
  );
  disk.unmount();
  await cluster.host(1).restart();
  t.regex(cluster.host(1).chunks.status().retired.join(), /not mounted/);
  await until('all are in the other directory', async () => (await cluster.host(1).files()).length === 16);
  t.deepEqual(await readdir(disk.path), []);
});

test('directories: one whose folders are gone while nobody writes is noticed by whoever lists it', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'shoal-disk-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const path = join(root, 'second');
  await mkdir(path);
  await using cluster = await startCluster(3, { moreDirectories: (index) => (index === 1 ? [path] : []) });
  await upload(cluster, 'before', 16);
  const one = () => cluster.host(1);
  await until('it has all', async () => (await one().files()).length + (await filesOn(path)).length === 16);
  t.true((await filesOn(path)).length > 0);
  await rm(join(path, 'v1'), { recursive: true });
  one().chunks.run('repair');
  await until('it is retired', () => one().chunks.status().retired.length === 1);
  t.regex(one().chunks.status().retired.join(), /ENOENT while listing/);
  await until('all are in the other directory', async () => (await one().files()).length === 16);
});

test('directories: one that comes back empty is filled again from other hosts', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'shoal-disk-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const path = join(root, 'second');
  await mkdir(path);
  await using cluster = await startCluster(3, { moreDirectories: (index) => (index === 1 ? [path] : []) });
  await upload(cluster, 'before', 16);
  const all = async () => (await cluster.host(1).files()).length + (await filesOn(path)).length;
  await until('it has all', async () => (await all()) === 16);
  const held = (await filesOn(path)).length;
  t.true(held > 0);
  await rm(path, { recursive: true });
  await mkdir(path);
  await cluster.host(1).restart();
  await until('it has all again', async () => (await all()) === 16);
  t.is((await filesOn(path)).length, held);
  t.deepEqual(cluster.host(1).chunks.status().retired, []);
});
