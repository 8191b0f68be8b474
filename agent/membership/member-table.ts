/** What this host holds true of all others: facts by host, who can be probed, who was lost, and a digest of it all. */
import type { HostId } from '../../proto/ids.ts';
import type { MemberFact } from '../../proto/message/membership.ts';
import { hashFact, isReachableState } from './fact.ts';
import { type HostPool, hostPool } from './host-pool.ts';

export interface MemberTable {
  readonly size: number;
  get(host: HostId): MemberFact | undefined;
  values(): Iterable<MemberFact>;
  set(fact: MemberFact, random: number): void;
  delete(host: HostId): void;
  /** Others that are alive, draining or suspect. */
  readonly reachable: HostPool;
  /** Others that are dead: tried again now and then. */
  readonly lost: HostPool;
  /** Equal where the facts are equal. Kept as it changes; hosts never heard of do not count, for nobody has news of them. */
  readonly digest: number;
}

export const memberTable = (self: HostId): MemberTable => {
  const facts = new Map<HostId, MemberFact>();
  const reachable = hostPool();
  const lost = hostPool();
  let digest = 0;

  const toggle = (fact: MemberFact | undefined): void => {
    if (fact && fact.incarnation > 0) digest = (digest ^ hashFact(fact)) >>> 0;
  };

  return {
    get size() {
      return facts.size;
    },
    get: (host) => facts.get(host),
    values: () => facts.values(),
    set(fact, random) {
      toggle(facts.get(fact.host));
      toggle(fact);
      facts.set(fact.host, fact);
      if (fact.host === self) return;
      if (isReachableState(fact.state)) {
        lost.delete(fact.host);
        reachable.add(fact.host, random);
      } else {
        reachable.delete(fact.host);
        if (fact.state === 'dead') lost.add(fact.host, random);
        else lost.delete(fact.host);
      }
    },
    delete(host) {
      toggle(facts.get(host));
      facts.delete(host);
      reachable.delete(host);
      lost.delete(host);
    },
    reachable,
    lost,
    get digest() {
      return digest;
    },
  };
};
