/**
 * A list of pieces in little memory: 36 bytes each, where an object and its name are 250. What only packed, sealed or striped ones
 * have stays as it is.
 */
import type { ChunkId } from '../../proto/ids.ts';
import { toHex } from '../base/bytes.ts';
import type { Piece } from './port.ts';

const idBytes = 32;

export const packPieces = (pieces: readonly Piece[]): Iterable<Piece> => {
  const ids = Buffer.alloc(pieces.length * idBytes);
  const lengths = new Uint32Array(pieces.length);
  const others = new Map<number, Omit<Piece, 'id' | 'length'>>();
  for (const [index, { id, length, ...other }] of pieces.entries()) {
    ids.write(id, index * idBytes, 'hex');
    lengths[index] = length;
    if (Object.keys(other).length > 0) others.set(index, other);
  }
  return {
    *[Symbol.iterator]() {
      for (const [index, length] of lengths.entries()) {
        const id = toHex(ids.subarray(index * idBytes, (index + 1) * idBytes)) as ChunkId;
        yield { id, length, ...others.get(index) };
      }
    },
  };
};
