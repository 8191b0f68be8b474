/**
 * The file of a fragment, which can be verified by itself:
 *
 *     bytes of the fragment | version 1 | stripe id 32 | index 1 | length of the whole chunk 4 | BLAKE3 of all that 32
 *
 * The hash covers the name, so a file in another's place is found out as well as one that has rotted.
 */
import { blake3 } from '@napi-rs/blake-hash';
import type { ChunkId } from '../../../proto/ids.ts';
import { fromHex } from '../../base/bytes.ts';
import { chunkBytesMax } from '../limits.ts';
import { fragmentBytes } from './code.ts';
import { codeOf, fragmentName } from './name.ts';

const version = 1;
const [idBytes, hashBytes] = [32, 32];
const aboutBytes = 1 + idBytes + 1 + 4;
const tailBytes = aboutBytes + hashBytes;

export interface Fragment {
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Of the chunk. */
  readonly length: number;
}

const hashOf = (bytes: Uint8Array): Buffer =>
  blake3(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));

export const sealFragment = (stripe: ChunkId, { index, bytes, length }: Fragment): Uint8Array => {
  const file = Buffer.allocUnsafeSlow(bytes.length + tailBytes);
  file.set(bytes);
  let at = file.writeUInt8(version, bytes.length);
  file.set(fromHex(stripe), at);
  at = file.writeUInt8(index, at + idBytes);
  at = file.writeUInt32BE(length, at);
  file.set(hashOf(file.subarray(0, at)), at);
  return file;
};

/** Undefined where the file is not whole, or not that fragment. */
export const openFragment = (name: ChunkId, file: Uint8Array): Fragment | undefined => {
  const size = file.length - tailBytes;
  if (size < 0) return undefined;
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const hashAt = file.length - hashBytes;
  if (!hashOf(buffer.subarray(0, hashAt)).equals(buffer.subarray(hashAt))) return undefined;
  if (buffer[size] !== version) return undefined;
  const stripe = buffer.toString('hex', size + 1, size + 1 + idBytes) as ChunkId;
  const index = buffer.readUInt8(size + 1 + idBytes);
  const length = buffer.readUInt32BE(size + 2 + idBytes);
  const code = codeOf(stripe)?.code;
  const fits = code && length <= chunkBytesMax && fragmentBytes(length, code) === size;
  return fits && fragmentName(stripe, index) === name
    ? { index, bytes: file.subarray(0, size), length }
    : undefined;
};
