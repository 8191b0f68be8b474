/**
 * Tells this host's load to every other, directly: nobody's load is hearsay, and each byte is sent once. Gossip would
 * pass it on over three to five links, each time with its author's signature: ten times the bytes.
 *
 *     circle   a  b  c  d  e  f  g        news: all of the circle are to be told, from where it stands on;
 *                       ^ next            what is told is what holds at that moment
 *
 * News begins a round at most once a second, silence one each 30 s; a host that comes is told first. The pace is
 * fixed, so what it costs does not grow with the cluster: there only the rounds grow longer.
 */
import type { HostId } from '../../proto/ids.ts';
import type { VitalsRecord } from '../../proto/message/membership.ts';
import type { Clock, Timers } from '../runtime/ports.ts';
import {
  loadChangeMin,
  vitalsChangeMin,
  vitalsPeriodMsMax,
  vitalsPeriodMsMin,
  vitalsTellMs,
} from './limits.ts';
import type { Vitals } from './port.ts';

const moved = (before: number, after: number): boolean =>
  Math.abs(after - before) > vitalsChangeMin * Math.max(Math.abs(before), Math.abs(after));

/** Would another host place or warn differently? */
export const isVitalsNews = (before: Vitals, after: Vitals): boolean =>
  before.machines !== after.machines ||
  before.vcpusClaimed !== after.vcpusClaimed ||
  before.memoryClaimedMiB !== after.memoryClaimedMiB ||
  before.computeRefusal !== after.computeRefusal ||
  before.hypervisors.join() !== after.hypervisors.join() ||
  Math.abs(before.load - after.load) >= loadChangeMin ||
  moved(before.storageUsedBytes, after.storageUsedBytes) ||
  moved(before.storageFreeBytes, after.storageFreeBytes) ||
  moved(before.memoryTotalMiB, after.memoryTotalMiB) ||
  moved(before.vcpusTotal, after.vcpusTotal) ||
  moved(before.diskTotalGiB, after.diskTotalGiB) ||
  moved(before.diskClaimedGiB, after.diskClaimedGiB);

export interface VitalsWorld {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'after'>;
  incarnation(): number;
  isReachable(host: HostId): boolean;
  tell(host: HostId, record: VitalsRecord): void;
}

export const vitalsPublisher = (world: VitalsWorld) => {
  const { clock, timers } = world;
  const circle: HostId[] = [];
  const known = new Set<HostId>();
  /** Hosts that have just come; a set, so that one that comes and goes waits in it once. */
  const first = new Set<HostId>();
  /** Who was told last. */
  let next = -1;
  /** How many of the circle are still to be told in this round. */
  let left = 0;
  let newest: Vitals | undefined;
  /** What the round under way, or the last one, is about. */
  let round: { readonly vitals: Vitals; readonly atMs: number } | undefined;
  let sequence = 0;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let cancel = (): void => {};

  const record = (vitals: Vitals): VitalsRecord => ({
    incarnation: world.incarnation(),
    sequence,
    vitals: { ...vitals, hypervisors: [...vitals.hypervisors] },
  });

  const begin = (vitals: Vitals, atMs: number): void => {
    sequence++;
    round = { vitals, atMs };
    left = circle.length;
  };

  /** Whose turn it is; a host that is away costs no turn. */
  const draw = (): HostId | undefined => {
    for (const host of first) {
      first.delete(host);
      if (world.isReachable(host)) return host;
    }
    while (left > 0) {
      left--;
      next = (next + 1) % circle.length;
      const host = circle[next];
      if (host !== undefined && world.isReachable(host)) return host;
    }
    return undefined;
  };

  const dueMs = (): number => {
    if (first.size > 0 || left > 0) return toldAtMs + vitalsTellMs;
    if (!round || !newest) return clock.monotonicMs();
    return round.atMs + (isVitalsNews(round.vitals, newest) ? vitalsPeriodMsMin : vitalsPeriodMsMax);
  };

  const look = (): void => {
    if (!newest) return;
    const now = clock.monotonicMs();
    const isNews = !round || isVitalsNews(round.vitals, newest);
    const sinceMs = now - (round?.atMs ?? Number.NEGATIVE_INFINITY);
    if (sinceMs >= (isNews ? vitalsPeriodMsMin : vitalsPeriodMsMax) && (isNews || left === 0))
      begin(newest, now);
    if (now - toldAtMs >= vitalsTellMs) {
      const host = draw();
      if (host !== undefined) {
        toldAtMs = now;
        world.tell(host, record(newest));
      }
    }
    arm();
  };
  const arm = (): void => {
    cancel();
    if (newest) cancel = timers.after(Math.max(1, dueMs() - clock.monotonicMs()), look);
  };

  return {
    set(vitals: Vitals): void {
      const isFirst = !newest;
      newest = vitals;
      if (isFirst) look();
      else arm();
    },
    /** A host is there that was not, or is again: it knows nothing of this one. */
    meet(host: HostId): void {
      if (!known.has(host)) {
        known.add(host);
        circle.push(host);
      }
      first.add(host);
      arm();
    },
    /** Off the roster. */
    forget(host: HostId): void {
      if (!known.delete(host)) return;
      first.delete(host);
      const place = circle.indexOf(host);
      circle.splice(place, 1);
      if (place <= next) next--;
      left = Math.min(left, circle.length);
    },
    /** For a host that asks. */
    current: (): VitalsRecord | undefined => newest && record(newest),
    stop(): void {
      newest = undefined;
      cancel();
    },
  };
};
