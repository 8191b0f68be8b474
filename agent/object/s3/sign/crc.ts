/**
 * CRC-32C (Castagnoli) and CRC-64/NVME, eight bytes a step: table k holds what a byte does that lies k bytes before
 * the end of the step. Kounavis and Berry, "A systematic approach to building high performance, software-based, CRC
 * generators", 2005. The 64 bits are kept in halves: BigInt is forty times slower.
 *
 * Parameters: https://reveng.sourceforge.io/crc-catalogue/all.htm
 */

/** Polynomials with the lowest bit first. */
const castagnoli = 0x82f63b78;
const nvme = { low: 0xac4bc9b5, high: 0x9a6c9329 };

const slices = 8;
const entries = 256;

/** `low` and `high` of what `byte` does that is followed by 0 to 7 bytes; a CRC of 32 bits has only `low`. */
const openTables = (polynomial: { readonly low: number; readonly high: number }) => {
  const low = new Uint32Array(slices * entries);
  const high = new Uint32Array(slices * entries);
  for (let byte = 0; byte < entries; byte++) {
    let [a, b] = [byte, 0];
    for (let bit = 0; bit < 8 * slices; bit++) {
      const isOut = (a & 1) === 1;
      a = ((a >>> 1) | (b << 31)) >>> 0;
      b = b >>> 1;
      if (isOut) [a, b] = [(a ^ polynomial.low) >>> 0, (b ^ polynomial.high) >>> 0];
      if (bit % 8 !== 7) continue;
      const slice = (bit - 7) / 8;
      low[slice * entries + byte] = a;
      high[slice * entries + byte] = b;
    }
  }
  return { low, high };
};

const tables32 = openTables({ low: castagnoli, high: 0 });
const tables64 = openTables(nvme);

/** `before`: of the bytes so far. */
export const crc32c = (bytes: Uint8Array, before = 0): number => {
  const table = tables32.low;
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= word(bytes, at);
    const next = word(bytes, at + 4);
    crc =
      entry(table, 7, crc) ^
      entry(table, 6, crc >>> 8) ^
      entry(table, 5, crc >>> 16) ^
      entry(table, 4, crc >>> 24) ^
      entry(table, 3, next) ^
      entry(table, 2, next >>> 8) ^
      entry(table, 1, next >>> 16) ^
      entry(table, 0, next >>> 24);
  }
  for (; at < bytes.length; at++) crc = entry(table, 0, crc ^ (bytes[at] ?? 0)) ^ (crc >>> 8);
  return ~crc >>> 0;
};

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) |
  ((bytes[at + 1] ?? 0) << 8) |
  ((bytes[at + 2] ?? 0) << 16) |
  ((bytes[at + 3] ?? 0) << 24);
const entry = (table: Uint32Array, slice: number, byte: number): number =>
  table[slice * entries + (byte & 0xff)] ?? 0;

export interface Crc64 {
  readonly low: number;
  readonly high: number;
}

export const crc64nvme = (bytes: Uint8Array, before: Crc64 = { low: 0, high: 0 }): Crc64 => {
  const { low: lows, high: highs } = tables64;
  let [low, high] = [~before.low, ~before.high];
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const a = low ^ word(bytes, at);
    const b = high ^ word(bytes, at + 4);
    low =
      entry(lows, 7, a) ^
      entry(lows, 6, a >>> 8) ^
      entry(lows, 5, a >>> 16) ^
      entry(lows, 4, a >>> 24) ^
      entry(lows, 3, b) ^
      entry(lows, 2, b >>> 8) ^
      entry(lows, 1, b >>> 16) ^
      entry(lows, 0, b >>> 24);
    high =
      entry(highs, 7, a) ^
      entry(highs, 6, a >>> 8) ^
      entry(highs, 5, a >>> 16) ^
      entry(highs, 4, a >>> 24) ^
      entry(highs, 3, b) ^
      entry(highs, 2, b >>> 8) ^
      entry(highs, 1, b >>> 16) ^
      entry(highs, 0, b >>> 24);
  }
  for (; at < bytes.length; at++) {
    const byte = low ^ (bytes[at] ?? 0);
    low = entry(lows, 0, byte) ^ ((low >>> 8) | (high << 24));
    high = entry(highs, 0, byte) ^ (high >>> 8);
  }
  return { low: ~low >>> 0, high: ~high >>> 0 };
};
