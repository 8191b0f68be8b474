/** What this host holds true of all others: facts by host, who can be probed, who was lost, and a digest of it all. */
import type { HostId } from '../../proto/ids.ts';
import type { MemberFact } from '../../proto/message/membership.ts';
import { hashFact, isReachableState } from './fact.ts';
import { type HostNumbers, hostNumbers } from './host-numbers.ts';
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
  /** The same knowledge for another host. */
  copyFor(other: HostId): MemberTable;
}

interface Content {
  readonly facts: readonly (MemberFact | undefined)[];
  readonly size: number;
  readonly digest: number;
  readonly reachable: HostPool;
  readonly lost: HostPool;
}

export const memberTable = (
  self: HostId,
  numbers: HostNumbers = hostNumbers(),
  content?: Content,
): MemberTable => {
  /** By the host's number. */
  const facts: (MemberFact | undefined)[] = content?.facts.slice() ?? [];
  const reachable = content?.reachable ?? hostPool(numbers);
  const lost = content?.lost ?? hostPool(numbers);
  let size = content?.size ?? 0;
  let digest = content?.digest ?? 0;

  const get = (host: HostId): MemberFact | undefined => facts[numbers.find(host) ?? -1];
  const toggle = (fact: MemberFact | undefined): void => {
    if (fact && fact.incarnation > 0) digest = (digest ^ hashFact(fact)) >>> 0;
  };
  const put = (number: number, fact: MemberFact | undefined): void => {
    // No holes: an array with holes is a slow one.
    while (facts.length < number) facts.push(undefined);
    facts[number] = fact;
  };

  return {
    get size() {
      return size;
    },
    get,
    *values() {
      for (const fact of facts) if (fact) yield fact;
    },
    set(fact, random) {
      const before = get(fact.host);
      toggle(before);
      toggle(fact);
      if (!before) size++;
      put(numbers.of(fact.host), fact);
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
      const before = get(host);
      if (!before) return;
      toggle(before);
      size--;
      put(numbers.of(host), undefined);
      reachable.delete(host);
      lost.delete(host);
    },
    reachable,
    lost,
    get digest() {
      return digest;
    },
    copyFor(other) {
      const own = get(self);
      const others = reachable.copy();
      others.delete(other);
      if (own && isReachableState(own.state)) others.add(self, 0);
      return memberTable(other, numbers, { facts, size, digest, reachable: others, lost: lost.copy() });
    },
  };
};
