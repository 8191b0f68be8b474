/** Passwords: argon2id in the background, a bounded number at once. */
import { hash, verify } from '@node-rs/argon2';
import { ShoalError } from '../../proto/error.ts';
import { hashesMax, hashQueueMax, passwordCharsMax, passwordCost } from './limits.ts';

export interface Passwords {
  /** PHC text. Throws FORBIDDEN on a password that is too long, BUSY. */
  hash(password: string): Promise<string>;
  /** Takes the same time when there is no hash to compare with. Throws BUSY. */
  verify(stored: string | null | undefined, password: string): Promise<boolean>;
}

/** Bounds how many run at once and how many wait. */
const limited = (): (<Value>(work: () => Promise<Value>) => Promise<Value>) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= hashesMax) {
      if (waiting.length >= hashQueueMax)
        throw new ShoalError(
          'BUSY',
          `Cannot check a password: ${hashQueueMax} others wait already, try again`,
        );
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
};

export const openPasswords = async (): Promise<Passwords> => {
  const run = limited();
  const nobody = await hash('nobody has this password', passwordCost);
  return {
    async hash(password) {
      if (password.length > passwordCharsMax)
        throw new ShoalError(
          'FORBIDDEN',
          `The password length must be less than or equal to ${passwordCharsMax}. The server could not comply with the request because the password is invalid.`,
        );
      return run(() => hash(password, passwordCost));
    },
    async verify(stored, password) {
      const matches = await run(() => verify(stored ?? nobody, password.slice(0, passwordCharsMax + 1)));
      return matches && stored != null && password.length <= passwordCharsMax;
    },
  };
};
