/**
 * Deleted rows that should have been collected by now, and what they wait for: for operators, who hear of it nowhere else. One absent
 * owner holds up its partitions, and so does a layout that does not settle. Looked for at most once in a while: a read of an index for
 * each partition of this host.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Members } from '../membership/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Clock } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import type { CollectSettings } from './collector.ts';
import { collectAgeMs, collectEveryMs, overdueLookMs } from './limits.ts';
import { oldestTombstone } from './tombstones.ts';

export interface Overdue {
  /** Of the oldest, since it was due. */
  readonly forMs: number;
  /** Owners that cannot be reached. */
  readonly absent: readonly HostId[];
  /** A layout settles. */
  readonly isUnsettled: boolean;
}

export const overdueTombstones = (
  {
    ring,
    members,
    keyValue,
    clock,
  }: {
    readonly ring: Pick<Ring, 'self' | 'owners' | 'partitionCount' | 'newest' | 'oldest'>;
    readonly members: Pick<Members, 'isReachable'>;
    readonly keyValue: KeyValue;
    readonly clock: Clock;
  },
  settings: CollectSettings = {},
): (() => Overdue | null) => {
  const ageMs = settings.collectAgeMs ?? collectAgeMs;
  const everyMs = settings.collectEveryMs ?? collectEveryMs;
  const look = (): Overdue | null => {
    const nowMs = clock.wallMs();
    // Two looks of the collector are its good right.
    const dueMs = nowMs - ageMs - 2 * everyMs;
    let oldestMs = Number.POSITIVE_INFINITY;
    const absent = new Set<HostId>();
    for (let partition = 0; partition < ring.partitionCount; partition++) {
      const owners = ring.owners(partition);
      if (!owners.includes(ring.self)) continue;
      const atMs = oldestTombstone(keyValue, partition, dueMs);
      if (atMs === undefined) continue;
      oldestMs = Math.min(oldestMs, atMs);
      for (const owner of owners) if (owner !== ring.self && !members.isReachable(owner)) absent.add(owner);
    }
    if (oldestMs === Number.POSITIVE_INFINITY) return null;
    return {
      forMs: nowMs - ageMs - oldestMs,
      absent: [...absent].sort(),
      isUnsettled: ring.newest !== ring.oldest,
    };
  };
  let known: { readonly atMs: number; readonly found: Overdue | null } | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    if (!known || nowMs - known.atMs > Math.min(overdueLookMs, everyMs))
      known = { atMs: nowMs, found: look() };
    return known.found;
  };
};
