/** One layout version: its digest, its place in the chain, who votes on the next one. The record: proto/message/layout.ts. */
import { blake3 } from '@napi-rs/blake-hash';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { Layout, type LayoutMember } from '../../proto/message/layout.ts';
import { toHex } from '../base/bytes.ts';
import { checker } from '../peer/check.ts';
import { acceptorsMax, replicasMax } from './limits.ts';
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
        layout.assignment,
        layout.members.map((member) => [member.hostId, member.zone, member.capacityBytes]),
        layout.forced,
        layout.reason,
      ]),
    ),
  );

export const hostIdsOf = (layout: Layout): HostId[] =>
  layout.members.map((member) => member.hostId as HostId);
export const isMember = (layout: Layout, host: HostId): boolean =>
  layout.members.some((member) => member.hostId === host);

const replicasFor = (members: readonly LayoutMember[]): number =>
  Math.min(replicasMax, members.filter((member) => member.capacityBytes > 0).length);

const sorted = (members: readonly LayoutMember[]): LayoutMember[] =>
  [...members].sort((a, b) => (a.hostId < b.hostId ? -1 : 1));

/** Throws BAD_REQUEST when the founder offers no storage. */
export const foundLayout = (member: LayoutMember, partitionBits: number): Layout => {
  if (member.capacityBytes === 0)
    throw new ShoalError('BAD_REQUEST', 'Cannot found a layout: its first host must offer storage');
  return {
    version: 1,
    previous: null,
    partitionBits,
    replicas: 1,
    assignment: 1,
    members: [member],
    forced: [],
    reason: 'founded',
  };
};

export const nextLayout = (
  previous: Layout,
  members: readonly LayoutMember[],
  reason: string,
  forced: readonly HostId[] = [],
): Layout => ({
  version: previous.version + 1,
  previous: digestOf(previous),
  partitionBits: previous.partitionBits,
  replicas: replicasFor(members),
  assignment: 1,
  members: sorted(members),
  forced: [...forced],
  reason,
});

/** Why `next` cannot follow `previous`, or undefined when it can. */
export const faultOf = (previous: Layout, next: Layout): string | undefined => {
  if (next.version !== previous.version + 1)
    return `version ${next.version} does not follow ${previous.version}`;
  if (next.previous !== digestOf(previous)) return `its predecessor is another version ${previous.version}`;
  if (next.partitionBits !== previous.partitionBits) return 'it changes the number of partitions';
  if (next.replicas !== replicasFor(next.members)) return `${next.replicas} replicas do not fit its members`;
  if (next.members.some((member, at) => at > 0 && member.hostId <= (next.members[at - 1]?.hostId ?? '')))
    return 'its members are not in order, or one is there twice';
  return undefined;
};

/** Who votes on the version after this one. */
export const acceptorsOf = (layout: Layout): HostId[] =>
  rendezvousOrder(hostIdsOf(layout), layout.version + 1).slice(0, acceptorsMax);
