/**
 * Gossip on gossipsub. Every message carries its author's signature (StrictSign), which each hop checks; a
 * message by an author who is not on the roster is not passed on. Topics belong to the cluster.
 */
import { TopicValidatorResult } from '@chainsafe/libp2p-gossipsub';
import { codec } from '../../proto/codec.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { Log } from '../runtime/ports.ts';
import { hostIdOfPeer, type IsAllowed } from './guard.ts';
import type { ShoalLibp2p } from './libp2p.ts';
import { gossipBytesMax } from './limits.ts';
import type { Gossip } from './port.ts';

type Handler = Parameters<Gossip['subscribe']>[1];

export const startGossip = (
  world: { readonly log: Log; readonly libp2p: ShoalLibp2p; readonly isAllowed: IsAllowed },
  settings: { readonly clusterId: ClusterId },
): Gossip => {
  const { gossip } = world.libp2p.services;
  const bodies = codec<unknown>('gossip');
  const prefix = `shoal/${settings.clusterId}/`;
  const handlers = new Map<string, Handler[]>();

  gossip.addEventListener('message', ({ detail: message }) => {
    if (message.type !== 'signed' || !world.isAllowed(hostIdOfPeer(message.from))) return;
    const found = handlers.get(message.topic);
    if (!found) return;
    try {
      const body = bodies.decode(message.data);
      for (const handler of found) handler(hostIdOfPeer(message.from), body);
    } catch (thrown) {
      world.log.warn('gossip dropped', {
        topic: message.topic,
        from: message.from.toString(),
        error: thrown,
      });
    }
  });

  return {
    publish(topic, body) {
      const data = bodies.encode(body);
      if (data.length > gossipBytesMax)
        return world.log.error('gossip too large', { topic, bytes: data.length, bytesMax: gossipBytesMax });
      gossip
        .publish(prefix + topic, data)
        .catch((thrown) => world.log.debug('gossip not published', { topic, error: thrown }));
    },
    subscribe(topic, handler) {
      const name = prefix + topic;
      const found = handlers.get(name);
      if (found) return void found.push(handler);
      handlers.set(name, [handler]);
      gossip.topicValidators.set(name, (_peer, message) =>
        message.type === 'signed' && world.isAllowed(hostIdOfPeer(message.from))
          ? TopicValidatorResult.Accept
          : // Not "reject": the neighbour may merely know the roster's newest state before us.
            TopicValidatorResult.Ignore,
      );
      gossip.subscribe(name);
    },
  };
};
