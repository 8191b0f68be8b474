/**
 * The chunks on this host, over one or several data directories. A chunk prefers the directories in rendezvous
 * order of (id, path), so adding or losing a directory moves few; reads look in all, so nothing has to move.
 *
 * A directory whose disk fails, is read-only or is gone is retired until the next start: nothing is written to it, and
 * what it holds counts as absent, so that it is mended into the others. While it can be read it still serves reads.
 *
 * One lock per chunk orders put, remove and quarantine. A put that finds the chunk present and good still counts
 * as a put: it tells `onPut` under the lock, which is how the collector learns that an old chunk is wanted again.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { toHex } from '../base/bytes.ts';
import { keyedSerial } from '../base/serial.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import { type BufferPool, bufferPool } from './buffer-pool.ts';
import { chunkIdOf } from './chunk-name.ts';
import {
  closedDirectory,
  type DataDirectory,
  type DirectoryKind,
  openDataDirectory,
} from './data-directory.ts';
import { gate } from './gate.ts';
import { chunkLockWaitersMax, recheckInFlightMax } from './limits.ts';
import { chunkShelf, type Shelf } from './shelf.ts';

export interface ChunkFiles {
  /**
   * `bytes` hash to `id` (the caller checked). On disk when it resolves. Throws DISK_FULL, INTERNAL, and the
   * signal's reason when it aborts before the write has begun.
   */
  put(id: ChunkId, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /**
   * Verified; undefined when it is not here. A damaged copy goes to quarantine and DAMAGED is thrown. With `buffers` the bytes
   * lie in one of them, and are the caller's to give back.
   */
  read(id: ChunkId, buffers?: BufferPool): Promise<Uint8Array | undefined>;
  /** Fills `into` from byte `at` on, as it lies here, not verified. False when that cannot be: `read` says why. */
  readPart(id: ChunkId, at: number, into: Uint8Array): Promise<boolean>;
  /** On a directory that is not retired; on disk to stay, for puts under way are waited for. */
  has(id: ChunkId): Promise<boolean>;
  /** As `has`, of a copy that was read just now and found good. */
  check(id: ChunkId): Promise<boolean>;
  /** As a put of it without the bytes: false when it is not here, else `onPut` is told. */
  keep(id: ChunkId): Promise<boolean>;
  /** Removes all copies if `allowed` still says so under the chunk's lock. */
  remove(id: ChunkId, allowed: () => boolean): Promise<boolean>;
  /**
   * Ascending, after `after`. What is put or removed meanwhile may or may not be seen. Without what only retired
   * directories hold, or only that. Throws when a directory that is in use cannot be listed.
   */
  list(after?: ChunkId, which?: 'retired'): AsyncIterable<ChunkId>;
  readonly directories: readonly Pick<DataDirectory, 'path' | 'retired' | 'kind'>[];
  /** Called once for each directory that is retired while it is in use. */
  onRetire(listener: () => void): void;
  /** Called under the chunk's lock for each acknowledged put or keep. */
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
    buffers = bufferPool(),
    openDirectory = openDataDirectory,
  }: {
    readonly clock: Clock;
    readonly log: Log;
    readonly buffers?: BufferPool;
    readonly openDirectory?: typeof openDataDirectory;
  },
  settings: {
    readonly directories: readonly string[];
    readonly reserveBytes: number;
    /** By path: what they were when they were last used. */
    readonly known?: ReadonlyMap<string, DirectoryKind>;
    /** What is kept there. Default chunks, which are good when they are what their names say. */
    readonly shelf?: Shelf;
  },
): Promise<ChunkFiles> => {
  const { shelf = chunkShelf } = settings;
  const directories = await Promise.all(
    settings.directories.map((path) => {
      const known = settings.known?.get(path);
      return openDirectory(path, {
        reserveBytes: settings.reserveBytes,
        now: clock.monotonicMs,
        shelf: shelf.name,
        ...(known && { known }),
      }).catch((thrown: unknown) => {
        log.error('a data directory cannot be used', { directory: path, thrown });
        return closedDirectory(path, thrown instanceof Error ? thrown.message : String(thrown));
      });
    }),
  );
  const retireListeners: (() => void)[] = [];
  const knownRetired = new Set(directories.filter(({ retired }) => retired !== undefined));
  const noticeRetired = (): void => {
    for (const directory of directories) {
      if (directory.retired === undefined || knownRetired.has(directory)) continue;
      knownRetired.add(directory);
      log.error('a data directory was retired', { directory: directory.path, why: directory.retired });
      for (const listener of retireListeners) listener();
    }
  };
  const locks = keyedSerial('chunk', chunkLockWaitersMax);
  const putListeners: ((id: ChunkId) => void)[] = [];
  const damageListeners: ((id: ChunkId) => void)[] = [];
  let [chunks, usedBytes] = [0, 0];

  const inUse = (directory: DataDirectory): boolean => directory.retired === undefined;
  const preferred = (id: ChunkId): readonly DataDirectory[] => {
    if (directories.length === 1) return directories;
    const ranked = directories.map((directory) => ({
      directory,
      rank: chunkIdOf(Buffer.from(`${id} ${directory.path}`)),
    }));
    return ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ directory }) => directory);
  };

  /** Those in use first. */
  const readable = (id: ChunkId): readonly DataDirectory[] => {
    const all = preferred(id);
    return [...all.filter(inUse), ...all.filter((directory) => !inUse(directory))];
  };

  /** Under the lock. */
  const readLocked = async (
    id: ChunkId,
    from: readonly DataDirectory[],
    into?: BufferPool,
  ): Promise<Uint8Array | undefined> => {
    let damage: unknown;
    for (const directory of from) {
      let size = 0;
      try {
        const bytes = await directory.read(id, into);
        if (!bytes) continue;
        if (shelf.isWhole(id, bytes)) return bytes;
        size = bytes.length;
        into?.give(bytes);
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

  const rechecks = gate(recheckInFlightMax);
  /** Is a good copy here? Under the lock. */
  const isGoodLocked = (id: ChunkId): Promise<boolean> =>
    rechecks.run(async () => {
      const bytes = await readLocked(id, preferred(id).filter(inUse), buffers).catch(() => undefined);
      if (bytes) buffers.give(bytes);
      return bytes !== undefined;
    });

  const writeLocked = async (id: ChunkId, bytes: Uint8Array, signal?: AbortSignal): Promise<void> => {
    let failure: unknown = new ShoalError(
      'DISK_FULL',
      `Cannot store chunk ${id}: all data directories are retired`,
    );
    for (const directory of preferred(id).filter(inUse)) {
      try {
        await directory.write(id, bytes, signal);
        usedBytes += bytes.length;
        chunks += 1;
        return;
      } catch (thrown) {
        signal?.throwIfAborted();
        failure = thrown;
        noticeRetired();
      }
    }
    throw failure;
  };

  const sizeOf = async (id: ChunkId): Promise<number | undefined> => {
    for (const directory of preferred(id).filter(inUse)) {
      const size = await directory.sizeOf(id);
      if (size !== undefined) return size;
    }
    return undefined;
  };

  /** Of one that is in use all or an error: who compares with this host must not take a part for the whole. */
  const namesIn = async (directory: DataDirectory, prefix: string): Promise<string[]> => {
    try {
      return await directory.list(prefix);
    } catch (thrown) {
      noticeRetired();
      if (inUse(directory)) throw thrown;
      return [];
    }
  };

  async function* list(after?: ChunkId, which?: 'retired'): AsyncGenerator<ChunkId, void> {
    const from = after?.slice(0, 2) ?? '00';
    for (let index = Number.parseInt(from, 16); index < 256; index++) {
      const prefix = toHex(Uint8Array.of(index));
      const walked = directories.filter((directory) => inUse(directory) === (which === undefined));
      const names = await Promise.all(walked.map((directory) => namesIn(directory, prefix)));
      const merged = names.length === 1 ? (names[0] ?? []) : [...new Set(names.flat())].sort();
      for (const name of merged) if (name > (after ?? '')) yield name as ChunkId;
    }
  }

  return {
    put: (id, bytes, signal) =>
      locks.run(
        id,
        async () => {
          if (!(await isGoodLocked(id))) await writeLocked(id, bytes, signal);
          for (const listener of putListeners) listener(id);
        },
        signal,
      ),
    async read(id, into) {
      // Without the lock first: readers of one chunk do not wait for each other. Anything odd is looked at again
      // under the lock, where no put or remove is half-way.
      const order = readable(id);
      for (const directory of order) {
        const bytes = await directory.read(id, into).catch(() => undefined);
        if (bytes && shelf.isWhole(id, bytes)) return bytes;
        if (bytes) into?.give(bytes);
      }
      return locks.run(id, () => readLocked(id, order, into));
    },
    async readPart(id, at, into) {
      for (const directory of readable(id))
        if (await directory.readPart(id, at, into).catch(() => false)) return true;
      return false;
    },
    has: (id) => locks.run(id, async () => (await sizeOf(id)) !== undefined),
    check: (id) => locks.run(id, () => isGoodLocked(id)),
    keep: (id) =>
      locks.run(id, async () => {
        const isHere = (await sizeOf(id)) !== undefined;
        if (isHere) for (const listener of putListeners) listener(id);
        return isHere;
      }),
    remove: (id, allowed) =>
      locks.run(id, async () => {
        const size = await sizeOf(id);
        if (size === undefined || !allowed()) return false;
        // A retired one may refuse; what it keeps counts for nothing.
        for (const directory of directories)
          await directory.remove(id).catch((thrown: unknown) => {
            if (inUse(directory)) throw thrown;
          });
        usedBytes -= size;
        chunks -= 1;
        return true;
      }),
    list,
    directories,
    onRetire: (listener) => void retireListeners.push(listener),
    onPut: (listener) => void putListeners.push(listener),
    onDamage: (listener) => void damageListeners.push(listener),
    async space() {
      const free = await Promise.all(
        directories.filter(inUse).map((directory) => directory.freeBytes().catch(() => 0)),
      );
      noticeRetired();
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
