/** Takes bytes off a stream by line or by count; nothing is kept but the piece at hand and the line begun. */
export interface ByteReader {
  /**
   * Without the CR LF that ends it, one character a byte; undefined where the stream ends instead. A line feed alone ends
   * nothing. Calls `refuse` on a line of more than `bytesMax` bytes, and where the stream ends within one.
   */
  line(bytesMax: number, refuse: () => never): Promise<string | undefined>;
  /** What is at hand, 1 to `bytesMax` bytes; undefined at the end. */
  some(bytesMax: number): Promise<Uint8Array | undefined>;
  /** The source is no longer needed. */
  close(): Promise<void>;
}

const lineFeed = 10;
const lineEnd = '\r\n';
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

export const byteReader = (source: AsyncIterable<Uint8Array>): ByteReader => {
  const iterator = source[Symbol.asyncIterator]();
  let hand: Uint8Array = new Uint8Array();
  const fill = async (): Promise<boolean> => {
    while (hand.length === 0) {
      const next = await iterator.next();
      if (next.done) return false;
      hand = next.value;
    }
    return true;
  };
  return {
    async line(bytesMax, refuse) {
      let text = '';
      while (await fill()) {
        const at = hand.indexOf(lineFeed);
        const end = at < 0 ? hand.length : at + 1;
        if (text.length + end > bytesMax + lineEnd.length) refuse();
        text += latin1(hand.subarray(0, end));
        hand = hand.subarray(end);
        if (text.endsWith(lineEnd)) return text.slice(0, -lineEnd.length);
      }
      return text === '' ? undefined : refuse();
    },
    async some(bytesMax) {
      if (!(await fill())) return undefined;
      const piece = hand.subarray(0, bytesMax);
      hand = hand.subarray(piece.length);
      return piece;
    },
    async close() {
      await iterator.return?.();
    },
  };
};
