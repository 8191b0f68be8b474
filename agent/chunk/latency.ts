/** How long each host takes to hand over a chunk: mean and mean deviation, weighed as RFC 6298 weighs a round trip. */
import type { HostId } from '../../proto/ids.ts';
import { hedgeMsDefault, hedgeMsMax, hedgeMsMin } from './limits.ts';

export interface Latency {
  note(host: HostId, tookMs: number): void;
  /** 0 for a host that was never asked: it is worth a try. */
  meanMs(host: HostId): number;
  /** After this a second host should be asked. */
  hedgeMs(host: HostId): number;
}

export const latency = (): Latency => {
  const seen = new Map<HostId, { readonly meanMs: number; readonly deviationMs: number }>();
  return {
    note(host, tookMs) {
      const before = seen.get(host);
      seen.set(
        host,
        before
          ? {
              meanMs: before.meanMs + (tookMs - before.meanMs) / 8,
              deviationMs: before.deviationMs + (Math.abs(tookMs - before.meanMs) - before.deviationMs) / 4,
            }
          : { meanMs: tookMs, deviationMs: tookMs / 2 },
      );
    },
    meanMs: (host) => seen.get(host)?.meanMs ?? 0,
    hedgeMs(host) {
      const entry = seen.get(host);
      if (!entry) return hedgeMsDefault;
      return Math.min(hedgeMsMax, Math.max(hedgeMsMin, entry.meanMs + 4 * entry.deviationMs));
    },
  };
};
