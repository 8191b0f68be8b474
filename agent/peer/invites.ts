/** Issues invites, and answers the join protocol: the only one that strangers may speak. */
import type { Connection } from '@libp2p/interface';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { InviteBody } from '../../proto/message/peer.ts';
import { toBase64Url } from '../base/bytes.ts';
import { hostIdOfPeer } from './guard.ts';
import type { HostKey } from './host-key.ts';
import { encodeInvite, signInvite } from './invite.ts';
import { joinProtocol } from './join.ts';
import { joinChannel } from './join-channel.ts';
import { type JoinHooks, type JoinHost, serveJoin } from './join-host.ts';
import type { ShoalLibp2p } from './libp2p.ts';
import {
  inviteAddressesMax,
  inviteLifeMs,
  inviteLifeMsMax,
  joinRequestBytesMax,
  strangersMax,
} from './limits.ts';

export interface IssuedInvite {
  readonly token: string;
  /** What `JoinHooks.consume` will be asked for: store it as issued before the token is handed out. */
  readonly inviteId: string;
  readonly expiresAtMs: number;
}

export interface Invites {
  /** Throws BAD_REQUEST on a life beyond 7 days, FORBIDDEN when this host is not on the roster. */
  issue(options?: { /** Default an hour. */ readonly lifeMs?: number }): IssuedInvite;
  /** From now on newcomers are let in. */
  serve(hooks: JoinHooks): void;
}

export const startInvites = async (
  world: Omit<JoinHost, 'hooks'> & { readonly libp2p: ShoalLibp2p; readonly key: HostKey },
): Promise<Invites & { readonly isJoining: (hostId: HostId) => boolean }> => {
  const { book, cluster, key, libp2p, roster, self } = world;
  const { chance, clock, log } = world.runtime;
  const joining = new Map<Connection, HostId>();
  let hooks: JoinHooks | undefined;

  await libp2p.handle(
    joinProtocol(cluster.clusterId),
    async (stream, connection) => {
      const hostId = hostIdOfPeer(connection.remotePeer);
      if (joining.has(connection) || joining.size >= strangersMax)
        return stream.abort(new Error('too many joins at once'));
      joining.set(connection, hostId);
      try {
        await serveJoin({ ...world, hooks: () => hooks }, joinChannel(stream, joinRequestBytesMax), {
          hostId,
          address: connection.remoteAddr.toString(),
        });
      } finally {
        joining.delete(connection);
      }
    },
    { maxInboundStreams: 1 },
  );

  /** This host first, then others that are known, so that the invite outlives any one of them. */
  const inviteAddresses = (): InviteBody['addresses'] =>
    [self, ...roster.list().flatMap(({ hostId }) => (hostId === self ? [] : [hostId]))]
      .map((hostId) => ({ hostId, known: hostId === self ? world.addresses() : book.get(hostId) }))
      .flatMap(({ hostId, known }) =>
        known && known.peer.length > 0
          ? [
              {
                hostId,
                peer: known.peer.slice(0, inviteAddressesMax),
                ...(known.dht ? { dht: known.dht } : {}),
              },
            ]
          : [],
      )
      .slice(0, inviteAddressesMax);

  return {
    isJoining: (hostId) => [...joining.values()].includes(hostId),
    issue({ lifeMs = inviteLifeMs } = {}) {
      if (!(lifeMs > 0 && lifeMs <= inviteLifeMsMax))
        throw new ShoalError(
          'BAD_REQUEST',
          `Cannot issue an invite for ${lifeMs} ms: 1 to ${inviteLifeMsMax}`,
        );
      if (!roster.has(self))
        throw new ShoalError('FORBIDDEN', 'Cannot issue an invite: this host is not on the roster');
      const inviteId = toBase64Url(chance.bytes(12));
      const expiresAtMs = Math.floor(clock.wallMs() + lifeMs);
      const invite = signInvite(key, cluster, {
        clusterId: cluster.clusterId,
        clusterName: cluster.name,
        inviteId,
        expiresAtMs,
        issuer: self,
        topic: cluster.topic,
        addresses: inviteAddresses(),
      });
      log.info('invite issued', { inviteId, expiresAtMs });
      return { token: encodeInvite(invite), inviteId, expiresAtMs };
    },
    serve(given) {
      hooks = given;
    },
  };
};
