/**
 * Products of a matrix over GF(256) and rows of bytes, 16 bytes at a time. A product with a constant is two look-ups,
 * one for each half of the byte, in tables of 16; WebAssembly's `i8x16.swizzle` does 16 of them at once (Plank, Greenan,
 * Miller 2013). The module is one loop, assembled here: a compiler for 60 instructions would be the larger dependency,
 * and JavaScript alone reaches a fifth of its speed (docs/design/0015-erasure.md).
 *
 *     add(target, source, length, tables):  target[i] ^= low[source[i] & 15] ^ high[source[i] >> 4]
 */
import assert from 'node:assert/strict';
import { KiB } from '../../../proto/units.ts';
import { type Matrix, multiply } from './galois.ts';

const [i32, v128, none] = [0x7f, 0x7b, 0x40];
const [target, source, length, tables, low, high, bytes] = [0, 1, 2, 3, 4, 5, 6] as const;
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
const constant = (small: number): number[] => [0x41, small];
const [plus, minus] = [0x6a, 0x6b];
const load = (offset: number): number[] => [0xfd, 0x00, 0, offset];
const store = [0xfd, 0x0b, 0, 0];
const [swizzle, and, xor, shiftRight] = [
  [0xfd, 0x0e],
  [0xfd, 0x4e],
  [0xfd, 0x51],
  [0xfd, 0x6d],
];
const halves = [0xfd, 0x0c, ...new Array<number>(16).fill(0x0f)];
const step = 16;

const loop = [
  ...[...get(target), ...get(target), ...load(0)],
  ...[...get(low), ...get(source), ...load(0), ...tee(bytes), ...halves, ...and, ...swizzle, ...xor],
  ...[...get(high), ...get(bytes), ...constant(4), ...shiftRight, ...swizzle, ...xor, ...store],
  ...[...get(target), ...constant(step), plus, ...set(target)],
  ...[...get(source), ...constant(step), plus, ...set(source)],
  ...[...get(length), ...constant(step), minus, ...tee(length), 0x0d, 0],
];
const body = [
  ...[1, 3, v128],
  ...[...get(tables), ...load(0), ...set(low), ...get(tables), ...load(step), ...set(high)],
  ...[0x03, none, ...loop, 0x0b, 0x0b],
];

/** Sizes are written in seven bits a byte, the lowest first. */
const sized = (content: readonly number[]): number[] => {
  const size = content.length < 128 ? [content.length] : [(content.length & 127) | 128, content.length >> 7];
  return [...size, ...content];
};
const text = (name: string): number[] => sized([...Buffer.from(name)]);

/** So much of each row at once: with its target it stays in the processor's cache. */
const blockBytes = 16 * KiB;
/** Rows of sources, and of targets: the products of their factors fill half a block. */
export const rowsMax = 16;
const [sourcesAt, targetAt, pages] = [blockBytes, (1 + rowsMax) * blockBytes, 5];

const binary = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, ...sized([1, 0x60, 4, i32, i32, i32, i32, 0])],
  ...[3, ...sized([1, 0])],
  ...[5, ...sized([1, 0, pages])],
  ...[7, ...sized([2, ...text('add'), 0, 0, ...text('memory'), 2, 0])],
  ...[10, ...sized([1, ...sized(body)])],
]);

const start = () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary));
  return exports as unknown as {
    readonly memory: { readonly buffer: ArrayBuffer };
    add(target: number, source: number, length: number, tables: number): void;
  };
};
let started: ReturnType<typeof start> | undefined;

const halfBytes = Array.from({ length: 16 }, (_, half) => half);
const tablesOf = (factor: number): number[] => [
  ...halfBytes.map((half) => multiply(factor, half)),
  ...halfBytes.map((half) => multiply(factor, half << 4)),
];

/** `targets` become the matrix times `sources`: a row of factors each. All rows of bytes are of one length. */
export const multiplyRows = (
  matrix: Matrix,
  sources: readonly Uint8Array[],
  targets: readonly Uint8Array[],
): void => {
  assert(sources.length <= rowsMax && targets.length <= rowsMax, 'the kernel has no room for so many rows');
  started ??= start();
  const { memory, add } = started;
  const view = new Uint8Array(memory.buffer);
  view.set(matrix.flat().flatMap(tablesOf));
  const rowBytes = sources[0]?.length ?? 0;
  for (let from = 0; from < rowBytes; from += blockBytes) {
    const to = Math.min(rowBytes, from + blockBytes);
    // Whole steps: what a shorter block computes beyond its end is not copied out.
    const length = Math.ceil((to - from) / step) * step;
    sources.forEach((source, column) => {
      view.set(source.subarray(from, to), sourcesAt + column * blockBytes);
    });
    targets.forEach((target, row) => {
      view.fill(0, targetAt, targetAt + length);
      for (let column = 0; column < sources.length; column++)
        add(targetAt, sourcesAt + column * blockBytes, length, (row * sources.length + column) * 2 * step);
      target.set(view.subarray(targetAt, targetAt + to - from), from);
    });
  }
};
