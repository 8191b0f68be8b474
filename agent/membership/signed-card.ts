/**
 * A card that its own host signed. Cards are passed on by others (a dead host's card is known to others only, and
 * kept over restarts), and layouts and clients rely on what they say: whoever passes one on cannot change it.
 */
import type { HostId } from '../../proto/ids.ts';
import type { CardRecord } from '../../proto/message/membership.ts';
import { toBase64Url } from '../base/bytes.ts';

/** The host's own key, and everyone's: a HostId is a public key. */
export interface CardSigner {
  sign(bytes: Uint8Array): Uint8Array;
  verify(host: HostId, bytes: Uint8Array, signature: Uint8Array): boolean;
}

type Unsigned = Omit<CardRecord, 'signature' | 'vitals'>;

/** Every field, in one order. */
const bytesOf = ({ host, incarnation, card }: Unsigned): Uint8Array =>
  Buffer.from(
    `shoal member card\n${JSON.stringify([
      host,
      incarnation,
      card.name,
      card.zone,
      card.peerAddresses,
      card.bulkAddress,
      card.apiUrl,
      card.s3Url,
      card.capacityBytes,
      card.version,
    ])}`,
  );

export const signCard = (signer: CardSigner, unsigned: Unsigned): CardRecord => ({
  ...unsigned,
  signature: toBase64Url(signer.sign(bytesOf(unsigned))),
});

export const isSigned = (signer: CardSigner, record: CardRecord): boolean =>
  signer.verify(record.host as HostId, bytesOf(record), Buffer.from(record.signature, 'base64url'));
