/**
 * A machine's serial console on disk, bounded: when the file is full its newer half is kept in a second file and the
 * first is cut. QEMU appends, so it goes on at the new end; bytes that arrive between copy and cut are lost, which
 * a log that overflows can bear.
 */
import { open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import { concatBytes } from '../../base/bytes.ts';
import { consoleBytesMax } from '../limits.ts';
import { machineFiles } from './qemu-arguments.ts';

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

const readTail = async (path: string, bytesMax: number): Promise<Uint8Array> => {
  const size = await sizeOf(path);
  const length = Math.min(size, bytesMax);
  if (length <= 0) return new Uint8Array();
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};

export const boundConsole = async (folder: string): Promise<void> => {
  const path = join(folder, machineFiles.console);
  if ((await sizeOf(path)) <= consoleBytesMax) return;
  try {
    await writeFileAtomic(join(folder, machineFiles.oldConsole), await readTail(path, consoleBytesMax / 2));
  } finally {
    // On a full disk the cut is what matters most.
    await truncate(path);
  }
};

/** The last bytes at most; those of the second file come first. */
export const readConsoleLog = async (folder: string, bytesMax: number): Promise<Uint8Array> => {
  const recent = await readTail(join(folder, machineFiles.console), bytesMax);
  const older = await readTail(join(folder, machineFiles.oldConsole), bytesMax - recent.length);
  return concatBytes(older, recent);
};
