/** Where a key belongs: the first p bits of its BLAKE3. */
import { blake3 } from '@napi-rs/blake-hash';
import type { Partition } from './port.ts';

/** `partitionBits`: 0 to 16. */
export const partitionOf = (key: string, partitionBits: number): Partition => {
  const digest = blake3(key);
  const first16 = ((digest[0] ?? 0) << 8) | (digest[1] ?? 0);
  return first16 >>> (16 - partitionBits);
};
