/**
 * Arithmetic in GF(256), the field of x^8 + x^4 + x^3 + x^2 + 1 (0x11d, as most storage codes take it): sums are XOR,
 * products come from logarithms. For matrices of a code; its bytes go through `galois-kernel.ts`.
 */
const polynomial = 0x11d;
const exponents = new Uint8Array(510);
const logarithms = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  exponents[power] = value;
  exponents[power + 255] = value;
  logarithms[value] = power;
  value <<= 1;
  if (value > 255) value ^= polynomial;
}

const logarithm = (value: number): number => logarithms[value] as number;

export const multiply = (a: number, b: number): number =>
  a === 0 || b === 0 ? 0 : (exponents[logarithm(a) + logarithm(b)] as number);

/** Of 0 there is none. */
export const invert = (value: number): number => {
  if (value === 0) throw new RangeError('0 has no inverse');
  return exponents[255 - logarithm(value)] as number;
};

/** Rows of factors. */
export type Matrix = readonly (readonly number[])[];

const plusMultiple = (row: readonly number[], factor: number, other: readonly number[]): number[] =>
  row.map((value, column) => value ^ multiply(factor, other[column] as number));

/** Gauss and Jordan. Throws RangeError where the square matrix has no inverse. */
export const invertMatrix = (matrix: Matrix): Matrix => {
  const size = matrix.length;
  let rows = matrix.map((row, at) => [
    ...row,
    ...Array.from({ length: size }, (_, column) => Number(column === at)),
  ]);
  for (let column = 0; column < size; column++) {
    const found = rows.findIndex((row, at) => at >= column && row[column] !== 0);
    if (found < 0) throw new RangeError('the matrix has no inverse');
    const factor = invert(rows[found]?.[column] as number);
    const pivot = (rows[found] as number[]).map((value) => multiply(factor, value));
    rows = rows.with(found, rows[column] as number[]).with(column, pivot);
    rows = rows.map((row, at) => (at === column ? row : plusMultiple(row, row[column] as number, pivot)));
  }
  return rows.map((row) => row.slice(size));
};
