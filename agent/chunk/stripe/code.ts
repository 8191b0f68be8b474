/**
 * An erasure code: k pieces of data and m of parity, any k of which give the data back. Cauchy's matrix below the
 * identity: each square part of it has an inverse, so no k of the rows are alike (Blömer and others 1995).
 */
import { type Code, codeName } from '../../../proto/policy.ts';
import { invert, invertMatrix, type Matrix } from './galois.ts';
import { multiplyRows } from './galois-kernel.ts';

/** One row of factors a fragment: the data's are those of the identity. */
const generator = ({ data, parity }: Code): Matrix =>
  Array.from({ length: data + parity }, (_, row) =>
    Array.from({ length: data }, (_, column) => (row < data ? Number(row === column) : invert(row ^ column))),
  );
const generators = new Map<string, Matrix>();
const generatorOf = (code: Code): Matrix => {
  const held = generators.get(codeName(code)) ?? generator(code);
  generators.set(codeName(code), held);
  return held;
};

/** Bytes of each fragment of so many. */
export const fragmentBytes = (length: number, { data }: Code): number => Math.ceil(length / data);

/** The parts of the data, in order; the last ones are short where the length is no multiple, and read as zeros beyond. */
const cutEven = (bytes: Uint8Array, code: Code): Uint8Array[] => {
  const size = fragmentBytes(bytes.length, code);
  return Array.from({ length: code.data }, (_, index) => {
    const part = bytes.subarray(index * size, (index + 1) * size);
    if (part.length === size) return part;
    const padded = new Uint8Array(size);
    padded.set(part);
    return padded;
  });
};

/** Those of the k + m fragments. Parts of data are views of `bytes` where nothing had to be padded. */
export const encodeFragments = (bytes: Uint8Array, code: Code, wanted: readonly number[]): Uint8Array[] => {
  const parts = cutEven(bytes, code);
  const generator = generatorOf(code);
  const size = fragmentBytes(bytes.length, code);
  const made = new Map<number, Uint8Array>(parts.map((part, index) => [index, part]));
  const parity = wanted.filter((index) => index >= code.data);
  for (const index of parity) made.set(index, new Uint8Array(size));
  multiplyRows(
    parity.map((index) => generator[index] as readonly number[]),
    parts,
    parity.map((index) => made.get(index) as Uint8Array),
  );
  return wanted.map((index) => made.get(index) as Uint8Array);
};

/** The data, from any k fragments by their index, which have one length. */
export const decodeFragments = (
  fragments: ReadonlyMap<number, Uint8Array>,
  code: Code,
  length: number,
): Uint8Array => {
  const size = fragmentBytes(length, code);
  const bytes = Buffer.allocUnsafeSlow(size * code.data);
  const place = (index: number): Uint8Array => bytes.subarray(index * size, (index + 1) * size);
  // Data first: what is there need only be copied.
  const chosen = [...fragments].sort(([a], [b]) => a - b).slice(0, code.data);
  const absent = Array.from({ length: code.data }, (_, index) => index).filter(
    (index) => !fragments.has(index),
  );
  for (const [index, fragment] of chosen) if (index < code.data) place(index).set(fragment);
  if (absent.length > 0) {
    const generator = generatorOf(code);
    const inverse = invertMatrix(chosen.map(([index]) => generator[index] as readonly number[]));
    multiplyRows(
      absent.map((index) => inverse[index] as readonly number[]),
      chosen.map(([, fragment]) => fragment),
      absent.map(place),
    );
  }
  return bytes.subarray(0, length);
};
