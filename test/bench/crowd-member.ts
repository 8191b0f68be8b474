/**
 * Members of a cluster by the hundred in one process, as its agents see them: each with a key, a libp2p node and
 * membership of its own. Among themselves they talk in memory, for a thousand nodes that all dial each other are
 * half a million handshakes. They have no rows, chunks or services and no weight in the ring.
 *
 *     crowd-member.ts DIRECTORY SEED...      a directory in it for each; says `up`, runs until it is disconnected
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { openMembers } from '../../agent/membership/members.ts';
import type { MemberCard, Vitals } from '../../agent/membership/port.ts';
import { bareAddress } from '../../agent/peer/address-book.ts';
import { readClusterFile } from '../../agent/peer/cluster-file.ts';
import { startGossip } from '../../agent/peer/gossip.ts';
import { openHostKey, verifySignature } from '../../agent/peer/host-key.ts';
import { startLibp2p } from '../../agent/peer/libp2p.ts';
import type { Rpc, RpcHandler } from '../../agent/peer/port.ts';
import { readRoster } from '../../agent/peer/roster-file.ts';
import { startRpc } from '../../agent/peer/rpc.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { codec } from '../../proto/codec.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';

const [directory = '', ...seeds] = process.argv.slice(2);
const runtime = systemRuntime({ level: 'error' });
const bodies = codec<unknown>('message in the crowd');
const members = new Map<HostId, Map<string, RpcHandler>>();
const never = new AbortController().signal;
const inMemoryMs = 1;

/** To members of the crowd in memory, to agents by libp2p. */
const crowdRpc = (real: Rpc): Rpc => {
  const handlers = new Map<string, RpcHandler>();
  members.set(real.self, handlers);
  const ask = async (to: HostId, method: string, body: unknown): Promise<unknown> => {
    const sent = bodies.encode(body);
    await sleep(inMemoryMs);
    return members.get(to)?.get(method)?.(real.self, bodies.decode(sent), never);
  };
  return {
    self: real.self,
    request: (to, method, body, options) =>
      members.has(to) ? ask(to, method, body) : real.request(to, method, body, options),
    notify(to, method, body) {
      if (members.has(to)) ask(to, method, body).catch(() => {});
      else real.notify(to, method, body);
    },
    handle(method, handler) {
      handlers.set(method, handler);
      real.handle(method, handler);
    },
  };
};

/** A card comes to every member of the crowd, and each would look at the same signature. */
const genuine = new Set<string>();
const verifyOnce: typeof verifySignature = (host, bytes, signature) => {
  const name = Buffer.from(signature).toString('base64');
  if (!genuine.has(name) && verifySignature(host, bytes, signature)) genuine.add(name);
  return genuine.has(name);
};

const load: Vitals = {
  ...{ atMs: 0, load: 0, storageUsedBytes: 0, storageFreeBytes: 0, diskTotalGiB: 10, diskClaimedGiB: 0 },
  ...{ memoryTotalMiB: 1_024, memoryClaimedMiB: 0, vcpusTotal: 2, vcpusClaimed: 0 },
  ...{ machines: 0, hypervisors: [], computeRefusal: null },
};

const enter = async (own: string): Promise<void> => {
  const cluster = await readClusterFile(own);
  if (!cluster) throw new Error(`${own} belongs to no cluster`);
  const clusterId = cluster.clusterId as ClusterId;
  const key = await openHostKey(own);
  const { state } = await readRoster(own, clusterId);
  const isAllowed = (host: HostId): boolean => state.members.has(host);
  const roster = { list: () => [...state.members.values()], has: isAllowed, onChange: () => () => {} };
  const libp2p = await startLibp2p(
    { key, isAllowed, strangers: () => 0 },
    { listen: ['/ip4/127.0.0.1/tcp/0'], announce: [], mdnsName: undefined },
  );
  const connect = async (to: HostId, signal: AbortSignal): Promise<Connection> => {
    const seed = seeds.find((address) => address.endsWith(to));
    if (!seed) throw new Error(`${to} is no agent`);
    const open = libp2p.getConnections(peerIdFromString(to)).find(({ status }) => status === 'open');
    return open ?? libp2p.dial(multiaddr(seed), { signal });
  };
  const rpc = crowdRpc(
    await startRpc({ runtime, libp2p, self: key.hostId, isAllowed, connect }, { clusterId }),
  );
  const peerAddresses = libp2p.getMultiaddrs().map(bareAddress);
  const position = { version: state.version, digest: state.digest };
  rpc.handle('peer.hello', () => ({ roster: position, addresses: { peer: peerAddresses } }));
  const card: MemberCard = {
    ...{ name: state.members.get(key.hostId)?.name ?? key.hostId, zone: 'crowd', version: 'bench' },
    ...{ peerAddresses, bulkAddress: '127.0.0.1:1', apiUrl: 'http://127.0.0.1:1', s3Url: null },
    capacityBytes: 0,
  };
  const member = await openMembers(
    {
      ...{ runtime, rpc, roster, keyValue: memoryKeyValue() },
      gossip: startGossip({ log: runtime.log, libp2p, isAllowed }, { clusterId }),
      signer: { sign: key.sign, verify: verifyOnce },
    },
    { card },
  );
  member.setVitals(load);
};

for (const name of await readdir(directory)) await enter(join(directory, name));
process.once('disconnect', () => process.exit(0));
process.send?.('up');
