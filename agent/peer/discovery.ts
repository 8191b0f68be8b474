/**
 * hyperswarm: announces this host under the cluster's topic, finds others in the DHT when their addresses are
 * lost, and keeps encrypted connections on which journals replicate. Discovery only finds: the firewall lets no
 * key through that is not a rostered host's.
 *
 * Swarm connections follow libp2p's. UDP alone learns of a dead process after 15 s and then waits longer and
 * longer before it tries again (10 minutes in the end); libp2p's TCP connection ends with the process, and begins
 * with the next. So what libp2p has lost is dropped here at once, and what it has is dialled.
 */
import type { PeerId } from '@libp2p/interface';
import Hyperswarm, { type SwarmConnection } from 'hyperswarm';
import type { HostId } from '../../proto/ids.ts';
import type { HostAddresses } from '../../proto/message/peer.ts';
import { compareBytes } from '../base/bytes.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { AddressBook } from './address-book.ts';
import { type DhtSettings, startDht } from './dht.ts';
import { hostIdOfPeer } from './guard.ts';
import { type HostKey, hostIdOfPublicKey, publicKeyOf } from './host-key.ts';
import type { ShoalLibp2p } from './libp2p.ts';
import { announceMs, discoveryDebounceMs, swarmFarewellMs, swarmPeersMax, swarmTickMs } from './limits.ts';
import { type Lookout, openLookout } from './lookout.ts';
import type { Roster } from './roster.ts';

export interface Discovery {
  /** `host:port` of this host's DHT node. */
  readonly dhtAddress: string | undefined;
  readonly seek: Lookout['seek'];
  /** Each connection to a rostered host, those that are open already included. */
  onConnection(listener: (hostId: HostId, connection: SwarmConnection) => void): void;
  stop(): Promise<void>;
}

export const startDiscovery = async (
  world: {
    readonly runtime: Runtime;
    readonly key: HostKey;
    readonly roster: Roster;
    readonly book: AddressBook;
    readonly libp2p: ShoalLibp2p;
    /** Where this host is reached; discovery adds the DHT node. */
    readonly addresses: () => HostAddresses;
  },
  settings: DhtSettings & { /** 32 bytes. */ readonly topic: Uint8Array },
): Promise<Discovery> => {
  const { book, key, libp2p, roster } = world;
  const { log, timers } = world.runtime;
  const { topic } = settings;
  const known = [...book.entries()].flatMap(([, addresses]) => addresses.dht ?? []);
  const own = await startDht(settings, known);
  const addresses = (): HostAddresses => ({
    ...world.addresses(),
    ...(own.address ? { dht: own.address } : {}),
  });
  const lookout = openLookout({ ...world, dht: own.dht, addresses }, { topic });
  const listeners: ((hostId: HostId, connection: SwarmConnection) => void)[] = [];

  const rosteredHost = (publicKey: Uint8Array): HostId | undefined => {
    const hostId = hostIdOfPublicKey(publicKey);
    return roster.has(hostId) ? hostId : undefined;
  };

  const swarm = new Hyperswarm({
    keyPair: key.keyPair,
    dht: own.dht,
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

  // Of two hosts only the one with the smaller key dials. Were both to, hyperswarm would drop one of the two
  // connections and may take 12 s to see which.
  const dials = (publicKey: Uint8Array): boolean => compareBytes(key.publicKey, publicKey) < 0;
  const dial = (): void => {
    const linked = new Set([...swarm.connections].map((one) => hostIdOfPublicKey(one.remotePublicKey)));
    for (const peer of libp2p.getPeers()) {
      const hostId = hostIdOfPeer(peer);
      if (linked.has(hostId) || !roster.has(hostId)) continue;
      const publicKey = Buffer.from(publicKeyOf(hostId));
      if (dials(publicKey)) swarm.joinPeer(publicKey);
    }
  };
  let stopTick: () => void = () => {};
  const tick = (): void => {
    dial();
    stopTick = timers.after(swarmTickMs, tick);
  };
  tick();

  const announcement = swarm.join(topic, { server: true, client: false });
  let stopAnnounce: () => void = () => {};
  let isDue = false;
  const announceIn = (delayMs: number): void => {
    stopAnnounce();
    stopAnnounce = timers.after(delayMs, announce);
  };
  /** To the nodes known by now, which may have forgotten: they keep all in memory. */
  function announce(): void {
    isDue = false;
    swarm.server.refresh();
    announcement.refresh().catch((error) => log.debug('topic not announced', { error }));
    void lookout.publish();
    announceIn(announceMs);
  }
  const announceSoon = (): void => {
    if (isDue) return;
    isDue = true;
    announceIn(discoveryDebounceMs);
  };
  announceIn(0);

  const cameOnline = (): void => {
    dial();
    announceSoon();
  };
  const wentOffline = ({ detail: peer }: CustomEvent<PeerId>): void => {
    const hostId = hostIdOfPeer(peer);
    // Strangers may have keys of another kind.
    if (peer.type === 'Ed25519') swarm.leavePeer(Buffer.from(publicKeyOf(hostId)));
    for (const connection of swarm.connections)
      if (hostIdOfPublicKey(connection.remotePublicKey) === hostId) connection.destroy();
  };
  libp2p.addEventListener('peer:connect', cameOnline);
  libp2p.addEventListener('peer:disconnect', wentOffline);

  const stopBook = book.onChange((_hostId, { dht }) => {
    if (!dht) return;
    own.addNode(dht);
    announceSoon();
  });
  const stopRoster = roster.onChange(() => {
    for (const connection of swarm.connections)
      if (!rosteredHost(connection.remotePublicKey)) connection.destroy();
    // The firewall bans a key for good; one that has joined since may come in.
    for (const peer of swarm.peers.values()) if (peer.banned && rosteredHost(peer.publicKey)) peer.ban(false);
  });

  return {
    dhtAddress: own.address,
    seek: lookout.seek,
    onConnection(listener) {
      listeners.push(listener);
      for (const connection of swarm.connections) {
        const hostId = rosteredHost(connection.remotePublicKey);
        if (hostId) listener(hostId, connection);
      }
    },
    async stop() {
      stopTick();
      stopAnnounce();
      stopBook();
      stopRoster();
      libp2p.removeEventListener('peer:connect', cameOnline);
      libp2p.removeEventListener('peer:disconnect', wentOffline);
      // No farewell to the DHT nodes: those that are gone would hold it up for many seconds.
      announcement.destroy().catch(() => {});
      // The others see the end of these at once; of what just falls silent they learn after 15 s.
      for (const connection of swarm.connections) connection.destroy();
      await timers.sleep(swarmFarewellMs);
      await own.stop();
      await swarm.destroy({ force: true });
    },
  };
};
