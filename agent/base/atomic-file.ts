/**
 * Small files that are whole or not there: temporary name, fsync, rename, fsync of the folder. After a crash at
 * any point the reader finds the old bytes or the new ones. What a crash leaves under a temporary name
 * (`NAME.UUID.tmp`) belongs to nobody: the folder's owner removes `*.tmp` when it starts.
 */
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ShoalError } from '../../proto/error.ts';

/** A new or gone name is on disk only once its folder is. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/**
 * Resolves when bytes and name are on disk. Throws DISK_FULL or INTERNAL; the old file then stands, except when
 * the folder's fsync itself failed: then either may stand after a crash.
 */
export const writeFileAtomic = async (
  path: string,
  content: string | Uint8Array,
  options: { /** Default 0o644; keys take 0o600. */ readonly mode?: number } = {},
): Promise<void> => {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw new ShoalError(
      isFull(cause) ? 'DISK_FULL' : 'INTERNAL',
      `Cannot write ${JSON.stringify(path)}: ${reason(cause)}`,
      {
        cause,
      },
    );
  }
};

/** The bytes, or undefined when there is no such file. */
export const readFileIfExists = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return Uint8Array.from(await readFile(path));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new ShoalError('INTERNAL', `Cannot read ${JSON.stringify(path)}: ${reason(cause)}`, { cause });
  }
};

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
const isFull = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
