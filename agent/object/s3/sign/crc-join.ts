/**
 * The CRC of two runs of bytes one after the other, from the CRCs of each. A CRC is the rest of a division of
 * polynomials over GF(2), so n bytes behind the first run are a multiplication by x^8n; the inversion at begin and end
 * cancels itself out. As zlib's `crc32_combine` does it, for any width.
 */

export interface Field {
  /** Bits of the CRC. */
  readonly width: number;
  /** Lowest bit first: x^0 is the highest bit. */
  readonly polynomial: bigint;
}

export const fields = {
  CRC32: { width: 32, polynomial: 0xedb88320n },
  CRC32C: { width: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const satisfies Record<string, Field>;

const multiply = ({ width, polynomial }: Field, a: bigint, b: bigint): bigint => {
  let product = 0n;
  let factor = b;
  for (let bit = 1n << BigInt(width - 1); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= factor;
    factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n;
  }
  return product;
};

/** x^(8 * bytes): squares of x^8, those whose bit is set in `bytes`. */
const shift = (field: Field, bytes: number): bigint => {
  const one = 1n << BigInt(field.width - 1);
  let square = one >> 8n;
  let power = one;
  for (let left = BigInt(bytes); left > 0n; left >>= 1n) {
    if (left & 1n) power = multiply(field, power, square);
    square = multiply(field, square, square);
  }
  return power;
};

export interface Run {
  readonly crc: bigint;
  readonly bytes: number;
}

/** Parts of one upload have one length, all but the last: each length is worked out once. */
export const joinCrcs = (field: Field, runs: readonly Run[]): bigint => {
  const shifts = new Map<number, bigint>();
  let crc = 0n;
  for (const run of runs) {
    const by = shifts.get(run.bytes) ?? shift(field, run.bytes);
    shifts.set(run.bytes, by);
    crc = multiply(field, by, crc) ^ run.crc;
  }
  return crc;
};
