/**
 * `shoal join TOKEN`: the newcomer's side, without a running agent. Tries the token's addresses, then what mDNS and
 * the token's topic lead to, until a host of the cluster has proved that it knows the secret and welcomes us; then
 * the data directory becomes a host's.
 * The key is made first and kept, so a join that was cut off anywhere is repeated with the same token.
 */
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Libp2p, PeerInfo } from '@libp2p/interface';
import { mdns } from '@libp2p/mdns';
import { tcp } from '@libp2p/tcp';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { type ErrorCode, errorTable, hasCode, ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { type ClusterFacts, JoinChallenge, JoinWelcome, Refusal } from '../../proto/message/peer.ts';
import { toBase64Url } from '../base/bytes.ts';
import { deadline } from '../base/deadline.ts';
import type { Runtime } from '../runtime/ports.ts';
import { bareAddress, openAddressBook } from './address-book.ts';
import { checker } from './check.ts';
import {
  checkHostName,
  prepareDirectory,
  readClusterFile,
  readWelcome,
  writeClusterFile,
  writeWelcome,
} from './cluster-file.ts';
import { hostIdOfPeer } from './guard.ts';
import { type HostKey, openHostKey } from './host-key.ts';
import { type Invite, joinProof, parseInvite, proofIsRight } from './invite.ts';
import { joinChannel } from './join-channel.ts';
import { searchByTopic } from './join-search.ts';
import { dialTimeoutMs, joinAttemptsMax, joinFrameBytesMax, joinTimeoutMs } from './limits.ts';
import { baseOf, foldSteps, writeRoster } from './roster-file.ts';

export const joinProtocol = (clusterId: string): string => `/shoal/${clusterId}/join/1`;
/** mDNS name of a cluster's hosts: known to those who know the topic. */
export const mdnsNameOf = (topic: string): string =>
  `shoal-${topic.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 24)}.local`;

const checkChallenge = checker('join challenge', JoinChallenge);
const checkWelcome = checker('join welcome', JoinWelcome);
const checkRefusal = checker('refusal', Refusal);

const orRefusal = <T>(check: (value: unknown) => T, value: unknown): T => {
  if (typeof value !== 'object' || value === null || !('refused' in value)) return check(value);
  const { code, message } = checkRefusal(value).refused;
  throw new ShoalError(Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'INTERNAL', message);
};

interface Joining {
  readonly runtime: Runtime;
  readonly key: HostKey;
  readonly node: Libp2p;
  readonly invite: Invite;
  readonly name: string;
}

/** One try at one host. Throws what it refused with, UNREACHABLE, or FORBIDDEN when it is not of the cluster. */
const joinAt = async (joining: Joining, address: Multiaddr): Promise<JoinWelcome> => {
  const { invite, key, name, node } = joining;
  using dialLimit = deadline(`reach ${address}`, dialTimeoutMs);
  const connection = await node.dial(address, { signal: dialLimit.signal }).catch((cause) => {
    throw new ShoalError('UNREACHABLE', `Cannot reach ${address}: ${cause.message}`, { cause });
  });
  const host = hostIdOfPeer(connection.remotePeer);
  using limit = deadline('join', joinTimeoutMs);
  try {
    const stream = await connection
      .newStream(joinProtocol(invite.body.clusterId), { signal: limit.signal })
      .catch((cause) => {
        throw new ShoalError('UNREACHABLE', `Cannot join at ${address}: it is no host of the cluster now`, {
          cause,
        });
      });
    const channel = joinChannel(stream, joinFrameBytesMax);
    const newcomerNonce = toBase64Url(joining.runtime.chance.bytes(32));
    channel.send({ body: invite.body, signature: invite.signature, name, nonce: newcomerNonce });
    const challenge = orRefusal(checkChallenge, await channel.receive(limit.signal));
    const parties = { newcomer: key.hostId, host, newcomerNonce, hostNonce: challenge.nonce };
    if (!proofIsRight(joinProof(invite.secret, 'cluster', parties), challenge.proof))
      throw new ShoalError(
        'FORBIDDEN',
        `Cannot join at ${address}: host ${host} does not know the invite's secret`,
      );
    channel.send({ proof: toBase64Url(joinProof(invite.secret, 'newcomer', parties)) });
    const welcome = orRefusal(checkWelcome, await channel.receive(limit.signal));
    channel.close();
    if (welcome.cluster.clusterId !== invite.body.clusterId)
      throw new ShoalError('FORBIDDEN', `Cannot join at ${address}: it welcomes into another cluster`);
    return welcome;
  } finally {
    await connection.close().catch(() => {});
  }
};

const store = async (joining: Joining, directory: string, welcome: JoinWelcome): Promise<ClusterFacts> => {
  const { runtime, key } = joining;
  const { cluster } = welcome;
  const base = baseOf(welcome.roster);
  const { steps } = welcome.roster;
  const { members } = foldSteps(cluster.clusterId as ClusterId, base, steps);
  if (!members.has(key.hostId))
    throw new ShoalError(
      'FORBIDDEN',
      'Cannot join: the roster that came with the welcome does not have this host',
    );
  await writeRoster(directory, { host: key.hostId, base, steps, vote: null });
  const book = await openAddressBook({ log: runtime.log }, { directory });
  for (const [hostId, addresses] of Object.entries(welcome.addresses)) book.set(hostId as HostId, addresses);
  await book.flush();
  await writeWelcome(directory, welcome.welcome);
  await writeClusterFile(directory, cluster);
  return cluster;
};

/**
 * Throws BAD_REQUEST (token or name), CONFLICT (directory or name in use), INVITE_REFUSED (used, unknown or
 * expired), UNREACHABLE (no host of the token answers). Joining again where it has worked already changes nothing.
 */
export const joinCluster = async (
  world: { readonly runtime: Runtime },
  token: string,
  settings: {
    readonly directory: string;
    readonly hostName: string;
    /** Also look for hosts of the cluster on this LAN. Default false. */
    readonly mdns?: boolean;
  },
): Promise<{ readonly cluster: ClusterFacts; readonly hostId: HostId; readonly welcome: unknown }> => {
  const { runtime } = world;
  const { directory } = settings;
  const invite = parseInvite(token);
  const { body } = invite;
  const name = checkHostName(settings.hostName);
  const present = await readClusterFile(directory).catch(() => undefined);
  const key = present?.clusterId === body.clusterId ? await openHostKey(directory) : undefined;
  if (present && key) {
    return { cluster: present, hostId: key.hostId, welcome: await readWelcome(directory) };
  }
  await prepareDirectory(directory);
  const ownKey = await openHostKey(directory);
  /** Grows while mDNS finds more. */
  const found = new Set<string>();
  for (const { hostId, peer } of body.addresses)
    for (const address of peer) found.add(`${address}/p2p/${hostId}`);

  const node = await createLibp2p({
    privateKey: ownKey.libp2pKey,
    addresses: { listen: [] },
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [noise()],
    connectionMonitor: { enabled: false },
    peerDiscovery: settings.mdns ? [mdns({ serviceTag: mdnsNameOf(body.topic) })] : [],
  });
  node.addEventListener('peer:discovery', ({ detail }: CustomEvent<PeerInfo>) => {
    for (const address of detail.multiaddrs) found.add(`${bareAddress(address)}/p2p/${detail.id}`);
  });
  const candidates = async function* (): AsyncGenerator<string> {
    yield* found;
    for await (const address of searchByTopic({ log: runtime.log }, body)) {
      if (found.has(address)) continue;
      found.add(address);
      yield address;
    }
  };
  const joining: Joining = { runtime, key: ownKey, node, invite, name };
  let failure: unknown = new ShoalError(
    'UNREACHABLE',
    'Cannot join: the invite has no address that can be reached',
  );
  try {
    for (let attempt = 0; attempt < joinAttemptsMax; attempt++) {
      if (attempt > 0) await runtime.timers.sleep(dialTimeoutMs / 4);
      for await (const address of candidates()) {
        try {
          const welcome = await joinAt(joining, multiaddr(address));
          const cluster = await store(joining, directory, welcome);
          runtime.log.info('joined', {
            cluster: cluster.name,
            clusterId: cluster.clusterId,
            host: ownKey.hostId,
          });
          return { cluster, hostId: ownKey.hostId, welcome: welcome.welcome };
        } catch (thrown) {
          failure = thrown;
          runtime.log.warn('join failed', { address, error: thrown });
          // The cluster has answered; another of its hosts would answer the same.
          if (hasCode(thrown, 'INVITE_REFUSED', 'CONFLICT')) throw thrown;
        }
      }
    }
    throw failure;
  } finally {
    await node.stop();
  }
};
