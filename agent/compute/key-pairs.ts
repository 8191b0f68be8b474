/** Key pairs: each user's own, whatever project they work in. The private half is told once and never kept. */
import { ShoalError } from '../../proto/error.ts';
import type { Runtime } from '../runtime/ports.ts';
import { keyPairsPerUserMax } from './limits.ts';
import type { KeyPair, Records } from './records.ts';
import { generateKey, type KeyAlgorithm, type PublicKey, parsePublicKey } from './ssh-key.ts';

export interface KeyPairs {
  list(userId: string): Promise<readonly KeyPair[]>;
  /** Throws NOT_FOUND. */
  show(userId: string, name: string): Promise<KeyPair>;
  /** Without a public key one is made. Throws BAD_REQUEST, CONFLICT, FORBIDDEN at the quota. */
  create(
    userId: string,
    wish: { readonly name: string; readonly publicKey?: string },
  ): Promise<{ readonly keyPair: KeyPair; readonly privateKey?: string }>;
  /** Throws NOT_FOUND. Servers keep the key that they have. */
  delete(userId: string, name: string): Promise<void>;
}

export const openKeyPairs = (
  { records, runtime }: { readonly records: Pick<Records, 'keyPairs'>; readonly runtime: Runtime },
  settings: { readonly algorithm: KeyAlgorithm },
): KeyPairs => {
  const { keyPairs } = records;
  const missing = (userId: string, name: string): ShoalError =>
    new ShoalError('NOT_FOUND', `Keypair ${name} not found for user ${userId}`);
  const list = async (userId: string): Promise<readonly KeyPair[]> =>
    (await keyPairs.range(userId, { limit: keyPairsPerUserMax })).entries.map(({ row }) => row);

  return {
    list,
    async show(userId, name) {
      const found = await keyPairs.get(userId, name);
      if (!found) throw missing(userId, name);
      return found;
    },
    async create(userId, { name, publicKey }) {
      if (!/^[\w\-@. ]+$/.test(name) || name.trim() !== name)
        throw new ShoalError(
          'BAD_REQUEST',
          `Keypair data is invalid: Keypair name ${JSON.stringify(name)} contains unsafe characters`,
        );
      const made: PublicKey & { readonly privateKey?: string } =
        publicKey === undefined
          ? generateKey(settings.algorithm, 'Generated-by-shoal', runtime.chance.bytes(4))
          : parsePublicKey(publicKey);
      // Not atomic with the change below: a bound on waste, which two callers at once may pass by one.
      if ((await list(userId)).length >= keyPairsPerUserMax)
        throw new ShoalError('FORBIDDEN', 'Quota exceeded, too many key pairs.');
      const keyPair: KeyPair = {
        name,
        type: 'ssh',
        publicKey: made.text,
        fingerprint: made.fingerprint,
        createdAtMs: runtime.clock.wallMs(),
      };
      await keyPairs.change(userId, name, (current) => {
        // The same key again is this very call, made twice by the table.
        if (
          current &&
          (current.publicKey !== keyPair.publicKey || current.createdAtMs !== keyPair.createdAtMs)
        )
          throw new ShoalError('CONFLICT', `Key pair '${name}' already exists.`);
        return keyPair;
      });
      return { keyPair, ...(made.privateKey !== undefined && { privateKey: made.privateKey }) };
    },
    async delete(userId, name) {
      await keyPairs.change(userId, name, (current) => {
        if (!current) throw missing(userId, name);
        return undefined;
      });
    },
  };
};
