/**
 * The book of a host's room: which server has how much of it. The host is the only authority on its own capacity;
 * a claim is decided and on disk before it is answered, so two callers for the last room cannot both have it.
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { KeyValue, KeyValueReader } from '../store/key-value.ts';

export interface Room {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskGiB: number;
}

export interface Claim extends Room {
  readonly serverId: string;
  readonly projectId: string;
  /** Wall time. */
  readonly atMs: number;
}

export interface Claims {
  /** Idempotent for a server. Throws NO_CAPACITY with what is free. */
  take(claim: Claim, capacity: Room): Promise<void>;
  /** Idempotent. */
  release(serverId: string): Promise<void>;
  get(serverId: string): Claim | undefined;
  list(): readonly Claim[];
  total(): Room;
}

const records = codec<Claim>('claim');
const keyOf = (serverId: string): Uint8Array => Buffer.from(`claim/${serverId}`);
/** The byte after "/" ends the range of all keys with the prefix. */
const everything = { from: Buffer.from('claim/'), to: Buffer.from('claim0') };

const listIn = (reader: KeyValueReader): Claim[] =>
  [...reader.range(everything)].map(({ value }) => records.decode(value));

const sum = (claims: readonly Claim[]): Room => ({
  vcpus: claims.reduce((total, claim) => total + claim.vcpus, 0),
  memoryMiB: claims.reduce((total, claim) => total + claim.memoryMiB, 0),
  diskGiB: claims.reduce((total, claim) => total + claim.diskGiB, 0),
});

const roomKinds = [
  ['vcpus', 'vCPUs'],
  ['memoryMiB', 'MiB of memory'],
  ['diskGiB', 'GiB of disk'],
] as const;

/** What of `wanted` does not fit beside `taken`, as words; undefined when all does. */
const shortOf = (wanted: Room, taken: Room, capacity: Room): string | undefined => {
  for (const [kind, words] of roomKinds) {
    const free = Math.max(0, capacity[kind] - taken[kind]);
    if (wanted[kind] > free) return `${wanted[kind]} ${words} are wanted, ${free} are free`;
  }
  return undefined;
};

export const openClaims = (keyValue: KeyValue): Claims => ({
  take: (claim, capacity) =>
    keyValue.transact((writer) => {
      if (writer.get(keyOf(claim.serverId))) return;
      const short = shortOf(claim, sum(listIn(writer)), capacity);
      if (short) throw new ShoalError('NO_CAPACITY', `Cannot take server ${claim.serverId}: ${short}`);
      writer.put(keyOf(claim.serverId), records.encode(claim));
    }),
  release: (serverId) => keyValue.transact((writer) => writer.delete(keyOf(serverId))),
  get(serverId) {
    const bytes = keyValue.get(keyOf(serverId));
    return bytes && records.decode(bytes);
  },
  list: () => listIn(keyValue),
  total: () => sum(listIn(keyValue)),
});
