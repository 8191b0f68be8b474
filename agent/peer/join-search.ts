/** A newcomer's last way to the cluster: none of its token's hosts is where it was, but one of its DHT nodes lives. */
import type { InviteBody } from '../../proto/message/peer.ts';
import { deadline } from '../base/deadline.ts';
import type { Log } from '../runtime/ports.ts';
import { startDht } from './dht.ts';
import { topicSearchMsMax } from './limits.ts';
import { searchTopic } from './lookout.ts';

/** libp2p addresses that end in `/p2p/HOSTID`, for at most `topicSearchMsMax`. Asks the token's own nodes only. Never throws. */
export async function* searchByTopic(
  world: { readonly log: Log },
  invite: Pick<InviteBody, 'addresses' | 'topic'>,
): AsyncGenerator<string> {
  const nodes = invite.addresses.flatMap(({ dht }) => dht ?? []);
  if (nodes.length === 0) return;
  try {
    await using parts = new AsyncDisposableStack();
    const own = await startDht({ port: 0 }, nodes);
    parts.defer(own.stop);
    const limit = parts.use(deadline('find a host by its topic', topicSearchMsMax));
    // Ends the look-up that is under way.
    limit.signal.addEventListener('abort', () => void own.stop());
    for await (const [hostId, { peer }] of searchTopic(own.dht, Buffer.from(invite.topic, 'base64url')))
      for (const address of peer) yield `${address}/p2p/${hostId}`;
  } catch (thrown) {
    world.log.debug('no host found by the topic', { error: thrown });
  }
}
