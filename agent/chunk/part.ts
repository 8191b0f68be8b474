/** What of a chunk a read wants. */
import { packPieces } from './packed-pieces.ts';
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

/**
 * The chunks that the range touches, and which bytes of each; made as they are asked for. Of `chunks` nothing is held meanwhile:
 * those of 5 GiB are 0.3 MB, and a thousand slow readers may have a list each.
 */
export const partsOf = (
  chunks: readonly Piece[],
  start: number,
  end: number,
  vault?: Vault,
): Iterator<Part, void> => {
  const touched: Piece[] = [];
  let firstAt = 0;
  let at = 0;
  for (const piece of chunks) {
    const isTouched = at < end && at + piece.length > start && start < end;
    if (isTouched && touched.push(piece) === 1) firstAt = at;
    at += piece.length;
  }
  return partsFrom(packPieces(touched), firstAt, start, end, vault);
};

function* partsFrom(
  pieces: Iterable<Piece>,
  firstAt: number,
  start: number,
  end: number,
  vault: Vault | undefined,
): Generator<Part, void> {
  let at = firstAt;
  for (const piece of pieces) {
    yield { ...piece, vault, from: Math.max(0, start - at), to: Math.min(piece.length, end - at) };
    at += piece.length;
  }
}
