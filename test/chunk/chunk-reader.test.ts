import test from 'ava';
import { bufferPool } from '../../agent/chunk/buffer-pool.ts';
import { chunkReader } from '../../agent/chunk/chunk-reader.ts';
import { gate } from '../../agent/chunk/gate.ts';
import { quickMs, readSliceBytes } from '../../agent/chunk/limits.ts';
import { sliceReader } from '../../agent/chunk/slice-reader.ts';

const slices = 3;
const whole = slices * readSliceBytes;
const part = (id: number) => ({ id, from: 0, to: whole });

/** Readers of chunks, `places` at most in memory; time passes when the test says so. */
const open = (places: number, provenPlaces = 0) => {
  let nowMs = 0;
  const due = new Map<() => void, number>();
  const gets: number[] = [];
  const cuts: (readonly [id: number, start: number])[] = [];
  const pool = bufferPool();
  const out = new Map<ArrayBufferLike, number>();
  /** What is on the disks by now, where it is not what it was. */
  const spoilt = new Set<number>();
  const give = (bytes: Uint8Array): void => {
    if (!out.delete(bytes.buffer)) throw new Error('a buffer came back that was not out');
    // Whoever still reads it sees that.
    bytes.fill(0xee);
    pool.give(bytes);
  };
  const readParts = chunkReader<ReturnType<typeof part>>(
    {
      ...{ places: gate(places), provenPlaces, cuts: gate(1), buffers: { give } },
      clock: { monotonicMs: () => nowMs },
      timers: {
        after(delayMs, work) {
          due.set(work, nowMs + delayMs);
          return () => void due.delete(work);
        },
      },
    },
    {
      async whole({ id }) {
        gets.push(id);
        if (id < 0) throw new Error('no owner has it');
        const bytes = pool.take(whole).subarray(0, whole);
        out.set(bytes.buffer, id);
        return bytes.fill(id);
      },
      async slice({ id }, at, into) {
        cuts.push([id, at]);
        into.fill(id);
        return !spoilt.has(id);
      },
    },
  );
  const read = (parts: ReturnType<typeof part>[], stop: AbortSignal) => readParts(parts.values(), stop);
  const wait = (ms: number): void => {
    nowMs += ms;
    for (const [work, dueMs] of due) if (dueMs <= nowMs && due.delete(work)) work();
  };
  return { read, gets, cuts, out, spoilt, wait, due };
};
/** The reader's own, whatever becomes of the pieces. */
const all = async (reader: AsyncIterable<Uint8Array>, pause = () => {}): Promise<Uint8Array[]> => {
  const copies: Uint8Array[] = [];
  for await (const piece of reader) {
    copies.push(Uint8Array.from(piece));
    pause();
  }
  return copies;
};
const { signal } = new AbortController();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const next = async (reader: AsyncGenerator<Uint8Array, void>): Promise<Uint8Array> => {
  const { value } = await reader.next();
  return value ?? new Uint8Array();
};

test('reading: a quick reader gets each chunk once, the next one ahead, and every byte', async (t) => {
  const { read, gets, out } = open(2);
  const pieces = await all(read([part(1), { ...part(2), from: 5, to: 9 }, part(3)], signal));
  t.deepEqual(gets, [1, 2, 3]);
  t.deepEqual(
    pieces.map((piece) => [piece.length, piece[0], piece.at(-1)]),
    [
      [whole, 1, 1],
      [4, 2, 2],
      [whole, 3, 3],
    ],
  );
  t.is(out.size, 0);
});

test('reading: a piece stays as it is until the next one is asked for, then its buffer is free', async (t) => {
  const { read, out } = open(2);
  const reader = read([part(1), part(2)], signal);
  const first = await next(reader);
  await turn();
  t.deepEqual([first[0], first.at(-1)], [1, 1]);
  t.is(out.get(first.buffer), 1);
  const second = await next(reader);
  await turn();
  t.not(out.get(first.buffer), 1);
  t.deepEqual([second[0], second.at(-1)], [2, 2]);
  await reader.return();
  await turn();
  t.is(out.size, 0);
});

test('reading: a chunk is read once for all slices of a reader, which come one after the other in its own memory', async (t) => {
  const { read, gets, cuts, out, wait } = open(0);
  const slow = (reader: AsyncIterable<Uint8Array>) => all(reader, () => wait(60_000));
  const readers = [1, 2].map((id) => read([part(id), { ...part(id + 2), from: 7, to: whole - 7 }], signal));
  for (const [index, slices] of (await Promise.all(readers.map(slow))).entries())
    t.deepEqual(
      slices.map((slice) => [slice.length, slice[0], slice.at(-1)]),
      [
        ...Array.from({ length: 3 }, () => [readSliceBytes, index + 1, index + 1]),
        ...[readSliceBytes, readSliceBytes, readSliceBytes - 14].map((length) => [
          length,
          index + 3,
          index + 3,
        ]),
      ],
    );
  t.deepEqual(gets.sort(), [1, 2, 3, 4]);
  t.deepEqual(
    cuts.filter(([id]) => id === 3).map(([, start]) => start),
    [7 + readSliceBytes, 7 + 2 * readSliceBytes],
  );
  t.is(out.size, 0);
});

test('reading: a slice that is not what was verified, or not there, has its chunk read again', async (t) => {
  const { read, gets, spoilt, wait } = open(0);
  const reader = read([part(1)], signal);
  await next(reader);
  spoilt.add(1);
  wait(60_000);
  t.is((await next(reader))[0], 1);
  spoilt.clear();
  wait(60_000);
  t.is((await next(reader))[0], 1);
  t.true((await reader.next()).done);
  t.deepEqual(gets, [1, 1]);

  const files = new Map([[1, 1]]);
  const lying = sliceReader<ReturnType<typeof part>>(
    { cuts: gate(1), buffers: { give() {} } },
    {
      whole: async () => new Uint8Array(whole).fill(1),
      async slice(_part, _at, into) {
        into.fill(files.get(1) ?? 0);
        return true;
      },
    },
  )();
  const one = part(1);
  t.is((await lying(one, 0, signal))[0], 1);
  files.set(1, 9);
  t.is((await lying(one, readSliceBytes, signal))[0], 1, 'what rotted meanwhile does not come out');
});

test('reading: who finds no place gets small slices, and every byte; a place that is free again is taken', async (t) => {
  const { read, gets } = open(1);
  const first = read([part(1)], signal);
  t.is((await next(first)).length, whole);
  const second = read([{ ...part(2), from: 7 }], signal);
  const slice = await next(second);
  t.deepEqual([slice.length, slice.buffer.byteLength], [readSliceBytes, readSliceBytes]);
  await first.return();
  await turn();
  // The rest comes whole.
  t.is((await next(second)).length, whole - 7 - readSliceBytes);
  t.true((await second.next()).done);
  t.deepEqual(gets, [1, 2, 2]);
});

test('reading: a reader that turns out to be slow leaves its place to others, until it is quick', async (t) => {
  const { read, gets, wait } = open(1);
  const slow = read([part(1), part(2), part(3)], signal);
  t.is((await next(slow)).length, whole);
  wait(60_000);
  t.is((await next(slow)).length, readSliceBytes);
  const other = read([part(4)], signal);
  t.is((await next(other)).length, whole);
  await other.return();
  await turn();
  wait(60_000);
  t.is((await next(slow)).length, readSliceBytes);
  wait(1);
  t.is((await next(slow)).length, whole - 2 * readSliceBytes);
  t.is((await next(slow)).length, whole);
  t.true((await slow.next()).done);
  t.deepEqual(gets, [1, 2, 4, 2, 3]);
});

test('reading: whatever ends a reader, its places are free again', async (t) => {
  const { read } = open(2);
  await t.throwsAsync(
    async () => {
      for await (const _ of read([part(1), part(-1)], signal));
    },
    { message: 'no owner has it' },
  );
  const left = read([part(1), part(2)], signal);
  await left.next();
  await left.return();
  const readers = [1, 2].map((id) => read([part(id)], signal));
  for (const reader of readers) t.is((await next(reader)).length, whole);
});

test('reading: those who ask and do not read leave places to readers that are quick', async (t) => {
  const { read } = open(4, 2);
  const stuck = [1, 2, 3].map((id) => read([part(id)], signal));
  t.deepEqual(await Promise.all(stuck.map(async (reader) => (await next(reader)).length)), [
    whole,
    whole,
    readSliceBytes,
  ]);
  const quick = read([part(4), part(5)], signal);
  t.is((await next(quick)).length, readSliceBytes, 'nothing is known of it');
  t.is((await next(quick)).length, whole - readSliceBytes);
  t.is((await next(quick)).length, whole);
});

test('reading: a quick reader waits for a place, once a chunk, while others leave theirs', async (t) => {
  const { read, due, wait } = open(1);
  const other = read([part(1)], signal);
  await other.next();
  const quick = read([part(2)], signal);
  t.is((await next(quick)).length, readSliceBytes);
  const late = next(quick);
  t.is(due.size, 1);
  wait(quickMs);
  t.is((await late).length, readSliceBytes, 'none came');
  t.is((await next(quick)).length, readSliceBytes, 'it waited already');
  t.is(due.size, 0);

  const patient = [3, 4].map((id) => read([part(id)], signal));
  for (const reader of patient) await reader.next();
  const [soon, later] = patient.map(next);
  wait(quickMs - 1);
  await other.return();
  await turn();
  t.is((await soon)?.length, whole - readSliceBytes);
  wait(1);
  t.is(due.size, 1, 'one place was left, so the next may be');
  wait(quickMs - 1);
  t.is((await later)?.length, readSliceBytes);
  t.is(due.size, 0);

  const stop = new AbortController();
  const gone = read([part(5)], stop.signal);
  await gone.next();
  const lost = gone.next();
  stop.abort(new Error('gone'));
  await t.throwsAsync(lost, { message: 'gone' });
});
