/** `Range: bytes=...` (RFC 9110 section 14) against a length, and the multipart body that answers several ranges. */
import { rangesMax } from './limits.ts';

export interface ByteRange {
  readonly start: number;
  /** Excluded. */
  readonly end: number;
}

/** undefined: no range was asked for, or one that is to be ignored. An empty list: none can be satisfied (416). */
export const parseRange = (header: string | undefined, length: number): readonly ByteRange[] | undefined => {
  const list = /^\s*bytes\s*=(.+)$/i.exec(header ?? '')?.[1]?.split(',');
  if (!list || list.length > rangesMax) return undefined;
  const ranges: ByteRange[] = [];
  for (const item of list) {
    const [, first = '', last = ''] = /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(item) ?? [];
    if (first === '' && last === '') return undefined;
    if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
    const start = first === '' ? Math.max(0, length - Number(last)) : Number(first);
    const end = first === '' || last === '' ? length : Math.min(length, Number(last) + 1);
    if (start < end) ranges.push({ start, end });
  }
  return ranges;
};

export const contentRange = (range: ByteRange, length: number): string =>
  `bytes ${range.start}-${range.end - 1}/${length}`;

/** A `multipart/byteranges` body. Its length is known before the first byte is read. */
export const multipartRanges = (
  ranges: readonly ByteRange[],
  length: number,
  contentType: string,
  boundary: string,
  read: (range: ByteRange) => AsyncIterable<Uint8Array>,
): {
  readonly contentType: string;
  readonly contentLength: number;
  readonly body: AsyncIterable<Uint8Array>;
} => {
  const parts = ranges.map((range) => ({
    range,
    head: Buffer.from(
      `--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: ${contentRange(range, length)}\r\n\r\n`,
      'latin1',
    ),
  }));
  const tail = Buffer.from(`--${boundary}--`);
  const newline = Buffer.from('\r\n');
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const { range, head } of parts) {
      yield head;
      yield* read(range);
      yield newline;
    }
    yield tail;
  }
  const contentLength = parts.reduce(
    (sum, { range, head }) => sum + head.length + range.end - range.start + newline.length,
    tail.length,
  );
  return { contentType: `multipart/byteranges;boundary=${boundary}`, contentLength, body: body() };
};
