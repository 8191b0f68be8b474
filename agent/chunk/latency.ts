/**
 * How long each host takes to hand over a chunk: mean and mean deviation, weighed as RFC 6298 weighs a round trip. A
 * host that nobody asks is believed faster as time goes by, so one that was slow once is tried again.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import { hedgeMsDefault, hedgeMsMax, hedgeMsMin, latencyHalfLifeMs } from './limits.ts';

export interface Latency {
  note(host: HostId, tookMs: number): void;
  /** It was overtaken, or given up, after so long: it would have taken longer, who knows how much. */
  noteOvertaken(host: HostId, afterMs: number): void;
  /** 0 for a host that was never asked: it is worth a try. */
  meanMs(host: HostId): number;
  /** After this a second host should be asked. */
  hedgeMs(host: HostId): number;
}

interface Seen {
  readonly meanMs: number;
  readonly deviationMs: number;
  readonly atMs: number;
}

export const latency = ({ monotonicMs }: Pick<Clock, 'monotonicMs'>): Latency => {
  const seen = new Map<HostId, Seen>();
  const note = (host: HostId, tookMs: number): Seen => {
    const before = seen.get(host) ?? { meanMs: tookMs, deviationMs: tookMs / 2 };
    const now = {
      meanMs: before.meanMs + (tookMs - before.meanMs) / 8,
      deviationMs: before.deviationMs + (Math.abs(tookMs - before.meanMs) - before.deviationMs) / 4,
      atMs: monotonicMs(),
    };
    seen.set(host, now);
    return now;
  };
  const meanMs = (host: HostId): number => {
    const entry = seen.get(host);
    return entry ? entry.meanMs * 0.5 ** ((monotonicMs() - entry.atMs) / latencyHalfLifeMs) : 0;
  };
  return {
    note,
    noteOvertaken(host, afterMs) {
      if (afterMs <= meanMs(host)) return;
      // An eighth of the way would leave it the first choice for the next readers, too.
      const now = note(host, afterMs);
      seen.set(host, { ...now, meanMs: Math.max(now.meanMs, afterMs) });
    },
    meanMs,
    hedgeMs(host) {
      const entry = seen.get(host);
      if (!entry) return hedgeMsDefault;
      return Math.min(hedgeMsMax, Math.max(hedgeMsMin, entry.meanMs + 4 * entry.deviationMs));
    },
  };
};
