/**
 * Small slices of chunks, for a reader that is slow or has no place. A chunk is verified as a whole (BLAKE3 of a part proves
 * nothing about its name), so for the first slice it is read whole; what is kept then is a digest of each slice to come, 4 KiB for
 * 4 MiB. The others are read alone and compared with theirs: 32 KiB in place of 4 MiB each. One that differs, or is not to be
 * had, has the chunk read whole again, with all that a damaged copy leads to.
 *
 *     chunk, verified ──> slice 0, digests of 1, 2, ... ──> slice 1 ──> slice 2 ──> ...
 *              ^─────────────────────── it differs ───────────────────────┘
 */
import { equalBytes } from '../base/bytes.ts';
import type { BufferPool } from './buffer-pool.ts';
import { chunkHash } from './chunk-name.ts';
import type { Gate } from './gate.ts';
import { readSliceBytes } from './limits.ts';

/** Bytes `from` to `to` of one chunk. */
export interface Wanted {
  readonly from: number;
  readonly to: number;
}

export interface SliceSource<Part> {
  /** Verified; if its bytes lie in a buffer of the pool they are the caller's to give back. */
  whole(part: Part, signal: AbortSignal): Promise<Uint8Array>;
  /** Fills `into` from byte `at` on, not verified. False where it is not to be had apart from the whole. */
  slice(part: Part, at: number, into: Uint8Array, signal: AbortSignal): Promise<boolean>;
}

const digestBytes = 32;
const endOf = ({ to }: Wanted, at: number): number => Math.min(at + readSliceBytes, to);
const sliceOf = (bytes: Uint8Array, part: Wanted, at: number): Uint8Array =>
  bytes.subarray(at, endOf(part, at));

export const sliceReader = <Part extends Wanted>(
  {
    cuts,
    buffers,
  }: {
    /** Chunks in memory to cut from. */
    readonly cuts: Gate;
    readonly buffers: Pick<BufferPool, 'give'>;
  },
  source: SliceSource<Part>,
) => {
  /** Of one reader: its next bytes of the part, from `at` on, in memory that is used again for the next ones. */
  return (): ((part: Part, at: number, signal: AbortSignal) => Promise<Uint8Array>) => {
    let own: Uint8Array | undefined;
    let verified: { readonly part: Part; readonly from: number; readonly digests: Uint8Array } | undefined;

    const room = (part: Part, at: number): Uint8Array => {
      own ??= Buffer.allocUnsafeSlow(readSliceBytes);
      return own.subarray(0, endOf(part, at) - at);
    };
    const cut = (part: Part, from: number, signal: AbortSignal): Promise<Uint8Array> =>
      cuts.run(async () => {
        const bytes = await source.whole(part, signal);
        const digests = new Uint8Array(Math.ceil((part.to - from) / readSliceBytes) * digestBytes);
        try {
          for (let index = 1; index * digestBytes < digests.length; index++)
            digests.set(chunkHash(sliceOf(bytes, part, from + index * readSliceBytes)), index * digestBytes);
          verified = { part, from, digests };
          const slice = room(part, from);
          slice.set(sliceOf(bytes, part, from));
          return slice;
        } finally {
          buffers.give(bytes);
        }
      }, signal);
    const digestAt = (part: Part, at: number): Uint8Array | undefined => {
      if (verified?.part !== part) return undefined;
      const index = (at - verified.from) / readSliceBytes;
      return verified.digests.subarray(index * digestBytes, (index + 1) * digestBytes);
    };

    return async (part, at, signal) => {
      const digest = digestAt(part, at);
      const slice = room(part, at);
      const isRead = digest && (await source.slice(part, at, slice, signal));
      return isRead && equalBytes(chunkHash(slice), digest) ? slice : cut(part, at, signal);
    };
  };
};
