/** Bytes bent at random: bits, lengths, cuts, repeats, pieces of another sample. */
import type { Prng } from '../sim/prng.ts';

/** What lengths, signs and msgpack heads turn on. */
const sharp = [0, 1, 0x7f, 0x80, 0x90, 0xc0, 0xc1, 0xc7, 0xd4, 0xd9, 0xdb, 0xdd, 0xdf, 0xfe, 0xff];
/** Longer ones teach nothing new and cost time. */
const bytesMax = 256 * 1024;

type Bend = (bytes: Buffer, chance: Prng, other: Uint8Array) => Uint8Array;

const put = (bytes: Buffer, at: number, piece: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);

const bends: readonly Bend[] = [
  (bytes, chance) => {
    const at = chance.int(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.int(8));
    return bytes;
  },
  (bytes, chance) => {
    bytes[chance.int(bytes.length)] = chance.pick(sharp);
    return bytes;
  },
  (bytes, chance) => {
    bytes[chance.int(bytes.length)] = chance.int(256);
    return bytes;
  },
  // A length of 32 bits, as frames and msgpack have.
  (bytes, chance) => {
    if (bytes.length < 4) return bytes;
    const value = chance.pick([0, 1, bytes.length, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]);
    bytes.writeUInt32BE(value, chance.int(bytes.length - 3));
    return bytes;
  },
  (bytes, chance) => bytes.subarray(0, chance.int(bytes.length)),
  (bytes, chance) => bytes.subarray(chance.int(bytes.length)),
  (bytes, chance) => {
    const from = chance.int(bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + chance.int(16))]);
  },
  (bytes, chance) => put(bytes, chance.int(bytes.length), Buffer.from([chance.int(256)])),
  (bytes, chance) => {
    const from = chance.int(bytes.length);
    const piece = bytes.subarray(from, from + 1 + chance.int(64));
    return put(bytes, from, Buffer.concat(Array.from({ length: 1 + chance.int(64) }, () => piece)));
  },
  (bytes, chance, other) => {
    const from = chance.int(other.length);
    return put(bytes, chance.int(bytes.length), other.subarray(from, from + 1 + chance.int(256)));
  },
  // Nesting: the same head over and over.
  (bytes, chance) =>
    put(bytes, chance.int(bytes.length), Buffer.alloc(1 << chance.int(14), chance.pick(sharp))),
];

/** A few bends of `sample`; the sample itself stays as it is. */
export const mutateBytes = (sample: Uint8Array, others: readonly Uint8Array[], chance: Prng): Uint8Array => {
  let bytes: Uint8Array = Uint8Array.from(sample);
  for (let left = 1 + Math.floor(chance.exponential(1.5)); left > 0; left--) {
    if (bytes.length === 0 || bytes.length > bytesMax) break;
    bytes = chance.pick(bends)(Buffer.from(bytes), chance, chance.pick(others));
  }
  return Uint8Array.from(bytes);
};
