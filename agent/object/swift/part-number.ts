/** `?part-number=N` of a static large object: its Nth segment, as a part of S3's multipart uploads is asked for. */
import { ShoalError } from '../../../proto/error.ts';
import type { ByteRange } from '../byte-range.ts';
import type { Readable } from '../readable.ts';
import type { Ask } from './ask.ts';

export interface PartAsked {
  readonly count: number;
  /** Undefined: there is no such part. */
  readonly range: ByteRange | undefined;
}

/** Undefined: none is asked for, or the object has none and the number means nothing. Throws BAD_REQUEST. */
export const partAsked = (
  { query, headers }: Pick<Ask, 'query' | 'headers'>,
  { parts }: Pick<Readable, 'parts'>,
): PartAsked | undefined => {
  const text = query.get('part-number');
  if (text === null || parts === undefined) return undefined;
  if (!/^0*[1-9]\d*$/.test(text))
    throw new ShoalError('BAD_REQUEST', 'Part number must be an integer greater than 0');
  if (headers.range !== undefined)
    throw new ShoalError('BAD_REQUEST', 'Range requests are not supported with part number queries');
  const at = Number(text) - 1;
  const start = parts.slice(0, at).reduce((sum, bytes) => sum + bytes, 0);
  const bytes = parts[at];
  return { count: parts.length, range: bytes === undefined ? undefined : { start, end: start + bytes } };
};
