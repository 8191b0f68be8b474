/** The libp2p node: TCP, yamux, noise; identify and gossipsub among rostered hosts only. */
import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { type Identify, identify } from '@libp2p/identify';
import type { PeerDiscovery } from '@libp2p/interface';
import { mdns } from '@libp2p/mdns';
import { tcp } from '@libp2p/tcp';
import { createLibp2p, type Libp2p } from 'libp2p';
import { gathered } from './gathered.ts';
import { guarded, type IsAllowed, rosterGater } from './guard.ts';
import type { HostKey } from './host-key.ts';
import {
  connectionsMax,
  dialTimeoutMs,
  gossipBytesMax,
  gossipHeartbeatMs,
  gossipScoreMs,
  strangersMax,
} from './limits.ts';

export interface Libp2pSettings {
  /** Multiaddrs, e.g. `/ip4/127.0.0.1/tcp/0`. */
  readonly listen: readonly string[];
  /** What to tell others in place of the listen addresses. */
  readonly announce: readonly string[];
  /** mDNS service name; undefined: no mDNS. */
  readonly mdnsName: string | undefined;
}

export type ShoalLibp2p = Libp2p<{ identify: Identify; gossip: GossipSub }>;

export const startLibp2p = (
  world: { readonly key: HostKey; readonly isAllowed: IsAllowed; readonly strangers: () => number },
  settings: Libp2pSettings,
): Promise<ShoalLibp2p> => {
  const { isAllowed } = world;
  const multicast: (components: Parameters<ReturnType<typeof mdns>>[0]) => PeerDiscovery = mdns({
    serviceTag: settings.mdnsName ?? '',
  });
  return createLibp2p<{ identify: Identify; gossip: GossipSub }>({
    privateKey: world.key.libp2pKey,
    nodeInfo: { name: 'shoal', version: '1', userAgent: 'shoal' },
    addresses: { listen: [...settings.listen], announce: [...settings.announce] },
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [gathered(noise())],
    connectionGater: rosterGater(isAllowed, () => world.strangers() < strangersMax),
    connectionManager: {
      maxConnections: connectionsMax,
      dialTimeout: dialTimeoutMs,
      addressDialTimeout: dialTimeoutMs,
      // libp2p's 5 a second per address guard against strangers; many hosts may share one address (a rehearsal,
      // a NAT), and strangers are bounded by the gater.
      inboundConnectionThreshold: 256,
      maxIncomingPendingConnections: 64,
      reconnectRetries: 0,
    },
    // Dead connections are found by rpc's own pings, at the time when somebody waits for an answer.
    connectionMonitor: { enabled: false },
    peerDiscovery: settings.mdnsName ? [multicast] : [],
    services: {
      identify: (components) => identify()(guarded(components, isAllowed)),
      gossip: (components) =>
        gossipsub({
          globalSignaturePolicy: 'StrictSign',
          emitSelf: false,
          fallbackToFloodsub: false,
          allowPublishToZeroTopicPeers: true,
          doPX: false,
          maxInboundDataLength: gossipBytesMax,
          heartbeatInterval: gossipHeartbeatMs,
          scoreParams: { decayInterval: gossipScoreMs },
        })(guarded(components, isAllowed)),
    },
  });
};
