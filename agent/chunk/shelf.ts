/** What is kept in files: a folder in each data directory, how the files are named, and how to see that one is whole. */
import { type ChunkId, parseChunkId } from '../../proto/ids.ts';
import { chunkIdOf } from './chunk-name.ts';

export interface Shelf {
  /** Of the folder, and of the path under which files travel. */
  readonly name: string;
  /** Throws BAD_REQUEST for what is no name of a file. */
  parse(text: string): ChunkId;
  isWhole(id: ChunkId, bytes: Uint8Array): boolean;
}

/** Chunks are good when they are what their names say. */
export const chunkShelf: Shelf = {
  name: 'chunk',
  parse: parseChunkId,
  isWhole: (id, bytes) => chunkIdOf(bytes) === id,
};
