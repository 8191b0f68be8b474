/** A chunk's name is the BLAKE3-256 of its bytes. 4 MiB take 0.6 ms, so it is computed where the bytes are. */
import { blake3 } from '@napi-rs/blake-hash';
import type { ChunkId } from '../../proto/ids.ts';

/** The library takes Buffers; this is a view, not a copy. */
const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** 32 bytes. */
export const chunkHash = (bytes: Uint8Array): Uint8Array => blake3(view(bytes));

export const chunkIdOf = (bytes: Uint8Array): ChunkId => blake3(view(bytes)).toString('hex') as ChunkId;
