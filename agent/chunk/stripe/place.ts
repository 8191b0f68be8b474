/**
 * Where fragments live. The i-th host of a stripe's order has the i-th fragment; with fewer hosts than fragments the order
 * begins again, so the first hosts have two. Partitions are numbered anew, those of one code after those of another,
 * so that the keepers of chunks keep stripes as they are.
 */
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import { type Code, codes, fragmentCount } from '../../../proto/policy.ts';
import type { OwnerSet, Ring, WideOwners } from '../../ring/port.ts';
import { codeOf } from './name.ts';

/** Of the place in an order of so many hosts. */
const indexesAt = (place: number, hosts: number, code: Code): number[] =>
  Array.from({ length: fragmentCount(code) }, (_, index) => index).filter((index) => index % hosts === place);

/**
 * Hosts that make a write durable: whichever of them is lost then, the others still have k fragments. Where there are too few
 * hosts for that, all. `gone`: places in the order that count no more.
 */
export const stripeQuorum = (hosts: number, code: Code, gone: readonly number[] = []): number => {
  const places = Array.from({ length: hosts }, (_, place) => place).filter((place) => !gone.includes(place));
  const loads = places.map((place) => indexesAt(place, hosts, code).length).sort((a, b) => a - b);
  let held = 0;
  for (const [counted, load] of loads.entries()) {
    if (held >= code.data) return counted + 1;
    held += load;
  }
  return places.length;
};

const quorums = new Map(
  codes.map((code) => [
    code,
    Array.from({ length: fragmentCount(code) + 1 }, (_, hosts) => stripeQuorum(hosts, code)),
  ]),
);
/** A comparison walks all partitions: with nobody gone it is counted once for a number of hosts. */
const quorumOf = (order: readonly HostId[], gone: readonly HostId[], code: Code): number => {
  const counted = gone.length === 0 ? quorums.get(code)?.[order.length] : undefined;
  const places = gone.map((host) => order.indexOf(host));
  return counted ?? stripeQuorum(order.length, code, places);
};

export interface StripeRing extends Ring {
  /** Fragments of the stripe that the host should hold in some live version, ascending. */
  dueOf(stripe: ChunkId, host: HostId): number[];
  /** Hosts that should hold the fragment in some live version, newest first. */
  holders(stripe: ChunkId, index: number): HostId[];
}

const nowhere = -1;

export const stripeRing = (ring: Ring): StripeRing => {
  const split = (partition: number): { code: Code; wide: readonly WideOwners[] } | undefined => {
    const code = codes[Math.floor(partition / ring.partitionCount)];
    return code && { code, wide: ring.wideOwners(partition % ring.partitionCount, fragmentCount(code)) };
  };
  const partitionOf = (id: string): number => {
    const known = codeOf(id as ChunkId);
    return known ? known.number * ring.partitionCount + ring.partitionOf(id) : nowhere;
  };
  const ownerSets = (partition: number): OwnerSet[] => {
    const { code, wide = [] } = split(partition) ?? {};
    if (!code) return [];
    return wide.flatMap(({ layoutVersion, owners: order, gone }) => {
      const owners = order.filter((host) => !gone.includes(host));
      const quorum = quorumOf(order, gone, code);
      return owners.length > 0 ? [{ layoutVersion, owners, quorum }] : [];
    });
  };
  return {
    self: ring.self,
    get partitionCount() {
      return codes.length * ring.partitionCount;
    },
    partitionOf,
    ownerSets,
    owners: (partition) => [...new Set(ownerSets(partition).flatMap(({ owners }) => owners))],
    wideOwners: (partition) => split(partition)?.wide ?? [],
    get newest() {
      return ring.newest;
    },
    get oldest() {
      return ring.oldest;
    },
    get life() {
      return ring.life;
    },
    checkVersion: ring.checkVersion,
    addSyncer: ring.addSyncer,
    onChange: ring.onChange,
    dueOf(stripe, host) {
      const { code, wide = [] } = split(partitionOf(stripe)) ?? {};
      const due = new Set<number>();
      for (const { owners } of code ? wide : []) {
        const place = owners.indexOf(host);
        if (place >= 0 && code) for (const index of indexesAt(place, owners.length, code)) due.add(index);
      }
      return [...due].sort((a, b) => a - b);
    },
    holders: (stripe, index) => [
      ...new Set(
        (split(partitionOf(stripe))?.wide ?? [])
          .flatMap(({ owners }) => owners[index % owners.length] ?? [])
          .reverse(),
      ),
    ],
  };
};
