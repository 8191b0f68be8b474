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
import { compareBytes } from '../base/bytes.ts';
import type { Runtime } from '../runtime/ports.ts';
import { type AddressBook, parseHostPort } from './address-book.ts';
import { type HostKey, hostIdOfPublicKey, publicKeyOf } from './host-key.ts';
import { discoveryDebounceMs, swarmFarewellMs, swarmPeersMax } from './limits.ts';
import type { Roster } from './roster.ts';

export interface DiscoverySettings {
  /** IPv4 address at which other hosts reach this one; undefined: none, then it is a client of others' nodes. */
  readonly host?: string | undefined;
  /** UDP port of the node that others start from. 0: a free one. */
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

/**
 * A node that only stores and answers, and another that asks and listens: a node never asks itself, so in a
 * cluster of two nobody would find the other's word, which lies with the one that looks for it. The second is
 * "ephemeral": others do not remember it, for it has another port after each start.
 */
const startDht = async (settings: DiscoverySettings, known: readonly string[]) => {
  const nodes = known.flatMap((address) => parseHostPort(address) ?? []);
  const { host } = settings;
  if (!host) return { dht: new HyperDHT(settings.publicDht ? { nodes } : { bootstrap: nodes }) };
  const port = settings.port || (await freeUdpPort(host));
  const bootstrap = [{ host, port }, ...nodes];
  return {
    address: `${host}:${port}`,
    keeper: HyperDHT.bootstrapper(port, host, { host, nodes }),
    dht: settings.publicDht
      ? new HyperDHT({ nodes: bootstrap })
      : HyperDHT.bootstrapper(await freeUdpPort(host), host, { host, bootstrap, ephemeral: true }),
  };
};

/** Resolves once it is bound, rejects when it cannot be; the tour of the other nodes goes on behind. */
const bound = (dht: HyperDHT): Promise<unknown> =>
  Promise.race([once(dht, 'listening'), dht.fullyBootstrapped()]);

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
  const { address, keeper, dht } = await startDht(settings, known);
  await Promise.all([keeper && bound(keeper), bound(dht)]);
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

  // Found under the topic by those who look; of two hosts only the one with the smaller key dials. Were both to,
  // hyperswarm would drop one of the two connections and may take 12 s to see which.
  const topic = swarm.join(settings.topic, { server: true, client: false });
  const dials = (publicKey: Uint8Array): boolean => compareBytes(key.publicKey, publicKey) < 0;
  const dialed = new Map<HostId, Uint8Array>();
  const dial = (): void => {
    for (const { hostId } of roster.list()) {
      const publicKey = Buffer.from(publicKeyOf(hostId));
      if (!dials(publicKey)) continue;
      dialed.set(hostId, publicKey);
      swarm.joinPeer(publicKey);
    }
  };
  let cancelDial: (() => void) | undefined;
  const dialSoon = (): void => {
    cancelDial ??= timers.after(discoveryDebounceMs, () => {
      cancelDial = undefined;
      dial();
    });
  };
  dial();

  const stopBook = book.onChange((_hostId, { dht: node }) => {
    const parsed = node && parseHostPort(node);
    if (!parsed) return;
    keeper?.addNode(parsed);
    dht.addNode(parsed);
    // What was announced before goes to the new node too, so that whoever asks it finds this host.
    swarm.server.refresh();
    dialSoon();
  });
  const stopRoster = roster.onChange(() => {
    for (const [hostId, publicKey] of dialed)
      if (!roster.has(hostId)) {
        dialed.delete(hostId);
        swarm.leavePeer(publicKey);
      }
    for (const connection of swarm.connections)
      if (!rosteredHost(connection.remotePublicKey)) connection.destroy();
    // The firewall bans a key for good; one that has joined since may come in.
    for (const peer of swarm.peers.values()) if (peer.banned && rosteredHost(peer.publicKey)) peer.ban(false);
    dialSoon();
  });

  return {
    dhtAddress: address,
    onConnection(listener) {
      listeners.push(listener);
      for (const connection of swarm.connections) {
        const hostId = rosteredHost(connection.remotePublicKey);
        if (hostId) listener(hostId, connection);
      }
    },
    async stop() {
      cancelDial?.();
      cancelDial = () => {};
      stopBook();
      stopRoster();
      // No farewell to the DHT nodes: those that are gone would hold it up for many seconds.
      topic.destroy().catch(() => {});
      // The others see the end of these at once; of what just falls silent they learn after 15 s.
      for (const connection of swarm.connections) connection.destroy();
      await timers.sleep(swarmFarewellMs);
      await dht.destroy({ force: true });
      await keeper?.destroy({ force: true });
      await swarm.destroy({ force: true });
    },
  };
};
