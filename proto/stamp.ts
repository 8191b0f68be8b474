/**
 * Hybrid logical clock stamps (Kulkarni et al. 2014): wall time in milliseconds, a counter for changes in the
 * same millisecond, and the host as the last tie-break, so that no two stamps are equal. As text they sort as
 * they compare, which lets lmdb and a Merkle tree order them by bytes.
 */
import type { HostId } from './ids.ts';

export interface Stamp {
  readonly wallMs: number;
  readonly count: number;
  readonly host: HostId;
}

export const compareStamps = (a: Stamp, b: Stamp): number =>
  a.wallMs - b.wallMs || a.count - b.count || (a.host < b.host ? -1 : a.host > b.host ? 1 : 0);

/** Far more than changes in a ms. A count that would pass it goes over into the wall time: there is always a next stamp. */
export const stampCountMax = 2 ** 32;

/** The stamp of a change that happens now, after all that `last` and `seen` tell of. */
export const nextStamp = (host: HostId, nowMs: number, ...seen: readonly (Stamp | undefined)[]): Stamp => {
  let wallMs = nowMs;
  let count = 0;
  for (const stamp of seen) {
    if (!stamp || stamp.wallMs < wallMs) continue;
    if (stamp.wallMs > wallMs) {
      wallMs = stamp.wallMs;
      count = stamp.count + 1;
    } else count = Math.max(count, stamp.count + 1);
  }
  return count > stampCountMax ? { wallMs: wallMs + 1, count: 0, host } : { wallMs, count, host };
};
