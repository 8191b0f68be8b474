import test from 'ava';
import { bufferPool } from '../../agent/chunk/buffer-pool.ts';
import { chunkReader } from '../../agent/chunk/chunk-reader.ts';
import { gate } from '../../agent/chunk/gate.ts';
import { readCopyBytes } from '../../agent/chunk/limits.ts';

const copies = 3;
const whole = copies * readCopyBytes;
const part = (id: number) => ({ id, from: 0, to: whole });

/** Readers of chunks, `places` at most in memory; time passes when the test says so. */
const open = (places: number, provenPlaces = 0) => {
  let nowMs = 0;
  const due = new Set<() => void>();
  const gets: number[] = [];
  const taken: ArrayBufferLike[] = [];
  const read = chunkReader<ReturnType<typeof part>>(
    {
      ...{ places: gate(places), provenPlaces, copies: gate(1), buffers: bufferPool() },
      clock: { monotonicMs: () => nowMs },
      timers: {
        after(_delayMs, work) {
          due.add(work);
          return () => void due.delete(work);
        },
      },
    },
    async ({ id }, _signal, take) => {
      gets.push(id);
      if (id < 0) throw new Error('no owner has it');
      const bytes = take ? take(whole) : new Uint8Array(whole);
      if (take) taken.push(bytes.buffer);
      return bytes.fill(id);
    },
  );
  const wait = (ms: number): void => {
    nowMs += ms;
  };
  const expire = (): void => {
    for (const work of due) work();
  };
  return { read, gets, taken, wait, expire, due };
};
const { signal } = new AbortController();
const next = async (reader: AsyncGenerator<Uint8Array, void>): Promise<Uint8Array> => {
  const { value } = await reader.next();
  return value ?? new Uint8Array();
};

test('reading: a quick reader gets each chunk once, the next one ahead, and every byte', async (t) => {
  const { read, gets } = open(2);
  const all: Uint8Array[] = [];
  for await (const piece of read([part(1), { ...part(2), from: 5, to: 9 }, part(3)], signal)) all.push(piece);
  t.deepEqual(gets, [1, 2, 3]);
  t.deepEqual(
    all.map((piece) => [piece.length, piece[0]]),
    [
      [whole, 1],
      [4, 2],
      [whole, 3],
    ],
  );
});

test('reading: copies come from one buffer that is used again, and keep their bytes', async (t) => {
  const { read, taken } = open(0);
  const copies = await Promise.all([1, 2, 3].map((id) => next(read([part(id)], signal))));
  t.deepEqual(
    copies.map((copy) => [copy.length, copy[0], copy.at(-1)]),
    [1, 2, 3].map((id) => [readCopyBytes, id, id]),
  );
  t.is(taken.length, 3);
  t.is(new Set(taken).size, 1);
});

test('reading: who finds no place gets small copies, and every byte; a place that is free again is taken', async (t) => {
  const { read, gets } = open(1);
  const first = read([part(1)], signal);
  t.is((await next(first)).length, whole);
  const second = read([{ ...part(2), from: 7 }], signal);
  const copy = await next(second);
  t.deepEqual([copy.length, copy.buffer.byteLength], [readCopyBytes, readCopyBytes]);
  await first.return();
  // The rest comes whole.
  t.is((await next(second)).length, whole - 7 - readCopyBytes);
  t.true((await second.next()).done);
  t.deepEqual(gets, [1, 2, 2]);
});

test('reading: a reader that turns out to be slow leaves its place to others, until it is quick', async (t) => {
  const { read, gets, wait } = open(1);
  const slow = read([part(1), part(2), part(3)], signal);
  t.is((await next(slow)).length, whole);
  wait(60_000);
  t.is((await next(slow)).length, readCopyBytes);
  const other = read([part(4)], signal);
  t.is((await next(other)).length, whole);
  await other.return();
  wait(60_000);
  t.is((await next(slow)).length, readCopyBytes);
  wait(1);
  t.is((await next(slow)).length, whole - 2 * readCopyBytes);
  t.is((await next(slow)).length, whole);
  t.true((await slow.next()).done);
  t.deepEqual(gets, [1, 2, 4, 2, 2, 3]);
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
    readCopyBytes,
  ]);
  const quick = read([part(4), part(5)], signal);
  t.is((await next(quick)).length, readCopyBytes, 'nothing is known of it');
  t.is((await next(quick)).length, whole - readCopyBytes);
  t.is((await next(quick)).length, whole);
});

test('reading: a quick reader waits a moment for a place, once a chunk', async (t) => {
  const { read, due, expire } = open(1);
  const other = read([part(1)], signal);
  await other.next();
  const quick = read([part(2)], signal);
  t.is((await next(quick)).length, readCopyBytes);
  const late = next(quick);
  t.is(due.size, 1);
  expire();
  t.is((await late).length, readCopyBytes, 'none came');
  t.is((await next(quick)).length, readCopyBytes, 'it waited already');
  t.is(due.size, 0);

  const patient = read([part(3)], signal);
  await patient.next();
  const soon = next(patient);
  await other.return();
  t.is((await soon).length, whole - readCopyBytes);
  t.is(due.size, 0);

  const stop = new AbortController();
  const gone = read([part(4)], stop.signal);
  await gone.next();
  const lost = gone.next();
  stop.abort(new Error('gone'));
  await t.throwsAsync(lost, { message: 'gone' });
});
