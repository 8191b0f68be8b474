/** Files that are written whole and durable, large ones past the page cache, and read whole. */
import {
  close as closeFile,
  constants,
  fdatasync,
  fstat,
  ftruncate,
  open,
  read as readFrom,
  rename,
  unlink,
  write as writeFile,
} from 'node:fs';
import { promisify } from 'node:util';
import { type BufferPool, wholeBlocks } from './buffer-pool.ts';
import { blockBytes, directBytesMin } from './limits.ts';

// The callback calls cost a third of what FileHandle costs (no promise, object and event per step).
const openAsync = promisify(open);
const writeAsync = promisify(writeFile);
const fstatAsync = promisify(fstat);
const readAsync = promisify(readFrom);
const ftruncateAsync = promisify(ftruncate);
const fdatasyncAsync = promisify(fdatasync);
const closeAsync = promisify(closeFile);
export const renameFile = promisify(rename);
const unlinkAsync = promisify(unlink);

export const fileCode = (thrown: unknown): string | undefined =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;

const { O_CREAT, O_DIRECT, O_EXCL, O_WRONLY } = constants;

/** `blocks`: from memory to disk without a copy in the page cache, all of them; what is beyond the bytes is cut off again. */
const write = async (path: string, bytes: Uint8Array, blocks?: Uint8Array): Promise<void> => {
  const file = await openAsync(path, O_CREAT | O_EXCL | O_WRONLY | (blocks ? O_DIRECT : 0), 0o600);
  const whole = blocks ?? bytes;
  try {
    for (let at = 0; at < whole.length; )
      at += (await writeAsync(file, whole, at, whole.length - at, at)).bytesWritten;
    if (whole.length > bytes.length) await ftruncateAsync(file, bytes.length);
    await fdatasyncAsync(file);
  } finally {
    await closeAsync(file);
  }
};

/** How many bytes there were from `at` on, at most all that fit. */
const fill = async (file: number, bytes: Uint8Array, at: number): Promise<number> => {
  let length = 0;
  for (let more = 1; more > 0 && length < bytes.length; length += more)
    more = (await readAsync(file, bytes, length, bytes.length - length, at + length)).bytesRead;
  return length;
};

/** In one of the buffers. Less than the whole of it where that is too short. */
export const wholeFile = async (path: string, buffers: BufferPool): Promise<Uint8Array> => {
  const file = await openAsync(path, 'r');
  let taken: Uint8Array | undefined;
  try {
    const { size } = await fstatAsync(file);
    taken = buffers.take(size);
    const bytes = taken.subarray(0, size);
    return bytes.subarray(0, await fill(file, bytes, 0));
  } catch (thrown) {
    if (taken) buffers.give(taken);
    throw thrown;
  } finally {
    await closeAsync(file);
  }
};

/** Fills `into` from byte `at` on; false where the file ends before. */
export const partOfFile = async (path: string, at: number, into: Uint8Array): Promise<boolean> => {
  const file = await openAsync(path, 'r');
  try {
    return (await fill(file, into, at)) === into.length;
  } finally {
    await closeAsync(file);
  }
};

/** Makes the file, or fails where it is there. Durable when it resolves; its name is not. */
export const wholeFileWriter = (): ((path: string, bytes: Uint8Array) => Promise<void>) => {
  // Until the file system says that it can't.
  let isDirect = true;
  return async (path, bytes) => {
    const blocks = isDirect && bytes.length >= directBytesMin ? wholeBlocks(bytes, blockBytes) : undefined;
    try {
      await write(path, bytes, blocks);
    } catch (thrown) {
      if (!blocks || fileCode(thrown) !== 'EINVAL') throw thrown;
      isDirect = false;
      await unlinkAsync(path).catch(() => {});
      await write(path, bytes);
    }
  };
};
