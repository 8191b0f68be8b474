/**
 * One data directory: files named by chunk id, and the order of system calls that makes them durable.
 *
 *     temp/ID.N --write--fdatasync--rename--> chunk/AB/ID --fsync(chunk/AB)--> acknowledged
 *                                                 |
 *                                              damaged --rename--> quarantine/ID.TIME
 *
 * A name under `chunk/` therefore always has whole content; a crash leaves at most a file in `temp/`, which
 * `open` removes, or a name whose folder was not synced, which `open` syncs before anyone can rely on it.
 * The 256 folders keep a directory of 10 million chunks at 40,000 names a folder; they exist from the start, so
 * that a write syncs one folder only. `v1` is the version of this shape.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename as move, readdir, readFile, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { syncFolder } from '../base/atomic-file.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { BufferPool } from './buffer-pool.ts';
import { gate } from './gate.ts';
import { fileWritesInFlightMax, freeSpaceAgeMs, openInFlightMax, quarantineFilesMax } from './limits.ts';
import { deviceOf, isMountPoint } from './mount.ts';
import { fileCode, partOfFile, renameFile, wholeFile, wholeFileWriter } from './whole-file.ts';

/** What an operator left among the chunks is passed over. */
const namePattern = /^[0-9a-f]{64}(\.[0-9]{1,2})?$/;
const prefixes = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));

export interface DataDirectory {
  readonly path: string;
  /** Why it takes no more writes (a disk that failed), or undefined. */
  readonly retired: string | undefined;
  /** Is a disk of its own mounted here? */
  readonly kind: DirectoryKind;
  /** Resolves when bytes and name are on disk. Throws DISK_FULL; a failing disk retires the directory. */
  write(id: ChunkId, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Unverified bytes, or undefined when there is no such file. Throws DAMAGED when the disk cannot read it. */
  read(id: ChunkId, buffers?: BufferPool): Promise<Uint8Array | undefined>;
  /** Fills `into` from byte `at` on, unverified. False when the file is not so long, undefined when there is none. */
  readPart(id: ChunkId, at: number, into: Uint8Array): Promise<boolean | undefined>;
  sizeOf(id: ChunkId): Promise<number | undefined>;
  remove(id: ChunkId): Promise<void>;
  quarantine(id: ChunkId): Promise<void>;
  /** Names in one of the 256 folders, sorted. Throws when they cannot be read; a failing disk retires the directory. */
  list(prefix: string): Promise<string[]>;
  /** What chunks may still take: free space without the reserve. */
  freeBytes(): Promise<number>;
}

/** Fsyncs of one folder that come while one is running share the next. */
const sharedSync = () => {
  const next = new Map<string, Promise<void>>();
  const running = new Map<string, Promise<void>>();
  return (folder: string): Promise<void> => {
    const queued = next.get(folder);
    if (queued) return queued;
    const started = (running.get(folder) ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        next.delete(folder);
        const sync = syncFolder(folder).finally(() => {
          if (running.get(folder) === sync) running.delete(folder);
        });
        running.set(folder, sync);
        return sync;
      });
    next.set(folder, started);
    return started;
  };
};

export interface DataDirectorySettings {
  readonly reserveBytes: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** The folder of its files. Default `chunk`; another is made, and its folders synced, before its first file. */
  readonly shelf?: string;
  /** What it was when it was last used. If it is that no more its disk is not mounted: nothing may be written there. */
  readonly known?: DirectoryKind;
}
export type DirectoryKind = 'mount' | 'folder';

/** Stands for one that could not be opened: holds nothing, takes nothing. */
export const closedDirectory = (path: string, why: string): DataDirectory => ({
  path,
  retired: why,
  kind: 'folder',
  write: async () => {
    throw new ShoalError('INTERNAL', `Cannot store in ${JSON.stringify(path)}: ${why}`);
  },
  read: async () => undefined,
  readPart: async () => undefined,
  sizeOf: async () => undefined,
  remove: async () => {},
  quarantine: async () => {},
  list: async () => [],
  freeBytes: async () => 0,
});

/** What a disk says that is no more to be relied on; ENOENT: the folders made at the start are gone. */
const retiringCodes: ReadonlySet<string> = new Set(['EIO', 'EROFS', 'ENXIO', 'ENOENT']);

/** Makes what is missing, removes what a crash left in `temp/`, syncs all folders. */
export const openDataDirectory = async (
  root: string,
  settings: DataDirectorySettings,
): Promise<DataDirectory> => {
  const kind = (await isMountPoint(root)) ? 'mount' : 'folder';
  const isGone = settings.known === 'mount' ? kind !== 'mount' : settings.known && !existsSync(root);
  if (isGone) throw new ShoalError('INTERNAL', 'its disk is not mounted');
  const base = join(root, 'v1');
  const { shelf = 'chunk' } = settings;
  const temp = join(base, shelf === 'chunk' ? 'temp' : `temp-${shelf}`);
  const quarantine = join(base, 'quarantine');
  const folderOf = (prefix: string): string => join(base, shelf, prefix);
  const pathOf = (id: ChunkId): string => join(folderOf(id.slice(0, 2)), id);
  const make = async (): Promise<void> => {
    const folders = prefixes.map(folderOf);
    await mapLimit([temp, quarantine, ...folders], openInFlightMax, (path) =>
      mkdir(path, { recursive: true, mode: 0o700 }),
    );
    for (const name of await readdir(temp)) await unlink(join(temp, name));
    await mapLimit([...folders, join(base, shelf), base, root], openInFlightMax, syncFolder);
  };
  let making: Promise<void> | undefined;
  let isMade = false;
  const ensureMade = async (): Promise<void> => {
    making ??= make();
    await making.finally(() => {
      making = undefined;
    });
    isMade = true;
  };
  if (shelf === 'chunk' || existsSync(join(base, shelf))) await ensureMade();

  const device = await deviceOf(root);
  const sync = sharedSync();
  const writers = gate(fileWritesInFlightMax);
  const writeWhole = wholeFileWriter();
  let tempCount = 0;
  let retired: string | undefined;
  let space = { atMs: -Infinity, freeBytes: 0 };
  const freeBytes = async (): Promise<number> => {
    if (settings.now() - space.atMs > freeSpaceAgeMs) {
      const seen = await statfs(root);
      if ((await deviceOf(root)) !== device) retired ??= 'another disk is in its place';
      space = { atMs: settings.now(), freeBytes: seen.bavail * seen.bsize - settings.reserveBytes };
    }
    return retired ? 0 : Math.max(0, space.freeBytes);
  };
  const full = (id: ChunkId, bytes: Uint8Array, cause?: unknown): ShoalError =>
    new ShoalError(
      'DISK_FULL',
      `Cannot store chunk ${id}: ${JSON.stringify(root)} has no room for ${bytes.length} bytes above its reserve of ${settings.reserveBytes}`,
      { ...(cause === undefined ? {} : { cause }) },
    );

  const reading = async <T>(id: ChunkId, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (cause) {
      if (fileCode(cause) === 'ENOENT') return undefined;
      const code = fileCode(cause) === 'EIO' ? 'DAMAGED' : 'INTERNAL';
      throw new ShoalError(code, `Cannot read chunk ${id} in ${JSON.stringify(root)}`, { cause });
    }
  };

  return {
    path: root,
    get retired() {
      return retired;
    },
    kind,
    async write(id, bytes, signal) {
      const temporary = join(temp, `${id}.${tempCount++}`);
      let isNamed = false;
      try {
        if (bytes.length > (await freeBytes())) throw full(id, bytes);
        space.freeBytes -= bytes.length;
        if (!isMade) await ensureMade();
        await writers.run(async () => {
          await writeWhole(temporary, bytes);
          await renameFile(temporary, pathOf(id));
          isNamed = true;
        }, signal);
        await sync(folderOf(id.slice(0, 2)));
      } catch (cause) {
        // A name that was not synced must not be found "already there" by the next put.
        await unlink(isNamed ? pathOf(id) : temporary).catch(() => {});
        const code = fileCode(cause);
        if (code === undefined || cause instanceof ShoalError) throw cause;
        if (code === 'ENOSPC' || code === 'EDQUOT') throw full(id, bytes, cause);
        if (retiringCodes.has(code)) retired ??= `${code} while writing`;
        throw new ShoalError('INTERNAL', `Cannot store chunk ${id} in ${JSON.stringify(root)}: ${code}`, {
          cause,
        });
      }
    },
    read: (id, buffers) =>
      reading(id, () => (buffers ? wholeFile(pathOf(id), buffers) : readFile(pathOf(id)))),
    readPart: (id, at, into) => reading(id, () => partOfFile(pathOf(id), at, into)),
    async sizeOf(id) {
      return (await stat(pathOf(id)).catch(() => undefined))?.size;
    },
    async remove(id) {
      await unlink(pathOf(id)).catch((cause) => {
        if (fileCode(cause) !== 'ENOENT') throw cause;
      });
    },
    async quarantine(id) {
      // A disk that fails may refuse even this; the copy is then still read, found damaged and passed over.
      await move(pathOf(id), join(quarantine, `${id}.${tempCount++}`)).catch(() => {});
      const names = (await readdir(quarantine).catch(() => [])).map((name) => join(quarantine, name));
      if (names.length <= quarantineFilesMax) return;
      const aged = await Promise.all(
        names.map(async (name) => ({ name, atMs: (await stat(name).catch(() => undefined))?.ctimeMs ?? 0 })),
      );
      aged.sort((a, b) => a.atMs - b.atMs);
      for (const { name } of aged.slice(0, names.length - quarantineFilesMax))
        await unlink(name).catch(() => {});
    },
    async list(prefix) {
      if (!isMade) return [];
      const names = await readdir(folderOf(prefix)).catch((cause: unknown) => {
        const code = fileCode(cause) ?? '';
        if (retiringCodes.has(code)) retired ??= `${code} while listing`;
        throw new ShoalError('INTERNAL', `Cannot list ${JSON.stringify(folderOf(prefix))}: ${code}`, {
          cause,
        });
      });
      return names.filter((name) => namePattern.test(name)).sort();
    },
    freeBytes,
  };
};
