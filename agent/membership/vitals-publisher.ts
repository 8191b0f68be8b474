/**
 * When this host's load goes out: at once when it changed by more than a threshold, but at most once a second
 * (the newest wins), and again each 30 s for those who missed it.
 */
import type { VitalsRecord } from '../../proto/message/membership.ts';
import type { Runtime } from '../runtime/ports.ts';
import { loadChangeMin, vitalsChangeMin, vitalsPeriodMsMax, vitalsPeriodMsMin } from './limits.ts';
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

export const vitalsPublisher = (
  runtime: Pick<Runtime, 'clock' | 'timers'>,
  publish: (record: VitalsRecord) => void,
  incarnation: () => number,
) => {
  let newest: Vitals | undefined;
  let published: Vitals | undefined;
  let publishedAtMs = -Infinity;
  let sequence = 0;
  let cancel = (): void => {};

  const record = (vitals: Vitals): VitalsRecord => ({
    incarnation: incarnation(),
    sequence,
    vitals: { ...vitals, hypervisors: [...vitals.hypervisors] },
  });

  const arm = (): void => {
    cancel();
    if (!newest) return;
    const isNews = !published || isVitalsNews(published, newest);
    const dueMs = publishedAtMs + (isNews ? vitalsPeriodMsMin : vitalsPeriodMsMax);
    cancel = runtime.timers.after(Math.max(0, dueMs - runtime.clock.monotonicMs()), () => {
      if (!newest) return;
      sequence++;
      published = newest;
      publishedAtMs = runtime.clock.monotonicMs();
      publish(record(newest));
      arm();
    });
  };

  return {
    set(vitals: Vitals): void {
      newest = vitals;
      arm();
    },
    /** For a host that asks. */
    current: (): VitalsRecord | undefined => newest && record(newest),
    stop(): void {
      newest = undefined;
      cancel();
    },
  };
};
