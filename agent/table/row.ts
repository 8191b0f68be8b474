/**
 * What an owner holds of one row, and how two versions of it become one.
 *
 *  - lww: the newer stamp wins. Stamps are never shared by two writes, unless a host's clock was set back while it
 *    was down; then the larger value wins, so that all owners still choose the same.
 *  - register: the memory of a CASPaxos acceptor (`agent/register`). A copy from another owner is to the protocol a
 *    late `accept`: it is refused below a promise, and never lowers one.
 *
 * A row's mark stands for its whole content in the Merkle tree and in ranges: equal marks, equal rows.
 */
import { crc32 } from 'node:zlib';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { RowState } from '../../proto/message/row.ts';
import { compareStamps } from '../../proto/stamp.ts';
import { compareBytes } from '../base/bytes.ts';
import { type AcceptorState, accept, emptyState, sameContent } from '../register/acceptor.ts';
import { type Ballot, compareBallots, maxBallot, sameBallot } from '../register/ballot.ts';
import type { ChangeId } from '../register/lineage.ts';
import { digest, digestBytes } from './keys.ts';

export type LwwState = Extract<RowState, { kind: 'lww' }>;

export interface StoredRow {
  readonly state: RowState;
  /** 16 bytes; all zero where nothing was accepted, which the tree does not see. */
  readonly mark: Uint8Array;
}

const states = codec<RowState>('table row');
export const noMark: Uint8Array = new Uint8Array(digestBytes);

export const markOf = (keyDigest: Uint8Array, state: RowState): Uint8Array => {
  const version =
    state.kind === 'lww'
      ? [state.stamp.wallMs, state.stamp.count, state.stamp.host]
      : state.accepted && [
          state.accepted.ballot.round,
          state.accepted.ballot.host,
          state.accepted.ballot.run,
        ];
  if (!version) return noMark;
  const value = state.kind === 'lww' ? state.value : (state.accepted?.value ?? null);
  const head = Buffer.from(`${version.join(' ')} ${value ? 'value' : 'deleted'} `);
  return digest(Buffer.concat([keyDigest, head, value ?? noMark]));
};

/** Of the byte that tells what the row is to readers: a checksum follows. Rows of an earlier build have none. */
const sealed = 0x80;
const headBytes = digestBytes + 1;
const sumBytes = 4;
const sumOf = (head: Uint8Array, state: Uint8Array): number => crc32(state, crc32(head));

/** On disk: mark, one byte that tells what the row is to readers, checksum, state. A page of marks reads only the head. */
export const encodeRow = ({ state, mark }: StoredRow): Uint8Array => {
  const bytes = states.encode(state);
  const row = Buffer.alloc(headBytes + sumBytes + bytes.length);
  row.set(mark);
  row[digestBytes] = presenceOf(state) | sealed;
  row.writeUInt32LE(sumOf(row.subarray(0, headBytes), bytes), headBytes);
  row.set(bytes, headBytes + sumBytes);
  return row;
};
/** Throws DAMAGED, also where a bit of it is another one than was written. */
export const decodeRow = (bytes: Uint8Array): StoredRow => {
  const head = bytes.subarray(0, headBytes);
  const isSealed = ((bytes[digestBytes] ?? 0) & sealed) !== 0;
  const state = bytes.subarray(headBytes + (isSealed ? sumBytes : 0));
  if (isSealed) {
    const { buffer, byteOffset, length } = bytes;
    const sum =
      length < headBytes + sumBytes ? undefined : new DataView(buffer, byteOffset).getUint32(headBytes, true);
    if (sum !== sumOf(head, state))
      throw new ShoalError('DAMAGED', 'Cannot read a row: its bytes on disk are not those that were written');
  }
  return { mark: head.subarray(0, digestBytes), state: states.decode(state) };
};
export const markOfBytes = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, digestBytes);
export const presenceOfBytes = (bytes: Uint8Array): number =>
  (bytes[digestBytes] ?? presence.promise) & ~sealed;

export const presence = {
  /** Nothing was accepted yet: to readers and other owners there is no such row. */
  promise: 0,
  tombstone: 1,
  live: 2,
} as const;

const presenceOf = (state: RowState): number =>
  isLive(state)
    ? presence.live
    : state.kind === 'register' && !state.accepted
      ? presence.promise
      : presence.tombstone;

/** Is there something for readers: not a tombstone, not only a promise? */
export const isLive = (state: RowState): boolean =>
  state.kind === 'lww'
    ? state.value !== null
    : state.accepted?.value != null && !isDeleted(state.accepted.value);

export const weightOf = (state: RowState): number =>
  state.kind === 'lww' && state.value !== null ? state.weight : 0;

/** Positive: `a` is newer. */
export const compareLww = (a: LwwState, b: LwwState): number =>
  compareStamps(a.stamp, b.stamp) ||
  (a.value && b.value ? compareBytes(a.value, b.value) : Number(a.value !== null) - Number(b.value !== null));

export type Merged =
  /** The row to keep, and whether it is the incoming one. */
  | { readonly kind: 'kept' }
  | { readonly kind: 'taken'; readonly state: RowState }
  /** A register that promised more than this copy was accepted under: only a full round settles it. */
  | { readonly kind: 'refused' };

export const mergeRow = (
  held: RowState | undefined,
  incoming: RowState,
  floor: Ballot | null = null,
): Merged => {
  if (incoming.kind === 'lww') {
    if (held?.kind === 'lww' && compareLww(held, incoming) >= 0) return { kind: 'kept' };
    return { kind: 'taken', state: incoming };
  }
  if (!incoming.accepted) return { kind: 'kept' };
  const mine = acceptorOf(held, floor);
  // Two values under one ballot: a proposer lied. A full round makes one of them stand, under a ballot of its own.
  if (sameBallot(mine.accepted?.ballot ?? null, incoming.accepted.ballot))
    return { kind: mine.accepted && sameContent(mine.accepted, incoming.accepted) ? 'kept' : 'refused' };
  const { state, reply } = accept(mine, incoming.accepted);
  if (reply.kind === 'conflict')
    return mine.accepted && compareBallots(mine.accepted.ballot, incoming.accepted.ballot) > 0
      ? { kind: 'kept' }
      : { kind: 'refused' };
  return state === mine ? { kind: 'kept' } : { kind: 'taken', state: { kind: 'register', ...state } };
};

/** `floor`: what is promised for all registers of its partition. */
export const acceptorOf = (held: RowState | undefined, floor: Ballot | null = null): AcceptorState => {
  const { promised, accepted } = held?.kind === 'register' ? held : emptyState;
  return { promised: maxBallot(promised, floor), accepted };
};

/**
 * A register's value as CASPaxos carries it: one byte that says whether there is a row, 8 random bytes that make
 * every change's value unlike all others, then the row. So "is it still the value that I saw" is a comparison of
 * digests, and a caller whose answer was lost can recognise its own change.
 */
const [deletedByte, rowByte] = [0, 1];
const changeIdBytes = 8;
export const wrapValue = (changeId: Uint8Array, row: Uint8Array | null): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(row ? rowByte : deletedByte),
    changeId.subarray(0, changeIdBytes),
    row ?? new Uint8Array(),
  ]);
const isDeleted = (value: Uint8Array): boolean => value[0] !== rowByte;
/** undefined: no row, or deleted. */
export const unwrapValue = (value: Uint8Array | null): Uint8Array | undefined =>
  value === null || isDeleted(value) ? undefined : value.subarray(1 + changeIdBytes);
export { changeIdBytes };
/**
 * For the register's lineage: whoever runs this change, wherever, sees whether it was done already. Throws BAD_REQUEST:
 * another host may send anything.
 */
export const changeIdOf = (value: Uint8Array): ChangeId => {
  if (value.length < 1 + changeIdBytes)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot change to a value of ${value.length} bytes: its head takes ${1 + changeIdBytes}`,
    );
  return Number(Buffer.from(value.buffer, value.byteOffset + 1, changeIdBytes).readBigUInt64BE() >> 11n);
};
