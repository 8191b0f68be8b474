/**
 * A stripe is a chunk that is kept as the fragments of a code. Its id is the chunk's own, the BLAKE3 of its bytes, with k
 * and m in place of the last two bytes: so it says what it is, the same bytes under another code are another stripe, and
 * whoever has the bytes can tell whether they are its. 240 bits are left, and no two contents have been found to share
 * 128. A fragment's file is named by the stripe and its place in the code, from 0.
 */

import { ShoalError } from '../../../proto/error.ts';
import { type ChunkId, parseChunkId } from '../../../proto/ids.ts';
import { type Code, codeName, codes } from '../../../proto/policy.ts';
import { toHex } from '../../base/bytes.ts';
import { chunkIdOf } from '../chunk-name.ts';

const suffixDigits = 4;
const suffixOf = ({ data, parity }: Code): string => toHex(Uint8Array.of(data, parity));
const bySuffix = new Map(codes.map((code, number) => [suffixOf(code), { code, number }]));

export const stripeIdOf = (bytes: Uint8Array, code: Code): ChunkId =>
  (chunkIdOf(bytes).slice(0, -suffixDigits) + suffixOf(code)) as ChunkId;

/** Undefined for an id that names no code of this release. `number`: its place in `codes`. */
export const codeOf = (id: ChunkId): { readonly code: Code; readonly number: number } | undefined =>
  bySuffix.get(id.slice(-suffixDigits));

/** Throws BAD_REQUEST. */
export const knownCode = (id: ChunkId): Code => {
  const known = codeOf(id);
  if (known) return known.code;
  const wish = codes.map(codeName).join(', ');
  throw new ShoalError('BAD_REQUEST', `Cannot read ${id} as a stripe: it is of none of the codes ${wish}`);
};

/** Where files are concerned it stands in a chunk id's place. */
export const fragmentName = (stripe: ChunkId, index: number): ChunkId => `${stripe}.${index}` as ChunkId;

/** Throws BAD_REQUEST. */
export const parseFragmentName = (text: string): { readonly stripe: ChunkId; readonly index: number } => {
  const [id = '', digits = ''] = text.split('.', 2);
  const stripe = parseChunkId(id);
  const { data, parity } = knownCode(stripe);
  const index = /^(0|[1-9][0-9]?)$/.test(digits) ? Number(digits) : Number.NaN;
  if (index < data + parity) return { stripe, index };
  throw new ShoalError(
    'BAD_REQUEST',
    `Cannot read ${JSON.stringify(text)} as a fragment: it is an id, a dot and a number below ${data + parity}`,
  );
};
