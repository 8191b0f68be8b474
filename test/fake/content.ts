/** Content kept in memory: cut, hashed and inlined as the real store does, without hosts. */
import { createHash } from 'node:crypto';
import { blake3 } from '@napi-rs/blake-hash';
import { isPieceKeptAs } from '../../agent/chunk/kept-as.ts';
import { stripeBytesMin } from '../../agent/chunk/limits.ts';
import type { Content, ContentStore, DigestName, Piece } from '../../agent/chunk/port.ts';
import { stripeIdOf } from '../../agent/chunk/stripe/name.ts';
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { codes } from '../../proto/policy.ts';
import { KiB, MiB } from '../../proto/units.ts';

export const fakeContent = (): ContentStore & {
  readonly chunks: Map<ChunkId, Uint8Array>;
  readonly users: Map<string, Set<string>>;
} => {
  const chunks = new Map<ChunkId, Uint8Array>();
  const users = new Map<string, Set<string>>();
  const use = (content: Content, user: string, add: boolean): void => {
    if (content.kind !== 'chunks') return;
    for (const { id } of content.chunks) {
      const set = users.get(id) ?? new Set<string>();
      if (add) set.add(user);
      else set.delete(user);
      users.set(id, set);
      if (set.size === 0) chunks.delete(id);
    }
  };
  return {
    chunks,
    users,
    codes: () => codes,
    async write(source, options) {
      const hashes = options.digests.map((name) => [name, createHash(name)] as const);
      const pieces: Uint8Array[] = [];
      let length = 0;
      for await (const piece of source) {
        length += piece.length;
        if (length > options.bytesMax)
          throw new ShoalError('TOO_LARGE', `Cannot store more than ${options.bytesMax} bytes`);
        for (const [, hash] of hashes) hash.update(piece);
        pieces.push(Uint8Array.from(piece));
      }
      const bytes = new Uint8Array(Buffer.concat(pieces));
      const digests: Partial<Record<DigestName, string>> = {};
      for (const [name, hash] of hashes) digests[name] = hash.digest('hex');
      if (length <= (options.inlineBytesMax ?? 16 * KiB))
        return {
          content: { kind: 'inline', ...(options.vault?.seal(bytes) ?? { bytes }) },
          length,
          digests,
        };
      const list: Piece[] = [];
      for (let at = 0; at < length; at += 4 * MiB) {
        const plain = bytes.subarray(at, at + 4 * MiB);
        const { bytes: part, ...sealed } = options.vault?.seal(plain) ?? { bytes: plain };
        const code = part.length < stripeBytesMin ? undefined : options.code;
        const id = code ? stripeIdOf(part, code) : (blake3(Buffer.from(part)).toString('hex') as ChunkId);
        chunks.set(id, part);
        list.push({ id, length: part.length, ...sealed, ...(code && { isStripe: true }) });
      }
      const content: Content = { kind: 'chunks', chunks: list };
      use(content, options.user, true);
      return { content, length, digests };
    },
    async rekeep(content, user, code) {
      if (content.kind === 'inline') return content;
      const list = content.chunks.map((piece) => {
        const part = chunks.get(piece.id);
        if (!part) throw new ShoalError('DAMAGED', `Cannot read chunk ${piece.id}: no copy is left`);
        if (isPieceKeptAs(piece, code)) return piece;
        const { isStripe: _was, ...rest } = piece;
        const id = code ? stripeIdOf(part, code) : (blake3(Buffer.from(part)).toString('hex') as ChunkId);
        chunks.set(id, part);
        return { ...rest, id, ...(code && { isStripe: true as const }) };
      });
      const moved: Content = { kind: 'chunks', chunks: list };
      use(moved, user, true);
      return moved;
    },
    async *read(content, options = {}) {
      const opened = (iv: Uint8Array | undefined, bytes: Uint8Array): Uint8Array => {
        if (iv === undefined) return bytes;
        if (!options.vault) throw new Error('content that lies in a vault is read with it');
        return options.vault.open({ iv, bytes });
      };
      const whole =
        content.kind === 'inline'
          ? opened(content.iv, content.bytes)
          : Buffer.concat(
              content.chunks.map(({ id, iv }) => {
                const found = chunks.get(id);
                if (!found) throw new ShoalError('DAMAGED', `Cannot read chunk ${id}: no copy is left`);
                return opened(iv, found);
              }),
            );
      const part = whole.subarray(options.start ?? 0, options.end ?? whole.length);
      if (part.length > 0) yield new Uint8Array(part);
    },
    claim: async () => {},
    keep: async () => {},
    end: () => {},
    judgeBy: () => {},
    release: async (content, user) => use(content, user, false),
    retain: async (content, user) => use(content, user, true),
  };
};
