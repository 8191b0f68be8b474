/**
 * Owners that are still writing when the quorum is reached. A host may lag `stragglersPerHostMax` chunks behind,
 * each for `stragglerMs`. Beyond that the upload waits a moment for a place, so that a host that merely is the
 * slowest is not cut off again and again to fetch everything later; one from which nothing came for
 * `stragglerSilentMs` gets no such patience. So a slow owner slows an upload a little, a dead one not at all.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Runtime } from '../runtime/ports.ts';
import { stragglerMs, stragglerPatienceMs, stragglerSilentMs, stragglersPerHostMax } from './limits.ts';

export interface Stragglers {
  /** Resolves when the upload may go on. `ended` settles when the host has answered or `stop` was aborted. */
  tolerate(host: HostId, ended: Promise<void>, stop: AbortController): Promise<void>;
}

interface Lane {
  count: number;
  lastEndMs: number;
  readonly waiters: Set<() => void>;
}

export const stragglers = ({ clock, timers }: Pick<Runtime, 'clock' | 'timers'>): Stragglers => {
  const lanes = new Map<HostId, Lane>();
  return {
    tolerate(host, ended, stop) {
      const nowMs = clock.monotonicMs();
      const lane = lanes.get(host) ?? { count: 0, lastEndMs: nowMs, waiters: new Set() };
      lanes.set(host, lane);
      lane.count += 1;
      const cancelEnd = timers.after(stragglerMs, () =>
        stop.abort(new ShoalError('TIMEOUT', `Host ${host} is too slow for this chunk`)),
      );
      void ended.then(() => {
        cancelEnd();
        lane.count -= 1;
        if (!stop.signal.aborted) lane.lastEndMs = clock.monotonicMs();
        if (lane.count === 0) lanes.delete(host);
        for (const waiter of lane.waiters) waiter();
      });
      if (lane.count <= stragglersPerHostMax) return Promise.resolve();
      const isSilent = nowMs - lane.lastEndMs > stragglerSilentMs;
      return new Promise((resolve) => {
        const go = (): void => {
          lane.waiters.delete(look);
          cancelPatience();
          resolve();
        };
        const look = (): void => {
          if (lane.count <= stragglersPerHostMax) go();
        };
        const cancelPatience = timers.after(isSilent ? 0 : stragglerPatienceMs, () => {
          stop.abort(new ShoalError('BUSY', `Host ${host} is too many chunks behind`));
          go();
        });
        lane.waiters.add(look);
      });
    },
  };
};
