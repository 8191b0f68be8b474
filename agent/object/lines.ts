/** Lines of a text that comes in pieces. */
import { ShoalError } from '../../proto/error.ts';

/** Without their ends. Throws BAD_REQUEST at one of more than `bytesMax` bytes. */
export async function* linesOf(source: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  const check = (line: Buffer): Buffer => {
    if (line.length > bytesMax)
      throw new ShoalError('BAD_REQUEST', `Cannot read a line of more than ${bytesMax} bytes`);
    return line;
  };
  for await (const piece of source) {
    const bytes = Buffer.concat([rest, piece]);
    let from = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      yield check(bytes.subarray(from, at)).toString();
      from = at + 1;
    }
    rest = check(bytes.subarray(from));
  }
  if (rest.length > 0) yield rest.toString();
}
