/** One layout version: its digest, its place in the chain, who votes on the next one. The record: proto/message/layout.ts. */
import { blake3 } from '@napi-rs/blake-hash';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { Layout, type LayoutMember } from '../../proto/message/layout.ts';
import { toHex } from '../base/bytes.ts';
import { checker } from '../peer/check.ts';
import { acceptorsMax, replicasDefault } from './limits.ts';
import { rendezvousOrder } from './rendezvous.ts';

const checkLayout = checker('layout', Layout);
export const layoutCodec = codec<Layout>('layout');

/** Throws DAMAGED or BAD_REQUEST. */
export const decodeLayout = (bytes: Uint8Array): Layout => checkLayout(layoutCodec.decode(bytes));

/** BLAKE3 over all fields in one fixed order. */
export const digestOf = (layout: Layout): string =>
  toHex(
    blake3(
      JSON.stringify([
        'shoal layout',
        layout.version,
        layout.previous,
        layout.partitionBits,
        layout.replicas,
        layout.replicasWanted,
        layout.assignment,
        layout.members.map(({ hostId, zone, capacityBytes, weight }) => [
          hostId,
          zone,
          capacityBytes,
          weight,
        ]),
        layout.forced,
        layout.reason,
        layout.atMs,
        layout.by,
      ]),
    ),
  );

export const hostIdsOf = (layout: Layout): HostId[] =>
  layout.members.map((member) => member.hostId as HostId);
export const isMember = (layout: Layout, host: HostId): boolean =>
  layout.members.some((member) => member.hostId === host);

/** As many as were asked for, or as there are hosts that store. */
export const replicasFor = (
  members: readonly Pick<LayoutMember, 'capacityBytes'>[],
  wanted: number,
): number => Math.min(wanted, members.filter((member) => member.capacityBytes > 0).length);

const sorted = (members: readonly LayoutMember[]): LayoutMember[] =>
  [...members].sort((a, b) => (a.hostId < b.hostId ? -1 : 1));

/** When, and by which host. */
export interface Proposal {
  readonly atMs: number;
  readonly by: HostId;
}

/** Throws BAD_REQUEST when the founder offers no storage. */
export const foundLayout = (
  member: Omit<LayoutMember, 'weight'>,
  partitionBits: number,
  proposal: Proposal,
): Layout => {
  if (member.capacityBytes === 0)
    throw new ShoalError('BAD_REQUEST', 'Cannot found a layout: its first host must offer storage');
  return {
    version: 1,
    previous: null,
    partitionBits,
    replicas: 1,
    replicasWanted: replicasDefault,
    assignment: 2,
    members: [{ ...member, weight: member.capacityBytes }],
    forced: [],
    reason: 'founded',
    ...proposal,
  };
};

export const nextLayout = (
  previous: Layout,
  next: Pick<Layout, 'reason'> &
    Proposal & {
      readonly members: readonly LayoutMember[];
      readonly replicasWanted?: number;
      readonly forced?: readonly HostId[];
    },
): Layout => {
  const { members, reason, atMs, by, replicasWanted = previous.replicasWanted, forced = [] } = next;
  return {
    version: previous.version + 1,
    previous: digestOf(previous),
    partitionBits: previous.partitionBits,
    replicas: replicasFor(members, replicasWanted),
    replicasWanted,
    assignment: 2,
    members: sorted(members),
    forced: [...forced],
    reason,
    atMs,
    by,
  };
};

/** Why `next` cannot follow `previous`, or undefined when it can. */
export const faultOf = (previous: Layout, next: Layout): string | undefined => {
  if (next.version !== previous.version + 1)
    return `version ${next.version} does not follow ${previous.version}`;
  if (next.previous !== digestOf(previous)) return `its predecessor is another version ${previous.version}`;
  if (next.partitionBits !== previous.partitionBits) return 'it changes the number of partitions';
  if (next.replicas !== replicasFor(next.members, next.replicasWanted))
    return `${next.replicas} replicas do not fit its members`;
  if (next.members.some((member, at) => at > 0 && member.hostId <= (next.members[at - 1]?.hostId ?? '')))
    return 'its members are not in order, or one is there twice';
  if (next.members.some(({ capacityBytes, weight }) => capacityBytes > 0 !== weight > 0))
    return 'a member has a weight and no capacity, or a capacity and no weight';
  return undefined;
};

/** Who votes on the version after this one. */
export const acceptorsOf = (layout: Layout): HostId[] =>
  rendezvousOrder(hostIdsOf(layout), layout.version + 1).slice(0, acceptorsMax);
