/**
 * News that still travels. Each fact is sent a bounded number of times, the least sent first, one fact a host:
 * a newer one about the same host takes its place. Sorted by times sent in buckets, so taking is O(taken).
 */
import type { HostId } from '../../proto/ids.ts';
import type { MemberFact } from '../../proto/message/membership.ts';

export interface Outbox {
  readonly size: number;
  add(fact: MemberFact): void;
  delete(host: HostId): void;
  /** Up to `count` facts, none about `except`; each counts as sent once and is dropped after `sendsMax`. */
  take(count: number, sendsMax: number, except: HostId): readonly MemberFact[];
}

const nothing: readonly MemberFact[] = [];

export const outbox = (): Outbox => {
  /** By times sent. */
  const buckets: Map<HostId, MemberFact>[] = [];
  const sent = new Map<HostId, number>();

  const drop = (host: HostId): void => {
    const times = sent.get(host);
    if (times === undefined) return;
    buckets[times]?.delete(host);
    sent.delete(host);
  };
  const file = (fact: MemberFact, times: number): void => {
    let bucket = buckets[times];
    if (!bucket) {
      bucket = new Map();
      buckets[times] = bucket;
    }
    bucket.set(fact.host, fact);
    sent.set(fact.host, times);
  };

  return {
    get size() {
      return sent.size;
    },
    add(fact) {
      drop(fact.host);
      file(fact, 0);
    },
    delete: drop,
    take(count, sendsMax, except) {
      if (sent.size === 0) return nothing;
      const taken: { fact: MemberFact; times: number }[] = [];
      for (let times = 0; times < buckets.length && taken.length < count; times++)
        for (const fact of buckets[times]?.values() ?? []) {
          if (taken.length === count) break;
          if (fact.host !== except) taken.push({ fact, times });
        }
      for (const { fact, times } of taken) {
        drop(fact.host);
        if (times + 1 < sendsMax) file(fact, times + 1);
      }
      return taken.map(({ fact }) => fact);
    },
  };
};
