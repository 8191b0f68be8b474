import { randomBytes } from 'node:crypto';
import test from 'ava';
import { packPieces } from '../../agent/chunk/packed-pieces.ts';
import { partsOf } from '../../agent/chunk/part.ts';
import type { Piece } from '../../agent/chunk/port.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { MiB } from '../../proto/units.ts';

const piece = (more: Partial<Piece> = {}): Piece => ({
  id: randomBytes(32).toString('hex') as ChunkId,
  length: 4 * MiB,
  ...more,
});

test('packed pieces: come out as they went in, again and again', (t) => {
  const pieces = [
    piece(),
    piece({ length: 2 ** 32 - 1 }),
    piece({ zstdBytes: 5, iv: randomBytes(16) }),
    piece({ isStripe: true, length: 1 }),
  ];
  const packed = packPieces(pieces);
  t.deepEqual([...packed], pieces);
  t.deepEqual([...packed], pieces);
  t.deepEqual([...packPieces([])], []);
});

test('parts: a range touches its chunks and no others, and of each its bytes', (t) => {
  const pieces = [10, 20, 30].map((length) => piece({ length }));
  const ranges = (start: number, end: number): (readonly number[])[] =>
    [...Iterator.from(partsOf(pieces, start, end))].map(({ id, from, to }) => [
      pieces.findIndex((one) => one.id === id),
      ...[from, to],
    ]);
  t.deepEqual(ranges(0, 60), [
    [0, 0, 10],
    [1, 0, 20],
    [2, 0, 30],
  ]);
  t.deepEqual(ranges(9, 31), [
    [0, 9, 10],
    [1, 0, 20],
    [2, 0, 1],
  ]);
  t.deepEqual(ranges(10, 30), [[1, 0, 20]]);
  t.deepEqual(ranges(15, 16), [[1, 5, 6]]);
  for (const [start, end] of [
    [7, 7],
    [10, 10],
    [8, 3],
    [60, 70],
  ] as const)
    t.deepEqual(ranges(start, end), []);
});
