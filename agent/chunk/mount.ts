/** Which disk a folder is on. An unmounted one leaves an empty folder behind, on the disk of its parent. */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Of the file system below `path`. */
export const deviceOf = async (path: string): Promise<number> => (await stat(path)).dev;

/** False also where there is nothing. */
export const isMountPoint = async (path: string): Promise<boolean> => {
  try {
    const real = await realpath(path);
    return (await deviceOf(real)) !== (await deviceOf(dirname(real)));
  } catch {
    return false;
  }
};
