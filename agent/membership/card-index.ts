/**
 * The cards of all hosts. A fact tells in which incarnation a host's card last changed; a card that is older than
 * that is missed. Most come by gossip moments later; the rest are asked for: first the host itself, then others.
 */
import type { HostId } from '../../proto/ids.ts';
import { type CardRecord, CardsAnswer, type VitalsRecord } from '../../proto/message/membership.ts';
import { checker } from '../peer/check.ts';
import type { Rpc } from '../peer/port.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { cardRetryMsMax, cardsPerRequestMax, cardWaitMs } from './limits.ts';
import type { memberStore } from './member-store.ts';

const checkAnswer = checker('cards', CardsAnswer);

export interface CardIndexWorld {
  readonly runtime: Pick<Runtime, 'timers' | 'chance'>;
  readonly log: Log;
  readonly rpc: Rpc;
  readonly store: ReturnType<typeof memberStore>;
  /** Signed by its host, in an incarnation that it can have had? */
  isGenuine(record: CardRecord): boolean;
  /** Others worth asking. */
  reachable(): readonly HostId[];
  /** A newer card has come. */
  changed(host: HostId): void;
  /** A load that came along with a card. */
  vitals(host: HostId, record: VitalsRecord): void;
}

export const cardIndex = (world: CardIndexWorld) => {
  const { runtime, rpc, store } = world;
  const cards = new Map<HostId, CardRecord>();
  /** With the incarnation that the card should have, at least. */
  const missed = new Map<HostId, number>();
  let fruitless = 0;
  let cancel: (() => void) | undefined;
  let stopped = false;

  const arm = (delayMs: number): void => {
    if (stopped || missed.size === 0) return;
    cancel ??= runtime.timers.after(delayMs, () => {
      cancel = undefined;
      void ask();
    });
  };

  /** Even tries go to a host whose card is missed, odd ones to any: a dead host's card is known to others only. */
  const sourceOf = (): HostId | undefined => {
    const others = world.reachable();
    const direct = fruitless % 2 === 0 ? others.find((host) => missed.has(host)) : undefined;
    return direct ?? others[Math.floor(runtime.chance.random() * others.length)];
  };

  const ask = async (): Promise<void> => {
    const source = sourceOf();
    const before = missed.size;
    try {
      if (source !== undefined) {
        const hosts = [...missed.keys()].slice(0, cardsPerRequestMax);
        const answer = checkAnswer(await rpc.request(source, 'membership.cards', { hosts }));
        for (const record of answer.cards) if (hosts.includes(record.host as HostId)) put(record, source);
      }
    } catch (error) {
      world.log.debug('cards not fetched', { from: source, error: String(error) });
    }
    fruitless = missed.size < before ? 0 : fruitless + 1;
    arm(fruitless === 0 ? 0 : Math.min(cardRetryMsMax, cardWaitMs * 2 ** fruitless));
  };

  const put = (record: CardRecord, from: HostId): void => {
    const host = record.host as HostId;
    if (!world.isGenuine(record)) {
      world.log.warn('a member card was refused: its host did not sign it', { host, from });
      return;
    }
    if (record.vitals && host === from) world.vitals(host, record.vitals);
    const { vitals: _, ...bare } = record;
    if (record.incarnation <= (cards.get(host)?.incarnation ?? 0)) return;
    cards.set(host, bare);
    if (record.incarnation >= (missed.get(host) ?? 0)) missed.delete(host);
    if (host !== rpc.self) store.putCard(bare);
    world.changed(host);
  };

  return {
    get: (host: HostId): CardRecord | undefined => cards.get(host),
    put,
    /** From disk: quietly. */
    load(record: CardRecord): void {
      if (world.isGenuine(record)) cards.set(record.host as HostId, record);
    },
    /** A fact says that the card has changed in this incarnation. */
    expect(host: HostId, incarnation: number): void {
      if (host === rpc.self || incarnation <= (cards.get(host)?.incarnation ?? 0)) return;
      if (missed.has(host)) missed.set(host, Math.max(incarnation, missed.get(host) ?? 0));
      else {
        missed.set(host, incarnation);
        fruitless = 0;
      }
      arm(cardWaitMs);
    },
    delete(host: HostId): void {
      missed.delete(host);
      if (cards.delete(host)) store.deleteCard(host);
    },
    stop(): void {
      stopped = true;
      cancel?.();
    },
  };
};
