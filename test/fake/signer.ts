/** Signatures without keys, for hosts whose ids are no keys: a hash that any of these signers can make and check. */
import { createHash } from 'node:crypto';
import type { CardSigner } from '../../agent/membership/signed-card.ts';
import type { HostId } from '../../proto/ids.ts';

const mark = (host: HostId, bytes: Uint8Array): Buffer =>
  createHash('sha512').update(host).update(bytes).digest();

export const fakeSigner = (self: HostId): CardSigner => ({
  sign: (bytes) => mark(self, bytes),
  verify: (host, bytes, signature) => mark(host, bytes).equals(signature),
});
