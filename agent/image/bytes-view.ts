/** Bytes of a foreign file: reads beyond the end give undefined and never throw. */
export interface BytesView {
  readonly length: number;
  /** Little or big endian. 64-bit numbers beyond 2^53 come out as Infinity: larger than anything real. */
  u32le(at: number): number | undefined;
  u32be(at: number): number | undefined;
  u64le(at: number): number | undefined;
  u64be(at: number): bigint | undefined;
  /** Latin1; shorter where the bytes end. */
  text(at: number, length: number): string;
}

export const bytesView = (bytes: Uint8Array): BytesView => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const within = (at: number, size: number): boolean =>
    Number.isSafeInteger(at) && at >= 0 && at + size <= bytes.length;
  const toNumber = (value: bigint): number =>
    value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.POSITIVE_INFINITY;
  return {
    length: bytes.length,
    u32le: (at) => (within(at, 4) ? view.getUint32(at, true) : undefined),
    u32be: (at) => (within(at, 4) ? view.getUint32(at) : undefined),
    u64le: (at) => (within(at, 8) ? toNumber(view.getBigUint64(at, true)) : undefined),
    u64be: (at) => (within(at, 8) ? view.getBigUint64(at) : undefined),
    text: (at, length) =>
      within(at, 0) && length > 0
        ? Buffer.from(bytes.subarray(at, Math.min(bytes.length, at + length))).toString('latin1')
        : '',
  };
};

/** A size in bytes when it is one that a disk may have. */
export const diskBytes = (value: number | bigint | undefined): number | null => {
  if (value === undefined) return null;
  const size = Number(value);
  return Number.isSafeInteger(size) ? size : null;
};
