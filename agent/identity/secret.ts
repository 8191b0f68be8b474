/**
 * Secrets of application credentials. One that we made has 64 random bytes: nobody guesses it, so a plain SHA-256
 * keeps it as safe as argon2id would, at a thousandth of the price. One that people chose is a password.
 *
 *     sha256$BASE64URL     or the PHC text of argon2id
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { toBase64Url } from '../base/bytes.ts';
import type { Chance } from '../runtime/ports.ts';
import type { Passwords } from './password.ts';

const mark = 'sha256$';
const secretBytes = 64;
const digest = (secret: string): Buffer => createHash('sha256').update(secret).digest();

export const newSecret = (chance: Chance): string => toBase64Url(chance.bytes(secretBytes));

/** `chosen`: by people, so it may be weak. Throws as `passwords.hash` does. */
export const hashSecret = async (passwords: Passwords, secret: string, chosen: boolean): Promise<string> =>
  chosen ? passwords.hash(secret) : `${mark}${digest(secret).toString('base64url')}`;

/** Without anything stored it costs what a chosen secret costs. Throws BUSY. */
export const verifySecret = async (
  passwords: Passwords,
  stored: string | undefined,
  secret: string,
): Promise<boolean> =>
  stored?.startsWith(mark)
    ? timingSafeEqual(Buffer.from(stored.slice(mark.length), 'base64url'), digest(secret))
    : passwords.verify(stored, secret);
