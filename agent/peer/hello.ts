/**
 * How rosters and addresses spread: by gossip when they change, removals by flooding as well, by a hello on every new
 * connection, and by a hello to a random peer now and then, which cures whatever was lost.
 *
 *   A ── hello(where A stands, addresses) ──> B
 *   A <── where B stands, addresses, the steps that A lacks ── B
 *   A ── roster(steps), if B lacks some ──> B
 */
import type { HostId } from '../../proto/ids.ts';
import { Hello, HelloAnswer, type HostAddresses } from '../../proto/message/peer.ts';
import type { RosterPosition } from '../../proto/message/roster.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { AddressBook } from './address-book.ts';
import { checker } from './check.ts';
import type { Connections } from './connections.ts';
import { rosterExchangeMs } from './limits.ts';
import type { Gossip, Rpc } from './port.ts';
import type { OwnRoster } from './roster.ts';

const checkHello = checker('hello', Hello);
const checkAnswer = checker('hello answer', HelloAnswer);

export interface HelloNode {
  /** The other stands elsewhere on the roster: compare with it now. */
  compare(host: HostId): void;
  stop(): void;
}

export const startHello = (world: {
  readonly runtime: Runtime;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly roster: OwnRoster;
  readonly book: AddressBook;
  readonly connections: Connections;
  readonly addresses: () => HostAddresses;
  /** May this host be given up on another's word? */
  readonly isGone: (host: HostId) => Promise<boolean>;
}): HelloNode => {
  const { rpc, gossip, roster, book, connections, addresses } = world;
  const { chance, log, timers } = world.runtime;
  const greeting = new Set<HostId>();

  const differs = ({ version, digest }: RosterPosition): boolean =>
    version !== roster.position().version || digest !== roster.position().digest;

  const hello = async (to: HostId): Promise<void> => {
    const answer = checkAnswer(
      await rpc.request(to, 'peer.hello', { roster: roster.position(), addresses: addresses() }),
    );
    book.set(to, answer.addresses);
    if (answer.steps) {
      const { isBehind } = await roster.learn(answer.steps, world.isGone);
      if (isBehind)
        log.error('the roster went on for too long without this host: it has to be invited again', {
          ...{ version: roster.position().version, told: answer.roster.version, by: to },
        });
    }
    if (differs(answer.roster)) rpc.notify(to, 'peer.roster', roster.stepsAfter(answer.roster));
  };
  /** One at a time with each host: all that is known is told in it. */
  const tryHello = (to: HostId): void => {
    if (greeting.has(to)) return;
    greeting.add(to);
    hello(to)
      .catch((thrown) => log.debug('hello failed', { host: to, error: thrown }))
      .finally(() => greeting.delete(to));
  };
  const learn = async (from: HostId, steps: unknown): Promise<void> => {
    const { isBehind } = await roster.learn(steps, world.isGone);
    if (isBehind) tryHello(from);
  };

  rpc.handle('peer.hello', (from, body): HelloAnswer => {
    const { roster: theirs, addresses: found } = checkHello(body);
    book.set(from, found);
    return {
      roster: roster.position(),
      addresses: addresses(),
      ...(differs(theirs) ? { steps: [...roster.stepsAfter(theirs)] } : {}),
    };
  });
  rpc.handle('peer.roster', learn);

  gossip.subscribe('roster', (from, body) => {
    learn(from, body).catch((thrown) => log.warn('gossiped roster refused', { from, error: thrown }));
  });
  const stopRoster = roster.onChange((fresh) => {
    const own = fresh.filter((step) => step.by === rpc.self);
    if (own.length > 0) gossip.publish('roster', own);
    // Gossip loses something now and then, and a removal may not wait for the next hello: whoever hears of one for
    // the first time passes it on to all that it is connected to, with what led to it.
    const first = fresh.findIndex(({ change }) => change.kind === 'remove');
    if (first >= 0)
      for (const host of connections.connected()) rpc.notify(host, 'peer.roster', fresh.slice(first));
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

  return {
    compare: tryHello,
    stop() {
      stopTimer();
      stopRoster();
    },
  };
};
