/** One-time codes of phones: RFC 6238 with SHA-1, 30 s, six digits, as all of them make. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { secondMs } from '../../proto/units.ts';
import { totpStepsAround } from './limits.ts';

const stepMs = 30 * secondMs;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648; case, blanks and padding do not matter. Undefined when it is none. */
export const parseBase32 = (text: string): Uint8Array | undefined => {
  const digits = [...text.replaceAll(/[\s=]/g, '').toUpperCase()].map((letter) => alphabet.indexOf(letter));
  if (digits.length === 0 || digits.includes(-1)) return undefined;
  const bits = digits.map((digit) => digit.toString(2).padStart(5, '0')).join('');
  return Uint8Array.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
};

export const totpCode = (seed: Uint8Array, atMs: number): string => {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / stepMs)));
  const mac = createHmac('sha1', seed).update(counter).digest();
  const at = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(at) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
};

export const verifyTotp = (seed: Uint8Array, code: string, nowMs: number): boolean => {
  if (!/^\d{6}$/.test(code)) return false;
  const steps = Array.from({ length: 2 * totpStepsAround + 1 }, (_, i) => i - totpStepsAround);
  const matches = steps.map((step) =>
    timingSafeEqual(Buffer.from(totpCode(seed, nowMs + step * stepMs)), Buffer.from(code)),
  );
  return matches.includes(true);
};
