/** Bytes as text and back. The parsers refuse what they would not have written: Buffer's own skip bad digits. */
import { ShoalError } from '../../proto/error.ts';

/** Some come from the wire, and a thing with a `buffer` of any `length` would be made into as many bytes. */
const view = (bytes: Uint8Array): Buffer => {
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new TypeError('not bytes');
};

export const toHex = (bytes: Uint8Array): string => view(bytes).toString('hex');
export const toBase64Url = (bytes: Uint8Array): string => view(bytes).toString('base64url');

/** Lower or upper case. Throws BAD_REQUEST. */
export const fromHex = (text: string): Uint8Array => {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot read ${text.length} characters as hex: it has pairs of 0-9 a-f`,
    );
  return Uint8Array.from(Buffer.from(text, 'hex'));
};

/** Without padding, RFC 4648 section 5. Throws BAD_REQUEST. */
export const fromBase64Url = (text: string): Uint8Array => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64url'));
  if (toBase64Url(bytes) !== text)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot read ${text.length} characters as base64url: it has A-Z a-z 0-9 - _ and no padding`,
    );
  return bytes;
};

export const compareBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => compareBytes(a, b) === 0;

export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
