/** A progress line on a terminal's standard error; silent elsewhere. */
import { bytes } from './output.ts';

const redrawMs = 200;

/** Passes a stream through and tells how much of `total` (undefined: unknown) has gone by. */
export async function* withProgress(
  label: string,
  source: AsyncIterable<Uint8Array>,
  total?: number,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  let drawn = 0;
  const draw = (): void => {
    const share = total ? ` of ${bytes(total)}, ${Math.floor((100 * done) / total)} %` : '';
    process.stderr.write(`\r${label}: ${bytes(done)}${share}\u001b[K`);
  };
  for await (const piece of source) {
    yield piece;
    done += piece.length;
    if (process.stderr.isTTY && Date.now() - drawn > redrawMs) {
      drawn = Date.now();
      draw();
    }
  }
  if (process.stderr.isTTY) {
    draw();
    process.stderr.write('\n');
  }
}
