/** What of a chunk a read wants. */
import type { Piece } from './port.ts';
import type { Vault } from './vault.ts';

export interface Part extends Piece {
  readonly from: number;
  readonly to: number;
  readonly vault?: Vault | undefined;
}

/** Its bytes lie in its chunk's file as they are. */
export const isPlain = ({ zstdBytes, iv, isStripe }: Piece): boolean =>
  zstdBytes === undefined && iv === undefined && !isStripe;

/** Throws when content that lies in a vault comes without it. */
export const unsealed = (
  { iv }: Pick<Piece, 'iv'>,
  bytes: Uint8Array,
  vault: Vault | undefined,
): Uint8Array => {
  if (iv === undefined) return bytes;
  if (!vault) throw new Error('content that lies in a vault is read with it');
  return vault.open({ iv, bytes });
};

/** The chunks that the range touches, and which bytes of each. */
export const partsOf = (chunks: readonly Piece[], start: number, end: number): Part[] => {
  const parts: Part[] = [];
  let at = 0;
  for (const piece of chunks) {
    const from = Math.max(0, start - at);
    const to = Math.min(piece.length, end - at);
    if (from < to) parts.push({ ...piece, from, to });
    at += piece.length;
  }
  return parts;
};
