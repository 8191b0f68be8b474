/** Reading over all chunks: where it was is on disk, how fast it goes is set, and what it finds is told. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openChunkFiles } from '../../agent/chunk/chunk-files.ts';
import { chunkIdOf } from '../../agent/chunk/chunk-name.ts';
import { scrubStoreEvery } from '../../agent/chunk/limits.ts';
import { openScrub } from '../../agent/chunk/scrub.ts';
import { type Throttle, throttle } from '../../agent/chunk/throttle.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { ChunkId } from '../../proto/ids.ts';

const runtime = systemRuntime({ level: 'error', destination: { write: () => {} } });
const chunkBytes = 1_000;

const open = async (chunks: number) => {
  const path = await mkdtemp(join(tmpdir(), 'shoal-scrub-'));
  const files = await openChunkFiles(runtime, { directories: [path], reserveBytes: 0 });
  for (let index = 0; index < chunks; index++) {
    const bytes = randomBytes(chunkBytes);
    await files.put(chunkIdOf(bytes), bytes);
  }
  const ids = await Array.fromAsync(files.list());
  const store = memoryKeyValue();
  const read: ChunkId[] = [];
  return {
    ids,
    /** Since the last start, in order. */
    read,
    spoil: (id: ChunkId) => writeFile(join(path, 'v1', 'chunk', id.slice(0, 2), id), randomBytes(chunkBytes)),
    /** As a new process: all but the store is forgotten. `after` chunks it is stopped. */
    start(after = Number.POSITIVE_INFINITY, pace?: Throttle) {
      const stop = new AbortController();
      read.length = 0;
      const scrub = openScrub({
        clock: runtime.clock,
        store,
        files: {
          ...files,
          async read(id) {
            read.push(id);
            if (read.length === after) stop.abort(new Error('stopped'));
            return files.read(id);
          },
        },
        throttle: pace ?? throttle(runtime, { perSecond: 1e9 }),
      });
      return { scrub, walked: scrub.walk(stop.signal).catch(() => {}) };
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
};

test('scrub: after a restart it goes on where it was, and the pass counts what both lives read', async (t) => {
  await using disk = await open(3 * scrubStoreEvery);
  const last = disk.ids.at(-1) as ChunkId;
  await disk.spoil(disk.ids[0] as ChunkId);
  await disk.spoil(last);
  await disk.start(2 * scrubStoreEvery + 10).walked;
  t.deepEqual(disk.read, disk.ids.slice(0, 2 * scrubStoreEvery + 10));

  const { scrub, walked } = disk.start();
  t.true(scrub.status().position > 0.4 && scrub.status().position < 0.9, `${scrub.status().position}`);
  await walked;
  t.deepEqual(
    disk.read,
    disk.ids.slice(2 * scrubStoreEvery),
    'at most so many are read again as a stored position lags',
  );
  const { lastPass, running } = scrub.status();
  t.false(running);
  t.like(lastPass, { chunks: disk.ids.length, bytes: (disk.ids.length - 2) * chunkBytes, damaged: 2 });

  const next = disk.start();
  await next.walked;
  t.is(
    disk.read.length,
    disk.ids.length - 2,
    'the next pass begins at the first; what was damaged is set aside',
  );
  t.is(next.scrub.status().lastPass?.damaged, 0);
});

test('scrub: each byte that it reads is paid for before the next', async (t) => {
  await using disk = await open(10);
  let paid = 0;
  const { walked } = disk.start(undefined, {
    async take(amount) {
      t.is(disk.read.length * chunkBytes, paid + amount);
      paid += amount;
    },
  });
  await walked;
  t.is(paid, 10 * chunkBytes);
});

test('throttle: takers wait in the order in which they came, and an idle hour buys no burst', async (t) => {
  let nowMs = 3_600_000;
  const waits: number[] = [];
  const { take } = throttle(
    {
      clock: { ...runtime.clock, monotonicMs: () => nowMs },
      timers: {
        ...runtime.timers,
        async sleep(ms) {
          waits.push(ms);
        },
      },
    },
    { perSecond: 1_000 },
  );
  await Promise.all([take(500), take(2_000), take(1)]);
  t.deepEqual(waits, [500, 2_500], 'the first goes at once, each other after what was booked before it');
  nowMs += 3_600_000;
  await Promise.all([take(1_000), take(1_000)]);
  t.deepEqual(waits.slice(2), [1_000]);
});
