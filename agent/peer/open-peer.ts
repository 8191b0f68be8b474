/** Puts the peer layer together: one call starts it, `stop` ends it. */
import type { Connection } from '@libp2p/interface';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import type { ClusterFacts, HostAddresses } from '../../proto/message/peer.ts';
import type { Runtime } from '../runtime/ports.ts';
import { bareAddress, openAddressBook } from './address-book.ts';
import { startBulk } from './bulk.ts';
import { type Connections, watchConnections } from './connections.ts';
import type { DhtSettings } from './dht.ts';
import { type Discovery, startDiscovery } from './discovery.ts';
import { startGossip } from './gossip.ts';
import { startHello } from './hello.ts';
import { type HostKey, openHostKey } from './host-key.ts';
import { type Invites, startInvites } from './invites.ts';
import { mdnsNameOf } from './join.ts';
import { startLibp2p } from './libp2p.ts';
import type { Bulk, Gossip, Rpc } from './port.ts';
import { type OwnRoster, openRoster, type Roster } from './roster.ts';
import { careForRoster } from './roster-care.ts';
import { type RosterChanges, rosterChanges } from './roster-changes.ts';
import { rosterVotes } from './roster-vote.ts';
import { startRpc } from './rpc.ts';
import { addSeeds } from './seeds.ts';

export interface PeerSettings {
  readonly directory: string;
  readonly cluster: ClusterFacts;
  /** libp2p multiaddrs to listen on, e.g. `/ip4/0.0.0.0/tcp/7001`; port 0 takes a free one. */
  readonly listen: readonly string[];
  /** Multiaddrs to tell others in their place. */
  readonly announce?: readonly string[];
  /** Bulk channel; `announce` is the `host:port` for others, default `host` and the port that it got. */
  readonly bulk: { readonly host: string; readonly port: number; readonly announce?: string };
  /** Absent: no hyperswarm, and so no journal replication. */
  readonly discovery?: DhtSettings;
  /** Find hosts of the cluster on this LAN. Default false. */
  readonly mdns?: boolean;
  /** Multiaddrs that end in `/p2p/HOSTID`, tried besides the addresses known from before. */
  readonly seeds?: readonly string[];
}

export interface Peer {
  readonly key: HostKey;
  readonly self: HostId;
  readonly cluster: ClusterFacts;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly bulk: Bulk;
  readonly roster: Roster & RosterChanges & Pick<OwnRoster, 'isOver' | 'setNeeded'>;
  readonly invites: Invites;
  readonly connections: Pick<Connections, 'connected'>;
  readonly discovery: Discovery | undefined;
  /** Where others reach this host: for its member card. */
  addresses(): HostAddresses & { readonly bulk: string };
  /** Where another host was last found. */
  addressesOf(hostId: HostId): HostAddresses | undefined;
  /** From a member card. Absent parts stay as they were. */
  setAddresses(
    hostId: HostId,
    addresses: { readonly peer?: readonly string[]; readonly bulk?: string },
  ): void;
  stop(): Promise<void>;
}

/** Throws DAMAGED (key, roster) and the system's own error when an address cannot be bound. */
export const openPeer = async (
  world: { readonly runtime: Runtime },
  settings: PeerSettings,
): Promise<Peer> => {
  const { cluster, directory } = settings;
  const runtime = { ...world.runtime, log: world.runtime.log.with({ part: 'peer' }) };
  const clusterId = cluster.clusterId as ClusterId;
  const key = await openHostKey(directory);
  const self = key.hostId;
  const roster = await openRoster({ runtime, self }, { directory, clusterId });
  const book = await openAddressBook({ log: runtime.log }, { directory });
  const isAllowed = (hostId: HostId): boolean => roster.has(hostId);
  const strangers = new Map<Connection, () => void>();

  await using parts = new AsyncDisposableStack();
  parts.defer(() => roster.stop());
  const libp2p = await startLibp2p(
    { key, isAllowed, strangers: () => strangers.size },
    {
      listen: settings.listen,
      announce: settings.announce ?? [],
      mdnsName: settings.mdns ? mdnsNameOf(cluster.topic) : undefined,
    },
  );
  parts.defer(() => libp2p.stop());
  const bulk = await startBulk({ log: runtime.log, key, roster, book }, settings.bulk);
  parts.defer(() => bulk.stop());
  const listening = (): HostAddresses & { bulk: string } => ({
    peer: libp2p.getMultiaddrs().map(bareAddress),
    bulk: settings.bulk.announce ?? `${settings.bulk.host}:${bulk.port}`,
  });
  const discovery =
    settings.discovery &&
    (await startDiscovery(
      { runtime, key, roster, book, libp2p, addresses: listening },
      { ...settings.discovery, topic: Buffer.from(cluster.topic, 'base64url') },
    ));
  parts.defer(async () => discovery?.stop());
  const addresses = (): HostAddresses & { bulk: string } => ({
    ...listening(),
    ...(discovery?.dhtAddress ? { dht: discovery.dhtAddress } : {}),
  });

  const invites = await startInvites({
    ...{ runtime, libp2p, key, self, cluster, roster, book, addresses },
    admit: (hostId, name, expiresAtMs) => changes.add(hostId, name, expiresAtMs),
  });
  const connections = watchConnections({
    runtime,
    libp2p,
    self,
    roster,
    book,
    strangers,
    seek: (hostId) => discovery?.seek(hostId),
    isJoining: invites.isJoining,
  });
  parts.defer(() => connections.stop());
  const rpc = await startRpc(
    { runtime, libp2p, self, isAllowed, connect: connections.connect },
    { clusterId },
  );
  parts.defer(() => rpc.stop());
  const gossip = startGossip({ log: runtime.log, libp2p, isAllowed }, { clusterId });
  const isGone = (host: HostId): Promise<boolean> => connections.isGone(host);
  const hello = startHello({ runtime, rpc, gossip, roster, book, connections, addresses, isGone });
  parts.defer(() => hello.stop());
  const votes = rosterVotes({ runtime, rpc, key, roster, differs: hello.compare, isGone });
  parts.defer(careForRoster({ runtime, self, roster, votes, isGone }));
  const changes = rosterChanges({ roster, votes });
  parts.defer(() => book.flush());
  addSeeds({ libp2p, book, isAllowed }, settings.seeds ?? []);
  const running = parts.move();

  runtime.log.info('peer open', { host: self, addresses: addresses(), rostered: roster.list().length });
  return {
    key,
    self,
    cluster,
    rpc,
    gossip,
    bulk,
    roster: { ...roster, ...changes },
    invites,
    connections,
    discovery,
    addresses,
    addressesOf: book.get,
    setAddresses: (hostId, given) =>
      book.set(hostId, { bulk: given.bulk, ...(given.peer ? { peer: [...given.peer] } : {}) }),
    stop: () => running.disposeAsync(),
  };
};
