import { randomBytes, randomFillSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { bufferPool } from '../../agent/chunk/buffer-pool.ts';
import { type ChunkFiles, openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { chunkIdOf } from '../../agent/chunk/chunk-name.ts';
import { openDataDirectory } from '../../agent/chunk/data-directory.ts';
import { blockBytes, chunkBytesMax, directBytesMin } from '../../agent/chunk/limits.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { hasCode } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { MiB } from '../../proto/units.ts';

const runtime = systemRuntime({ level: 'error', destination: { write: () => {} } });
const folder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'shoal-files-'));
  return {
    path,
    open: (reserveBytes = 0, ...more: string[]): Promise<ChunkFiles> =>
      openChunkFiles(runtime, { directories: [path, ...more.map((name) => join(path, name))], reserveBytes }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
};
const some = (size = 1000): { id: ChunkId; bytes: Uint8Array } => {
  const bytes = Uint8Array.from(randomBytes(size));
  return { id: chunkIdOf(bytes), bytes };
};
const all = async (source: AsyncIterable<ChunkId>): Promise<ChunkId[]> => Array.fromAsync(source);
const pathOf = (root: string, id: ChunkId): string => join(root, 'v1', 'chunk', id.slice(0, 2), id);

test('chunk files: what was put is there for the next process', async (t) => {
  await using disk = await folder();
  const { id, bytes } = some();
  await (await disk.open()).put(id, bytes);
  const again = await disk.open();
  t.deepEqual(new Uint8Array((await again.read(id)) ?? []), bytes);
  t.true(await again.has(id));
});

test('chunk files: bytes that end within a block are stored to their end and no further', async (t) => {
  await using disk = await folder();
  const files = await disk.open();
  const buffers = bufferPool();
  for (const length of [directBytesMin - 1, directBytesMin, directBytesMin + 1, MiB - 1, chunkBytesMax]) {
    const buffer = buffers.take(length).fill(0xee);
    for (const start of [0, 1, blockBytes]) {
      if (start + length > buffer.length) continue;
      const bytes = randomFillSync(buffer.subarray(start, start + length));
      const id = chunkIdOf(bytes);
      await files.put(id, bytes);
      t.is(Buffer.compare((await files.read(id)) ?? new Uint8Array(), bytes), 0, `${length} from ${start}`);
    }
  }
});

test('chunk files: a crash between the temporary file and its name leaves no chunk and no file', async (t) => {
  await using disk = await folder();
  const { id, bytes } = some();
  await disk.open();
  await writeFile(join(disk.path, 'v1', 'temp', `${id}.0`), bytes.subarray(0, 500));
  const files = await disk.open();
  t.deepEqual(await readdir(join(disk.path, 'v1', 'temp')), []);
  t.is(await files.read(id), undefined);
  t.deepEqual(await all(files.list()), []);
  await files.put(id, bytes);
  t.true(await files.has(id));
});

test('chunk files: a damaged copy is set aside, reported once and never served', async (t) => {
  await using disk = await folder();
  const files = await disk.open();
  const damaged: ChunkId[] = [];
  files.onDamage((id) => damaged.push(id));
  const { id, bytes } = some();
  await files.put(id, bytes);
  const spoilt = await readFile(pathOf(disk.path, id));
  spoilt[17] = (spoilt[17] ?? 0) ^ 1;
  await writeFile(pathOf(disk.path, id), spoilt);
  t.true(hasCode(await t.throwsAsync(files.read(id)), 'DAMAGED'));
  t.is(await files.read(id), undefined);
  t.deepEqual(damaged, [id]);
  t.is((await readdir(join(disk.path, 'v1', 'quarantine'))).length, 1);
});

test('chunk files: a put over a damaged copy puts the good one in its place', async (t) => {
  await using disk = await folder();
  const files = await disk.open();
  const { id, bytes } = some();
  await files.put(id, bytes);
  await writeFile(pathOf(disk.path, id), 'rubbish');
  await files.put(id, bytes);
  t.deepEqual(new Uint8Array((await files.read(id)) ?? []), bytes);
});

test('chunk files: a full disk refuses before it is full, and keeps nothing', async (t) => {
  await using disk = await folder();
  const files = await disk.open(Number.MAX_SAFE_INTEGER);
  const { id, bytes } = some();
  const error = await t.throwsAsync(files.put(id, bytes));
  t.true(hasCode(error, 'DISK_FULL'));
  t.regex(error?.message ?? '', /no room for 1000 bytes above its reserve/);
  t.deepEqual(await readdir(join(disk.path, 'v1', 'temp')), []);
  t.is((await files.space()).freeBytes, 0);
});

test('chunk files: a list is in order and goes on after a position', async (t) => {
  await using disk = await folder();
  const files = await disk.open(0, 'second');
  const chunks = Array.from({ length: 40 }, () => some(10));
  await Promise.all(chunks.map(({ id, bytes }) => files.put(id, bytes)));
  await writeFile(join(disk.path, 'v1', 'chunk', '00', 'notes.txt'), 'not a chunk');
  const ids = chunks.map(({ id }) => id).sort();
  t.deepEqual(await all(files.list()), ids);
  t.deepEqual(await all(files.list(ids[17])), ids.slice(18));
});

test('chunk files: two directories share the chunks, and either may be given first', async (t) => {
  await using disk = await folder();
  const files = await disk.open(0, 'second');
  const chunks = Array.from({ length: 40 }, () => some(10));
  for (const { id, bytes } of chunks) await files.put(id, bytes);
  const second = await readdir(join(disk.path, 'second', 'v1', 'chunk'), { recursive: true });
  const there = second.filter((name) => name.length > 60).length;
  t.true(there > 5 && there < 35, `${there} of 40 in the second`);
  const turned = await openChunkFiles(runtime, {
    directories: [join(disk.path, 'second'), disk.path],
    reserveBytes: 0,
  });
  for (const { id } of chunks) t.truthy(await turned.read(id));
});

test('chunk files: equal puts at once store one file, and every one of them counts as a put', async (t) => {
  await using disk = await folder();
  const files = await disk.open();
  let puts = 0;
  files.onPut(() => {
    puts += 1;
  });
  const { id, bytes } = some();
  await Promise.all(Array.from({ length: 8 }, () => files.put(id, bytes)));
  t.is(puts, 8);
  t.is((await files.space()).usedBytes, bytes.length);
});

test('chunk files: a removal asks under the lock, after the puts before it', async (t) => {
  await using disk = await folder();
  const files = await disk.open();
  const { id, bytes } = some();
  await files.put(id, bytes);
  let wanted = false;
  files.onPut(() => {
    wanted = true;
  });
  const [, removed] = await Promise.all([files.put(id, bytes), files.remove(id, () => !wanted)]);
  t.false(removed);
  t.true(await files.has(id));
  t.true(await files.remove(id, () => true));
  t.false(await files.has(id));
});

test('chunk files: a chunk is not here while its name may not be on disk yet', async (t) => {
  await using disk = await folder();
  const { id, bytes } = some();
  const [named, synced] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const openDirectory: typeof openDataDirectory = async (...words) => {
    const directory = await openDataDirectory(...words);
    // What a slow fsync of the folder is: the file has its name, and a power cut may take it back.
    const write: typeof directory.write = async (...what) => {
      await directory.write(...what);
      named.resolve();
      await synced.promise;
    };
    return { ...directory, write };
  };
  const files = await openChunkFiles(
    { ...runtime, openDirectory },
    { directories: [disk.path], reserveBytes: 0 },
  );
  const putting = files.put(id, bytes);
  await named.promise;
  let answer: boolean | undefined;
  const asking = files.has(id).then((has) => {
    answer = has;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(answer, undefined, 'an owner that said yes here could make another host drop the last copy');
  synced.resolve();
  await Promise.all([putting, asking]);
  t.true(answer);
});
