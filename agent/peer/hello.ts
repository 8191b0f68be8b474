/**
 * How rosters and addresses spread: by gossip when they change, removals by flooding as well, by a hello on every new
 * connection, and by a hello to a random peer now and then, which cures whatever was lost.
 *
 *   A ── hello(digest, addresses) ──> B
 *   A <── digest, addresses, entries if the digests differ ── B
 *   A ── roster(entries), if B lacks some ──> B
 */
import type { HostId } from '../../proto/ids.ts';
import { Hello, HelloAnswer, type HostAddresses } from '../../proto/message/peer.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { AddressBook } from './address-book.ts';
import { checker } from './check.ts';
import type { Connections } from './connections.ts';
import { rosterExchangeMs } from './limits.ts';
import type { Gossip, Rpc } from './port.ts';
import type { Roster } from './roster.ts';

const checkHello = checker('hello', Hello);
const checkAnswer = checker('hello answer', HelloAnswer);

export const startHello = (world: {
  readonly runtime: Runtime;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly roster: Roster;
  readonly book: AddressBook;
  readonly connections: Connections;
  readonly addresses: () => HostAddresses;
}): (() => void) => {
  const { rpc, gossip, roster, book, connections, addresses } = world;
  const { chance, log, timers } = world.runtime;

  const hello = async (to: HostId): Promise<void> => {
    const answer = checkAnswer(
      await rpc.request(to, 'peer.hello', { rosterDigest: roster.digest(), addresses: addresses() }),
    );
    book.set(to, answer.addresses);
    if (answer.entries) await roster.merge(answer.entries);
    if (answer.rosterDigest !== roster.digest()) rpc.notify(to, 'peer.roster', roster.entries());
  };
  const tryHello = (to: HostId): void => {
    hello(to).catch((thrown) => log.debug('hello failed', { host: to, error: thrown }));
  };

  rpc.handle('peer.hello', (from, body): HelloAnswer => {
    const { rosterDigest, addresses: theirs } = checkHello(body);
    book.set(from, theirs);
    const differs = rosterDigest !== roster.digest();
    return {
      rosterDigest: roster.digest(),
      addresses: addresses(),
      ...(differs ? { entries: [...roster.entries()] } : {}),
    };
  });
  rpc.handle('peer.roster', async (_from, body) => void (await roster.merge(body)));

  gossip.subscribe('roster', (from, body) => {
    roster.merge(body).catch((thrown) => log.warn('gossiped roster refused', { from, error: thrown }));
  });
  const stopRoster = roster.onChange((fresh) => {
    const own = fresh.filter((entry) => entry.stamp.host === rpc.self);
    if (own.length > 0) gossip.publish('roster', own);
    // Gossip loses something now and then, and a removal may not wait for the next hello: whoever hears of one for
    // the first time passes it on to all that it is connected to.
    const removals = fresh.filter((entry) => entry.state === 'removed');
    if (removals.length > 0)
      for (const host of connections.connected()) rpc.notify(host, 'peer.roster', removals);
  });

  connections.onConnect(tryHello);

  let stopTimer: () => void = () => {};
  const again = (): void => {
    stopTimer = timers.after(rosterExchangeMs * (0.5 + chance.random()), () => {
      const peers = connections.connected();
      const peer = peers[Math.floor(chance.random() * peers.length)];
      if (peer) tryHello(peer);
      again();
    });
  };
  again();

  return () => {
    stopTimer();
    stopRoster();
  };
};
