/** Is a content kept as new content of that code would be? Undefined: as copies. */
import { type Code, codeName } from '../../proto/policy.ts';
import { stripeBytesMin } from './limits.ts';
import type { Content, Piece } from './port.ts';
import { codeOf } from './stripe/name.ts';

export const isPieceKeptAs = (
  { id, length, zstdBytes, isStripe }: Piece,
  code: Code | undefined,
): boolean => {
  const kept = isStripe ? codeOf(id)?.code : undefined;
  if (!isStripe && (zstdBytes ?? length) < stripeBytesMin) return true;
  return kept && code ? codeName(kept) === codeName(code) : kept === code;
};

export const isKeptAs = (content: Content, code: Code | undefined): boolean =>
  content.kind === 'inline' || content.chunks.every((piece) => isPieceKeptAs(piece, code));
