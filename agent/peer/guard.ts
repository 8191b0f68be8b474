/**
 * Keeps strangers out of libp2p. A host that is not on the roster may open a connection (how else could it join),
 * but only the join protocol answers it: every other protocol's handler and topology sees rostered peers only.
 */
import type { GossipSubComponents } from '@chainsafe/libp2p-gossipsub';
import type { ConnectionGater, PeerId } from '@libp2p/interface';
import type { HostId } from '../../proto/ids.ts';

type Registrar = GossipSubComponents['registrar'];

export type IsAllowed = (hostId: HostId) => boolean;

/** Noise has proved that the peer holds this id's key; only ed25519 ids can be on a roster. */
export const hostIdOfPeer = (peer: PeerId): HostId => peer.toString() as HostId;

/** A registrar as one protocol sees it: peers that are not allowed do not exist. */
export const guardedRegistrar = (registrar: Registrar, isAllowed: IsAllowed): Registrar =>
  new Proxy(registrar, {
    get(target, property) {
      if (property === 'handle')
        return (...[protocol, handler, options]: Parameters<Registrar['handle']>) =>
          target.handle(
            protocol,
            (stream, connection) => {
              if (isAllowed(hostIdOfPeer(connection.remotePeer))) return handler(stream, connection);
              stream.abort(new Error('not on the roster'));
            },
            options,
          );
      if (property === 'register')
        return (...[protocol, topology, options]: Parameters<Registrar['register']>) =>
          target.register(
            protocol,
            {
              ...topology,
              onConnect: (peer, connection) =>
                isAllowed(hostIdOfPeer(peer)) ? topology.onConnect?.(peer, connection) : undefined,
            },
            options,
          );
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** The components of a libp2p service, with the registrar guarded. */
export const guarded = <C extends { registrar: Registrar }>(components: C, isAllowed: IsAllowed): C => {
  const registrar = guardedRegistrar(components.registrar, isAllowed);
  return new Proxy(components, {
    get: (target, property) => (property === 'registrar' ? registrar : Reflect.get(target, property)),
  });
};

/** We never dial a stranger, and hold only so many of those that dial us. */
export const rosterGater = (isAllowed: IsAllowed, strangersHaveRoom: () => boolean): ConnectionGater => ({
  denyDialPeer: (peer) => !isAllowed(hostIdOfPeer(peer)),
  denyOutboundEncryptedConnection: (peer) => !isAllowed(hostIdOfPeer(peer)),
  denyInboundEncryptedConnection: (peer) => !isAllowed(hostIdOfPeer(peer)) && !strangersHaveRoom(),
});
