/**
 * bzip2 undone in a process of its own: the library undoes a block in one go, and some 40 bytes can stand for a
 * block of 46 MB that takes it eight times as much. A thread that runs out of heap ends the whole process (tried);
 * a child that does ends alone, and its archive is refused. Pipes hold up a sender that is faster than we are.
 */
import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { ShoalError } from '../../proto/error.ts';
import { bunzipHeapMiBMax, bunzipProcessesMax } from './limits.ts';

const program = fileURLToPath(new URL('./bunzip-process.ts', import.meta.url));

let running = 0;

/** Throws BUSY when too many run already, BAD_REQUEST at what is no bzip2 or swells beyond the bound, and what the source throws. */
export async function* bunzip(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (running >= bunzipProcessesMax)
    throw new ShoalError('BUSY', `Cannot undo bzip2: ${bunzipProcessesMax} archives are in work, try again`);
  running += 1;
  const child = spawn(process.execPath, [`--max-old-space-size=${bunzipHeapMiBMax}`, program], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // It reads strangers' bytes and needs nothing of this agent's.
    env: {},
  });
  const exit = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
    child.once('error', () => resolve(null));
  });
  let failure: unknown;
  const feed = pipeline(Readable.from(source, { objectMode: false }), child.stdin).catch((thrown) => {
    // The child's own end is told by its exit status.
    if (thrown instanceof ShoalError) {
      failure = thrown;
      child.kill('SIGKILL');
    }
  });
  try {
    for await (const piece of child.stdout) yield piece;
    await feed;
    if (failure) throw failure;
    if ((await exit) !== 0)
      throw new ShoalError('BAD_REQUEST', 'Invalid Tar File: not bzip2, or too large a block');
  } finally {
    child.kill('SIGKILL');
    await exit;
    running -= 1;
  }
}
