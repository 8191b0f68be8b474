/**
 * The chunks on this host, over one or several data directories. A chunk prefers the directories in rendezvous
 * order of (id, path), so adding or losing a directory moves few; reads look in all, so nothing has to move.
 *
 * One lock per chunk orders put, remove and quarantine. A put that finds the chunk present and good still counts
 * as a put: it tells `onPut` under the lock, which is how the collector learns that an old chunk is wanted again.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { toHex } from '../base/bytes.ts';
import { keyedSerial } from '../base/serial.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import { chunkIdOf } from './chunk-name.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import { chunkLockWaitersMax } from './limits.ts';

export interface ChunkFiles {
  /**
   * `bytes` hash to `id` (the caller checked). On disk when it resolves. Throws DISK_FULL, INTERNAL, and the
   * signal's reason when it aborts before the write has begun.
   */
  put(id: ChunkId, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Verified; undefined when it is not here. A damaged copy goes to quarantine and DAMAGED is thrown. */
  read(id: ChunkId): Promise<Uint8Array | undefined>;
  has(id: ChunkId): Promise<boolean>;
  /** Removes all copies if `allowed` still says so under the chunk's lock. */
  remove(id: ChunkId, allowed: () => boolean): Promise<boolean>;
  /** Ascending, after `after`. What is put or removed meanwhile may or may not be seen. */
  list(after?: ChunkId): AsyncIterable<ChunkId>;
  /** Called under the chunk's lock for each acknowledged put. */
  onPut(listener: (id: ChunkId) => void): void;
  /** Called once for each copy that was found damaged and set aside. */
  onDamage(listener: (id: ChunkId) => void): void;
  space(): Promise<{ readonly chunks: number; readonly usedBytes: number; readonly freeBytes: number }>;
  /** Sums up what is here, for `space`, beside everything else: about right, for vitals. */
  measure(signal: AbortSignal): Promise<void>;
}

export const openChunkFiles = async (
  {
    clock,
    log,
    openDirectory = openDataDirectory,
  }: { readonly clock: Clock; readonly log: Log; readonly openDirectory?: typeof openDataDirectory },
  settings: {
    readonly directories: readonly string[];
    readonly reserveBytes: number;
  },
): Promise<ChunkFiles> => {
  const directories = await Promise.all(
    settings.directories.map((path) =>
      openDirectory(path, { reserveBytes: settings.reserveBytes, now: clock.monotonicMs }),
    ),
  );
  const locks = keyedSerial('chunk', chunkLockWaitersMax);
  const putListeners: ((id: ChunkId) => void)[] = [];
  const damageListeners: ((id: ChunkId) => void)[] = [];
  let [chunks, usedBytes] = [0, 0];

  const preferred = (id: ChunkId): readonly DataDirectory[] => {
    if (directories.length === 1) return directories;
    const ranked = directories.map((directory) => ({
      directory,
      rank: chunkIdOf(Buffer.from(`${id} ${directory.path}`)),
    }));
    return ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ directory }) => directory);
  };

  /** Under the lock. */
  const readLocked = async (id: ChunkId): Promise<Uint8Array | undefined> => {
    let damage: unknown;
    for (const directory of preferred(id)) {
      let size = 0;
      try {
        const bytes = await directory.read(id);
        if (!bytes) continue;
        if (chunkIdOf(bytes) === id) return bytes;
        size = bytes.length;
        damage = new ShoalError(
          'DAMAGED',
          `Cannot read chunk ${id}: its copy in ${directory.path} is damaged`,
        );
      } catch (thrown) {
        damage = thrown;
        if (!hasCode(thrown, 'DAMAGED')) continue;
      }
      log.warn('a damaged chunk was set aside', { chunk: id, directory: directory.path });
      await directory.quarantine(id);
      usedBytes -= size;
      chunks -= 1;
      for (const listener of damageListeners) listener(id);
    }
    if (damage) throw damage;
    return undefined;
  };

  const writeLocked = async (id: ChunkId, bytes: Uint8Array, signal?: AbortSignal): Promise<void> => {
    let failure: unknown = new ShoalError(
      'DISK_FULL',
      `Cannot store chunk ${id}: all data directories are retired`,
    );
    for (const directory of preferred(id)) {
      if (directory.retired) continue;
      try {
        await directory.write(id, bytes, signal);
        usedBytes += bytes.length;
        chunks += 1;
        return;
      } catch (thrown) {
        signal?.throwIfAborted();
        failure = thrown;
        if (directory.retired)
          log.error('a data directory was retired', { directory: directory.path, thrown });
      }
    }
    throw failure;
  };

  const sizeOf = async (id: ChunkId): Promise<number | undefined> => {
    for (const directory of preferred(id)) {
      const size = await directory.sizeOf(id);
      if (size !== undefined) return size;
    }
    return undefined;
  };

  async function* list(after?: ChunkId): AsyncGenerator<ChunkId, void> {
    const from = after?.slice(0, 2) ?? '00';
    for (let index = Number.parseInt(from, 16); index < 256; index++) {
      const prefix = toHex(Uint8Array.of(index));
      const names = await Promise.all(directories.map((directory) => directory.list(prefix).catch(() => [])));
      const merged = names.length === 1 ? (names[0] ?? []) : [...new Set(names.flat())].sort();
      for (const name of merged) if (name > (after ?? '')) yield name as ChunkId;
    }
  }

  return {
    put: (id, bytes, signal) =>
      locks.run(
        id,
        async () => {
          const there = await readLocked(id).catch(() => undefined);
          if (!there) await writeLocked(id, bytes, signal);
          for (const listener of putListeners) listener(id);
        },
        signal,
      ),
    async read(id) {
      // Without the lock first: readers of one chunk do not wait for each other. Anything odd is looked at again
      // under the lock, where no put or remove is half-way.
      for (const directory of preferred(id)) {
        const bytes = await directory.read(id).catch(() => undefined);
        if (bytes && chunkIdOf(bytes) === id) return bytes;
      }
      return locks.run(id, () => readLocked(id));
    },
    has: async (id) => (await sizeOf(id)) !== undefined,
    remove: (id, allowed) =>
      locks.run(id, async () => {
        const size = await sizeOf(id);
        if (size === undefined || !allowed()) return false;
        for (const directory of directories) await directory.remove(id);
        usedBytes -= size;
        chunks -= 1;
        return true;
      }),
    list,
    onPut: (listener) => void putListeners.push(listener),
    onDamage: (listener) => void damageListeners.push(listener),
    async space() {
      const free = await Promise.all(
        directories.map((directory) => (directory.retired ? 0 : directory.freeBytes().catch(() => 0))),
      );
      return {
        chunks: Math.max(0, chunks),
        usedBytes: Math.max(0, usedBytes),
        freeBytes: free.reduce((sum, bytes) => sum + bytes, 0),
      };
    },
    async measure(signal) {
      for await (const id of list()) {
        if (signal.aborted) return;
        chunks += 1;
        usedBytes += (await sizeOf(id)) ?? 0;
      }
    },
  };
};
