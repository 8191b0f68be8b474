/**
 * A data directory on a virtual disk, with the real one's order of steps: temporary file, sync, rename, sync. What
 * a crash leaves in `temp/` is removed when it is opened.
 */
import type { openDataDirectory } from '../../agent/chunk/data-directory.ts';
import { fragmentShelf } from '../../agent/chunk/stripe/files.ts';
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { flush } from './key-value.ts';
import type { Host } from './node.ts';

const shelf = 'chunk';
/** Far more than any run stores. */
const diskBytes = 2 ** 30;

const fileOn = (folder: string, id: ChunkId): string => `${folder}/${id}`;
const filesOn = (folder: string, names: readonly string[]): ChunkId[] =>
  names.flatMap((name) => (name.startsWith(`${folder}/`) ? (name.slice(folder.length + 1) as ChunkId) : []));
export const chunkFile = (id: ChunkId): string => fileOn(shelf, id);
export const fragmentFile = (name: ChunkId): string => fileOn(fragmentShelf.name, name);
/** Fragments with a file on this disk, damaged or not. */
export const fragmentsOn = (names: readonly string[]): ChunkId[] => filesOn(fragmentShelf.name, names);
/** Chunks with a file on this disk, damaged or not. */
export const chunksOn = (names: readonly string[]): ChunkId[] => filesOn(shelf, names);

export const simDataDirectory =
  (host: Host): typeof openDataDirectory =>
  async (root, settings) => {
    const { disk } = host;
    const kept = settings.shelf ?? shelf;
    const temp = `temp-${kept}/`;
    const path = (id: ChunkId): string => fileOn(kept, id);
    for (const name of disk.names()) if (name.startsWith(temp)) disk.write(name, undefined);
    await flush(host);
    let count = 0;
    /** By their first two digits, as the real folders: a look at one does not walk the whole disk. */
    const folders = new Map<string, Set<ChunkId>>();
    const folder = (id: string): Set<ChunkId> => {
      const held = folders.get(id.slice(0, 2)) ?? new Set();
      folders.set(id.slice(0, 2), held);
      return held;
    };
    for (const id of filesOn(kept, disk.names())) folder(id).add(id);
    const drop = (id: ChunkId, how: () => void): void => {
      if (folder(id).delete(id)) how();
    };
    return {
      path: root,
      retired: undefined,
      kind: 'folder',
      async write(id, bytes, signal) {
        signal?.throwIfAborted();
        if (disk.full) throw new ShoalError('DISK_FULL', `Cannot store chunk ${id}: the disk is full`);
        const temporary = `${temp}${id}.${count++}`;
        disk.write(temporary, bytes);
        await flush(host);
        disk.rename(temporary, path(id));
        folder(id).add(id);
        await flush(host);
      },
      async read(id) {
        const bytes = disk.read(path(id));
        return bytes && Uint8Array.from(bytes);
      },
      async readPart(id, at, into) {
        const bytes = disk.read(path(id))?.subarray(at, at + into.length);
        if (bytes?.length === into.length) into.set(bytes);
        return bytes && bytes.length === into.length;
      },
      sizeOf: async (id) => disk.read(path(id))?.length,
      remove: async (id) => drop(id, () => disk.write(path(id), undefined)),
      quarantine: async (id) => drop(id, () => disk.rename(path(id), `quarantine/${id}.${count++}`)),
      list: async (prefix) => [...folder(prefix)].sort(),
      freeBytes: async () => (disk.full ? 0 : diskBytes),
    };
  };
