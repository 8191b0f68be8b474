/**
 * hyperswarm: finds hosts by the cluster's topic and keeps encrypted connections to them, on which journals
 * replicate. Discovery only finds: the firewall lets no key through that is not a rostered host's.
 *
 * Every agent with a reachable address is itself a DHT node that others start from; they tell each other in
 * hellos. Nothing leaves the cluster unless `publicDht` is set.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import HyperDHT from 'hyperdht';
import Hyperswarm, { type SwarmConnection } from 'hyperswarm';
import type { HostId } from '../../proto/ids.ts';
import type { Runtime } from '../runtime/ports.ts';
import { type AddressBook, parseHostPort } from './address-book.ts';
import { type HostKey, hostIdOfPublicKey } from './host-key.ts';
import { discoveryDebounceMs, swarmPeersMax } from './limits.ts';
import type { Roster } from './roster.ts';

export interface DiscoverySettings {
  /** IPv4 address at which other hosts reach this one; undefined: none, then it is a client of others' nodes. */
  readonly host?: string | undefined;
  /** UDP. 0: a free one. */
  readonly port: number;
  /** Also use hyperswarm's public DHT. Default false. */
  readonly publicDht?: boolean;
}

export interface Discovery {
  /** `host:port` of this host's DHT node. */
  readonly dhtAddress: string | undefined;
  /** Each connection to a rostered host, those that are open already included. */
  onConnection(listener: (hostId: HostId, connection: SwarmConnection) => void): void;
  stop(): Promise<void>;
}

/** hyperdht cannot bind port 0 and say what it got. */
const freeUdpPort = async (host: string): Promise<number> => {
  const socket = createSocket('udp4').bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
};

const startDht = async (settings: DiscoverySettings, known: readonly string[]): Promise<HyperDHT> => {
  const nodes = known.flatMap((address) => parseHostPort(address) ?? []);
  if (settings.publicDht) return new HyperDHT(settings.port ? { nodes, port: settings.port } : { nodes });
  if (!settings.host) return new HyperDHT({ bootstrap: nodes });
  const port = settings.port || (await freeUdpPort(settings.host));
  return HyperDHT.bootstrapper(port, settings.host, { host: settings.host, nodes });
};

export const startDiscovery = async (
  world: {
    readonly runtime: Runtime;
    readonly key: HostKey;
    readonly roster: Roster;
    readonly book: AddressBook;
  },
  settings: DiscoverySettings & { /** 32 bytes. */ readonly topic: Uint8Array },
): Promise<Discovery> => {
  const { book, key, roster } = world;
  const { log, timers } = world.runtime;
  const known = [...book.entries()].flatMap(([, addresses]) => addresses.dht ?? []);
  const dht = await startDht(settings, known);
  // Bound or failed to bind; the tour of the other nodes goes on behind.
  await Promise.race([once(dht, 'listening'), dht.fullyBootstrapped()]);
  const address = settings.host ? dht.address() : null;
  const listeners: ((hostId: HostId, connection: SwarmConnection) => void)[] = [];

  const rosteredHost = (publicKey: Uint8Array): HostId | undefined => {
    const hostId = hostIdOfPublicKey(publicKey);
    return roster.has(hostId) ? hostId : undefined;
  };

  const swarm = new Hyperswarm({
    keyPair: key.keyPair,
    dht,
    maxPeers: swarmPeersMax,
    firewall: (publicKey) => !rosteredHost(publicKey),
  });
  swarm.on('connection', (connection) => {
    connection.on('error', (error) => log.debug('swarm connection ended', { error }));
    const hostId = rosteredHost(connection.remotePublicKey);
    if (!hostId) return void connection.destroy();
    log.debug('swarm connection', { host: hostId, isInitiator: connection.isInitiator });
    for (const listener of listeners) listener(hostId, connection);
  });

  const topic = swarm.join(settings.topic);
  let cancelRefresh: (() => void) | undefined;
  const lookAgain = (): void => {
    cancelRefresh ??= timers.after(discoveryDebounceMs, () => {
      cancelRefresh = undefined;
      topic.refresh().catch((thrown) => log.debug('topic look-up failed', { error: thrown }));
    });
  };
  const stopBook = book.onChange((_hostId, { dht: node }) => {
    const parsed = node && parseHostPort(node);
    if (!parsed) return;
    dht.addNode(parsed);
    lookAgain();
  });
  const stopRoster = roster.onChange(() => {
    for (const connection of swarm.connections)
      if (!rosteredHost(connection.remotePublicKey)) connection.destroy();
    // The firewall bans a key for good; one that has joined since may come in.
    for (const peer of swarm.peers.values()) if (peer.banned && rosteredHost(peer.publicKey)) peer.ban(false);
    lookAgain();
  });

  return {
    dhtAddress: address ? `${address.host}:${address.port}` : undefined,
    onConnection(listener) {
      listeners.push(listener);
      for (const connection of swarm.connections) {
        const hostId = rosteredHost(connection.remotePublicKey);
        if (hostId) listener(hostId, connection);
      }
    },
    async stop() {
      cancelRefresh?.();
      cancelRefresh = () => {};
      stopBook();
      stopRoster();
      // No farewell to the DHT nodes: those that are gone would hold it up for many seconds.
      topic.destroy().catch(() => {});
      await dht.destroy({ force: true });
      await swarm.destroy({ force: true });
    },
  };
};
