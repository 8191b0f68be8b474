/**
 * Branded ids. A string from outside becomes an id only through its parser, so a function that takes a
 * `HostId` can never be handed a server's id by mistake. The brands vanish at run time.
 */
import { ShoalError } from './error.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A host: the libp2p peer id (base58, `12D3Koo…`) of its ed25519 public key. The key can be read back from it. */
export type HostId = Branded<'HostId'>;
/** A cluster: 32 lower-case hex digits, drawn once by `shoal init`. */
export type ClusterId = Branded<'ClusterId'>;
/** A chunk: its BLAKE3-256 as 64 lower-case hex digits. */
export type ChunkId = Branded<'ChunkId'>;
/** A request, as `X-Openstack-Request-Id` shows it: `req-` and a UUID, and at Swift's door a transaction id of its form. */
export type RequestId = Branded<'RequestId'>;
/** A UUID with dashes: servers, images. */
export type Uuid = Branded<'Uuid'>;
/** 32 lower-case hex digits, a UUID without dashes: Keystone's ids of projects, users, roles, domains. */
export type HexId = Branded<'HexId'>;

const parser =
  <Id extends string>(what: string, pattern: RegExp, wish: string) =>
  (text: string): Id => {
    if (pattern.test(text)) return text as Id;
    throw new ShoalError('BAD_REQUEST', `Cannot read ${JSON.stringify(text)} as a ${what}: ${wish}`);
  };

export const parseHostId = parser<HostId>(
  'host id',
  /^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$/,
  'it starts with 12D3Koo and has 52 base58 digits',
);
export const parseClusterId = parser<ClusterId>('cluster id', /^[0-9a-f]{32}$/, 'it has 32 hex digits');
export const parseChunkId = parser<ChunkId>('chunk id', /^[0-9a-f]{64}$/, 'it has 64 hex digits');

export const newUuid = (): Uuid => crypto.randomUUID() as Uuid;
export const newHexId = (): HexId => crypto.randomUUID().replaceAll('-', '') as HexId;
export const newClusterId = (): ClusterId => newHexId() as string as ClusterId;
export const newRequestId = (): RequestId => `req-${crypto.randomUUID()}` as RequestId;
/** Swift's: `tx`, 21 hex digits, and behind a dash the second in 10. */
export const newTransactionId = (atMs: number): RequestId => {
  const second = Math.floor(atMs / 1000)
    .toString(16)
    .padStart(10, '0');
  return `tx${newHexId().slice(0, 21)}-${second}` as RequestId;
};
