/**
 * MD5, SHA-256, SHA-512 of an upload. They are sequential and slow (MD5 880 MB/s), so long uploads are hashed by
 * worker threads while the event loop serves others; small ones are hashed where they are.
 *
 * Workers read pieces in memory that they share with the main thread (`buffer-pool.ts`); one that is not shared is copied
 * on its way. An upload that has `digestPiecesMax` pieces away waits.
 */
import { createHash } from 'node:crypto';
import type { DigestName } from './port.ts';

export type DigestTexts = Partial<Record<DigestName, string>>;

export interface Digests {
  /** Resolves when the next piece may come; the bytes must not change before `hashed`, which an abort may prevent. */
  update(bytes: Uint8Array, hashed?: () => void): Promise<void>;
  /** Lower-case hex. Ends the stream. */
  finish(): Promise<DigestTexts>;
  /** Ends the stream without an answer. */
  abort(): void;
}

export interface DigestHashes {
  update(bytes: Uint8Array): void;
  finish(): DigestTexts;
}

export const digestHashes = (names: readonly DigestName[]): DigestHashes => {
  const hashes = names.map((name) => ({ name, hash: createHash(name) }));
  return {
    update(bytes) {
      for (const { hash } of hashes) hash.update(bytes);
    },
    finish() {
      const texts: DigestTexts = {};
      for (const { name, hash } of hashes) texts[name] = hash.digest('hex');
      return texts;
    },
  };
};

export const inlineDigests = (names: readonly DigestName[]): Digests => {
  const hashes = digestHashes(names);
  return {
    async update(bytes, hashed) {
      hashes.update(bytes);
      hashed?.();
    },
    finish: async () => hashes.finish(),
    abort: () => {},
  };
};
