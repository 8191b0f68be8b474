import { randomBytes } from 'node:crypto';
import test from 'ava';
import { bufferPool } from '../../agent/chunk/buffer-pool.ts';
import { cut } from '../../agent/chunk/cut.ts';
import { gate } from '../../agent/chunk/gate.ts';
import { bufferBytesMin, chunkBytesMax, fillMsMax, impatientBytesMax } from '../../agent/chunk/limits.ts';
import { uploadBuffers } from '../../agent/chunk/upload-buffers.ts';
import { KiB, MiB } from '../../proto/units.ts';

const idle = new AbortController().signal;

/** A clock that the source moves, and timers that go with it. */
const world = (places = 1) => {
  let nowMs = 0;
  const due = new Set<{ readonly atMs: number; readonly work: () => void }>();
  return {
    buffers: uploadBuffers(bufferPool(), gate(places)),
    clock: { monotonicMs: () => nowMs },
    timers: {
      after(delayMs: number, work: () => void) {
        const one = { atMs: nowMs + delayMs, work };
        due.add(one);
        return () => void due.delete(one);
      },
    },
    pass(ms: number) {
      nowMs += ms;
      for (const one of [...due])
        if (one.atMs <= nowMs) {
          due.delete(one);
          one.work();
        }
    },
  };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function* pieces(count: number, each: () => void = () => {}): AsyncGenerator<Uint8Array, void> {
  for (let index = 0; index < count; index++) {
    each();
    yield randomBytes(64 * KiB);
  }
}

test('upload buffers: a slow source without a place is cut short, and its bytes all come', async (t) => {
  const here = world();
  const held = await here.buffers.grow(here.buffers.take(bufferBytesMin), MiB, false, idle);
  t.truthy(held);
  const sent: Uint8Array[] = [];
  async function* slow(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of pieces(5, () => here.pass(1_000))) {
      sent.push(piece);
      yield piece;
    }
  }
  const got = await Array.fromAsync(cut(slow(), chunkBytesMax, idle, here));
  t.deepEqual(
    got.map(({ length }) => length),
    Array(5).fill(bufferBytesMin),
  );
  t.deepEqual(Buffer.concat(got), Buffer.concat(sent));
});

test('upload buffers: a quick source waits for a place, and one that goes away meanwhile waits no more', async (t) => {
  const here = world();
  const held = await here.buffers.grow(here.buffers.take(bufferBytesMin), MiB, false, idle);
  const stop = new AbortController();
  const lost = Array.fromAsync(cut(pieces(3), chunkBytesMax, stop.signal, here));
  const waiting = Array.fromAsync(cut(pieces(3), chunkBytesMax, idle, here));
  await turn();
  stop.abort();
  await t.throwsAsync(lost, { message: /the caller went away/ });
  if (held) here.buffers.give(held);
  t.deepEqual(
    (await waiting).map(({ length }) => length),
    [3 * 64 * KiB],
  );
});

test('upload buffers: a source that hangs in a long buffer is cut as it is, and goes on with the next', async (t) => {
  const here = world();
  const more = Promise.withResolvers<void>();
  async function* hangs(): AsyncGenerator<Uint8Array, void> {
    yield* pieces(3);
    await more.promise;
    yield* pieces(1);
  }
  const source = cut(hangs(), chunkBytesMax, idle, here);
  const first = source.next();
  await turn();
  here.pass(fillMsMax);
  const piece = (await first).value;
  t.is(piece?.length, 3 * 64 * KiB);
  if (piece) here.buffers.give(piece);
  more.resolve();
  t.is((await source.next()).value?.length, 64 * KiB);
  t.true((await source.next()).done);
});

test('upload buffers: a long slow upload waits for a place in the end, or its list would grow too long', async (t) => {
  const here = world(0);
  let cuts = 0;
  const slow = cut(
    pieces(impatientBytesMax / (64 * KiB) + 2, () => here.pass(1_000)),
    chunkBytesMax,
    idle,
    here,
  );
  for (let left = impatientBytesMax / (64 * KiB); left > 0; left--) {
    const { value } = await slow.next();
    if (value) here.buffers.give(value);
    cuts += value?.length ?? 0;
  }
  t.is(cuts, impatientBytesMax);
  const stuck = await Promise.race([slow.next(), turn().then(() => 'waits')]);
  t.is(stuck, 'waits');
});

test('upload buffers: a place is free again however a cut ends', async (t) => {
  const here = world();
  for (let round = 0; round < 3; round++) {
    // The reader stops, the source throws, the piece is dropped.
    for await (const piece of cut(pieces(3), 128 * KiB, idle, here)) {
      here.buffers.give(piece);
      break;
    }
    async function* fails(): AsyncGenerator<Uint8Array, void> {
      yield* pieces(2);
      throw new Error('lost');
    }
    await t.throwsAsync(Array.fromAsync(cut(fails(), chunkBytesMax, idle, here)), { message: 'lost' });
    for await (const piece of cut(pieces(2), chunkBytesMax, idle, here)) here.buffers.drop(piece);
  }
  t.truthy(await here.buffers.grow(here.buffers.take(bufferBytesMin), MiB, false, idle));
});
