/**
 * Is this msgpack of plain data: null, booleans, numbers, text, bytes, arrays and maps, nested to a bound? A walk
 * over the heads that reads no text and makes nothing, so what follows can rely on it: no cycles, no dates,
 * regular expressions, errors or big integers (msgpackr's extensions, which JSON and schemas choke on), no record
 * definitions that msgpackr would compile, nothing deeper than a recursive reader can bear, no byte left over.
 *
 * Heads: https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** JSON bodies nest to 64 (agent/http), what we wrap around them adds a few; a reader that recurses bears thousands. */
export const plainDepthMax = 128;

/** `undefined` as msgpackr writes it: the extension of type 0 with one byte. */
const undefinedType = 0;

/** By head 0xc0 to 0xdf: bytes that follow it, not counting what those say. -1: not plain. */
const fixed = [
  ...[0, -1, 0, 0], // nil, never used, false, true
  ...[1, 2, 4], // bin: its length
  ...[-1, -1, -1], // ext
  ...[4, 8], // float
  ...[1, 2, 4, 8], // uint
  ...[1, 2, 4, 8], // int
  ...[2, -1, -1, -1, -1], // fixext: of one byte, for undefined; others not
  ...[1, 2, 4], // str: its length
  ...[2, 4], // array: its count
  ...[2, 4], // map: its count
];
const holdsBytes = (head: number): boolean =>
  (head >= 0xc4 && head <= 0xc6) || (head >= 0xd9 && head <= 0xdb);

/** Items that each open container still waits for; used by one call at a time. */
const waiting = new Float64Array(plainDepthMax + 1);

/** What is wrong with the bytes from `start` on, or undefined. */
export const plainFault = (bytes: Uint8Array, start = 0): string | undefined => {
  const { length } = bytes;
  let at = start;
  let depth = 0;
  waiting[0] = 1;
  for (;;) {
    while (waiting[depth] === 0) {
      if (depth === 0) return at === length ? undefined : `${length - at} bytes behind its end`;
      depth--;
    }
    waiting[depth] = (waiting[depth] ?? 0) - 1;
    const head = bytes[at++];
    if (head === undefined) return 'it ends too early';
    let items = -1;
    if (head < 0x80 || head >= 0xe0) continue;
    if (head < 0x90) items = 2 * (head & 0x0f);
    else if (head < 0xa0) items = head & 0x0f;
    else if (head < 0xc0) at += head & 0x1f;
    else {
      const follow = fixed[head - 0xc0] ?? -1;
      if (follow < 0 || (head === 0xd4 && bytes[at] !== undefinedType))
        return `0x${head.toString(16)} stands for nothing plain`;
      if (head >= 0xdc || holdsBytes(head)) {
        let size = 0;
        for (let digit = 0; digit < follow; digit++) size = size * 256 + (bytes[at + digit] ?? 0);
        if (head >= 0xdc) items = head >= 0xde ? 2 * size : size;
        else at += size;
      }
      at += follow;
    }
    if (at > length) return 'it ends too early';
    if (items < 0) continue;
    if (items > length - at) return 'it ends too early';
    if (depth === plainDepthMax) return `it nests deeper than ${plainDepthMax}`;
    waiting[++depth] = items;
  }
};
