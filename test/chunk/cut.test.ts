import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { bufferPool } from '../../agent/chunk/buffer-pool.ts';
import { cut as cutInto } from '../../agent/chunk/cut.ts';
import { digestPool } from '../../agent/chunk/digest-pool.ts';
import { gate } from '../../agent/chunk/gate.ts';
import { chunkBytesMax, uploadBuffersMax } from '../../agent/chunk/limits.ts';
import { uploadBuffers } from '../../agent/chunk/upload-buffers.ts';
import { hasCode } from '../../proto/error.ts';
import { KiB, MiB } from '../../proto/units.ts';

const roomy = () => uploadBuffers(bufferPool(), gate(uploadBuffersMax));
const still = { clock: { monotonicMs: () => 0 }, timers: { after: () => () => {} } };
const cut = (source: AsyncIterable<Uint8Array>, sizeBytes: number, signal: AbortSignal, buffers = roomy()) =>
  cutInto(source, sizeBytes, signal, { buffers, ...still });
const idle = new AbortController().signal;
async function* of(...sizes: number[]): AsyncGenerator<Uint8Array, void> {
  for (const size of sizes) yield randomBytes(size);
}
const sizes = async (source: AsyncIterable<Uint8Array>): Promise<number[]> =>
  (await Array.fromAsync(source)).map(({ length }) => length);

test('cut: pieces of any size become chunks of one size and a rest', async (t) => {
  t.deepEqual(await sizes(cut(of(), 10, idle)), []);
  t.deepEqual(await sizes(cut(of(0, 0), 10, idle)), []);
  t.deepEqual(await sizes(cut(of(10), 10, idle)), [10]);
  t.deepEqual(await sizes(cut(of(3, 3, 3, 3), 10, idle)), [10, 2]);
  t.deepEqual(await sizes(cut(of(35), 10, idle)), [10, 10, 10, 5]);
  t.deepEqual(await sizes(cut(of(200_000, 1), 200_000, idle)), [200_000, 1]);
});

test('cut: a chunk keeps its bytes when the source reuses its buffer', async (t) => {
  const buffer = new Uint8Array(4);
  async function* reuses(): AsyncGenerator<Uint8Array, void> {
    for (let value = 1; value <= 4; value++) yield buffer.fill(value);
  }
  const chunks = await Array.fromAsync(cut(reuses(), 8, idle));
  t.deepEqual(Buffer.concat(chunks).join(''), '1111222233334444');
});

test('cut: the buffers of an upload are used again by the next', async (t) => {
  const buffers = roomy();
  const seen = new Set<ArrayBufferLike>();
  for (let upload = 0; upload < 4; upload++)
    for await (const piece of cut(of(KiB, ...Array(20).fill(64 * KiB), 9), chunkBytesMax, idle, buffers)) {
      t.is(piece.length, KiB + 20 * 64 * KiB + 9);
      seen.add(piece.buffer);
      buffers.give(piece);
    }
  t.is(seen.size, 1);
});

test('cut: a reader that stops early ends the source', async (t) => {
  let ended = false;
  async function* source(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) yield randomBytes(8);
    } finally {
      ended = true;
    }
  }
  for await (const _ of cut(source(), 8, idle)) break;
  await new Promise((resolve) => setImmediate(resolve));
  t.true(ended);
});

test('cut: an abort before the first byte reads nothing', async (t) => {
  const gone = AbortSignal.abort();
  t.true(hasCode(await t.throwsAsync(sizes(cut(of(10), 10, gone))), 'ABORTED'));
});

test('cut: what was cut is let go while the upload goes on', async (t) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const seen: WeakRef<Uint8Array>[] = [];
  async function* source(): AsyncGenerator<Uint8Array, void> {
    for (let index = 0; index < 64; index++) {
      const piece = new Uint8Array(randomBytes(64 * 1024));
      seen.push(new WeakRef(piece));
      yield piece;
    }
  }
  let chunks = 0;
  const buffers = roomy();
  for await (const chunk of cut(source(), 128 * 1024, idle, buffers)) {
    buffers.give(chunk);
    chunks += 1;
    if (chunks < 32) continue;
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const held = seen.filter((piece) => piece.deref()).length;
    t.true(held <= 4, `${held} of ${seen.length} pieces are held`);
  }
  t.is(chunks, 32);
});

test('digests: worker threads and the main thread agree, for many uploads at once', async (t) => {
  const pool = digestPool();
  const buffers = bufferPool();
  t.teardown(() => pool.stop());
  await Promise.all(
    [0, 1, 100, MiB, 4 * MiB].flatMap((size) =>
      [1, 3].map(async (count) => {
        const digests = pool.start(['md5', 'sha512']);
        const md5 = createHash('md5');
        const sha512 = createHash('sha512');
        for (let index = 0; index < count; index++) {
          const piece = buffers.take(size).subarray(0, size);
          randomFillSync(piece);
          md5.update(piece);
          sha512.update(piece);
          await digests.update(piece, () => {
            piece.fill(0);
            buffers.give(piece);
          });
        }
        t.deepEqual(await digests.finish(), { md5: md5.digest('hex'), sha512: sha512.digest('hex') });
      }),
    ),
  );
});

test('digests: when the workers end, an upload under way fails instead of hanging', async (t) => {
  const pool = digestPool();
  const digests = pool.start(['md5']);
  await digests.update(randomBytes(MiB));
  await pool.stop();
  await t.throwsAsync(digests.finish(), { message: /worker thread ended/ });
});
