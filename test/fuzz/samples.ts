/** Valid messages of a cluster of two, the same in every run: keys from fixed seeds, times that stand still. */
import { createPrivateKey } from 'node:crypto';
import { type HostKey, hostKeyFrom } from '../../agent/peer/host-key.ts';
import {
  applyStep,
  emptyRoster,
  type RosterState,
  signRosterVote,
  signStep,
  snapshotOf,
} from '../../agent/peer/roster-chain.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { MemberFact } from '../../proto/message/membership.ts';
import type { ClusterFacts } from '../../proto/message/peer.ts';
import type { RosterChange, RosterStep, RosterTale } from '../../proto/message/roster.ts';

/** RFC 8410: what stands before the 32 bytes of a seed. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

export const keyFrom = (seed: number): HostKey =>
  hostKeyFrom(
    createPrivateKey({
      key: Buffer.concat([pkcs8Head, Buffer.alloc(32, seed)]),
      format: 'der',
      type: 'pkcs8',
    }),
  );

export const nowMs = 1_790_000_000_000;
export const [own, other, third] = [keyFrom(1), keyFrom(2), keyFrom(3)];
const bytes32 = (byte: number): string => Buffer.alloc(32, byte).toString('base64url');

export const clusterId = '0123456789abcdef0123456789abcdef' as ClusterId;
export const cluster: ClusterFacts = {
  clusterId,
  name: 'reef',
  founder: own.hostId,
  secret: bytes32(7),
  topic: bytes32(8),
};

/** The chain of a cluster of two that both vote, and a third that one of them lets in. */
const ballot = { round: 3, host: own.hostId, run: 5 };
export const stepAfter = (
  state: RosterState,
  by: HostKey,
  change: RosterChange,
  more: { readonly voters?: readonly HostKey[]; readonly forced?: boolean } = {},
): RosterStep => {
  const { version, digest } = state;
  const { forced = false, voters = [] } = more;
  const step = signStep(by, clusterId, {
    version: version + 1,
    previous: digest,
    change,
    forced,
    atMs: nowMs,
  });
  if (voters.length === 0) return step;
  const votes = voters.map((key) => ({
    host: key.hostId,
    signature: signRosterVote(key, clusterId, step, ballot),
  }));
  return { ...step, proof: { ballot, votes } };
};

const grow = (
  states: readonly RosterState[],
  by: HostKey,
  change: RosterChange,
  voters: readonly HostKey[],
): readonly [RosterState, RosterStep] => {
  const last = states.at(-1) ?? emptyRoster;
  const step = stepAfter(last, by, change, { voters });
  return [applyStep(clusterId, last, step), step];
};
const [first, addOwn] = grow(
  [],
  own,
  { kind: 'add', hostId: own.hostId, name: 'host-1', expiresAtMs: null },
  [],
);
const [second, addOther] = grow(
  [first],
  own,
  { kind: 'add', hostId: other.hostId, name: 'host-2', expiresAtMs: null },
  [own],
);
const [both, voterOther] = grow([second], other, { kind: 'voter', hostId: other.hostId, instead: null }, [
  own,
]);
export const rosterSteps: readonly RosterStep[] = [addOwn, addOther, voterOther];
export const rosterState = both;
export const rosterTale: RosterTale = { base: snapshotOf(emptyRoster), steps: [...rosterSteps] };

export const addresses = {
  peer: ['/ip4/127.0.0.1/tcp/9702', '/ip6/::1/tcp/9702'],
  bulk: '127.0.0.1:9703',
  dht: '127.0.0.1:9704',
};

export const facts: readonly MemberFact[] = [
  { host: other.hostId, incarnation: 3, state: 'alive', card: 2 },
  { host: third.hostId, incarnation: 1, state: 'suspect', card: 1, accuser: other.hostId },
  { host: own.hostId, incarnation: 1, state: 'dead', card: 1 },
];

export const card = {
  name: 'host-2',
  zone: 'z1/r2',
  peerAddresses: addresses.peer,
  bulkAddress: addresses.bulk,
  apiUrl: 'http://127.0.0.1:9700',
  s3Url: null,
  capacityBytes: 1e12,
  version: '0.1.0',
};

export const vitals = {
  incarnation: 3,
  sequence: 5,
  vitals: {
    atMs: nowMs,
    storageUsedBytes: 1e9,
    storageFreeBytes: 9e9,
    memoryTotalMiB: 4096,
    memoryClaimedMiB: 128,
    vcpusTotal: 2,
    vcpusClaimed: 1,
    diskTotalGiB: 100,
    diskClaimedGiB: 10,
    machines: 1,
    load: 0.5,
    hypervisors: ['qemu-tcg'],
    computeRefusal: null,
  },
};
