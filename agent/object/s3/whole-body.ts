/** Small bodies, XML and JSON, at once. */
import { createHash } from 'node:crypto';
import { s3Error } from './s3-error.ts';
import type { SignedIn } from './sign-in.ts';

/** Checked against Content-MD5 as well. Throws MaxMessageLengthExceeded, BadDigest, and what the body throws. */
export const wholeBody = async (
  { body, bytes, md5 }: Pick<SignedIn, 'body' | 'bytes' | 'md5'>,
  bytesMax: number,
): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  let length = 0;
  if ((bytes ?? 0) > bytesMax) throw s3Error('MaxMessageLengthExceeded');
  for await (const piece of body) {
    length += piece.length;
    if (length > bytesMax) throw s3Error('MaxMessageLengthExceeded');
    pieces.push(piece);
  }
  const whole = Buffer.concat(pieces);
  if (md5 !== undefined && createHash('md5').update(whole).digest('hex') !== md5)
    throw s3Error('BadDigest', undefined, {
      fields: { ExpectedDigest: Buffer.from(md5, 'hex').toString('base64') },
    });
  return whole;
};
