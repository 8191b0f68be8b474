/**
 * The shell of membership: lends the core its messages and timers, spreads news by gossip as well, keeps cards
 * and loads, and remembers over restarts what the next life needs.
 */
import { asShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import {
  type CardRecord,
  CardsRequest,
  type MemberFact,
  MembersNews,
  packVitals,
  parseFacts,
  parseSwimMessage,
  unpackVitals,
  VitalsRecord,
} from '../../proto/message/membership.ts';
import { checker } from '../peer/check.ts';
import type { Gossip, Rpc } from '../peer/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { cardIndex } from './card-index.ts';
import { openCoreRuntime } from './core-runtime.ts';
import { isBelievable, isReachableState } from './fact.ts';
import { farewellMs } from './limits.ts';
import { memberStore } from './member-store.ts';
import type { Member, MemberCard, Members, Vitals } from './port.ts';
import { lanSettings, type SwimSettings } from './settings.ts';
import { type CardSigner, isSigned, signCard } from './signed-card.ts';
import { swim } from './swim.ts';
import type { SwimEvent } from './swim-runtime.ts';
import { vitalsPublisher } from './vitals-publisher.ts';

/** What membership needs of the roster. */
interface MemberRoster {
  list(): readonly { readonly hostId: HostId; readonly name?: string }[];
  has(hostId: HostId): boolean;
  onChange(listener: () => void): () => void;
}

export interface MembersWorld {
  readonly runtime: Runtime;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly roster: MemberRoster;
  readonly keyValue: KeyValue;
  readonly signer: CardSigner;
}

export interface MembersSettings {
  readonly card: MemberCard;
  /** Default `lanSettings`. */
  readonly swim?: SwimSettings;
}

export interface OwnMembers extends Members {
  /** Raises the incarnation; a card equal to the last one does nothing. */
  setCard(card: MemberCard): void;
  /** Call it as often as you like: what goes out when is decided in `vitals-publisher.ts`. */
  setVitals(vitals: Vitals): void;
  setDraining(draining: boolean): void;
  /** Says goodbye: others need not wait for a suspicion to run out. Call `stop` afterwards. */
  leave(): Promise<void>;
  /** Silent from now on, as if killed. */
  stop(): void;
  /** Lifeguard's score: 0 is healthy. */
  readonly healthScore: number;
}

const checkNews = checker('members news', MembersNews);
const checkVitals = checker('vitals', VitalsRecord);
const checkCardsRequest = checker('cards request', CardsRequest);

/** Resolves when this life's incarnation is on disk and the core runs. Throws what the store throws. */
export const openMembers = async (world: MembersWorld, settings: MembersSettings): Promise<OwnMembers> => {
  const { runtime, rpc, gossip, roster, signer } = world;
  const { self } = rpc;
  const log = runtime.log.with({ part: 'membership' });
  const store = memberStore(world.keyValue, log);
  const incarnation = await store.beginLife();
  const loads = new Map<HostId, VitalsRecord>();
  const listeners = new Set<(member: Member) => void>();
  /** As the roster has them. */
  let names: ReadonlyMap<HostId, string | undefined> = new Map();
  let ownCard = settings.card;

  const core = swim({
    self,
    settings: settings.swim ?? lanSettings,
    incarnation,
    isRostered: (host) => host === self || roster.has(host),
  });

  const get = (host: HostId): Member | undefined => {
    const fact = core.get(host);
    if (!fact) return undefined;
    const card = host === self ? ownCard : cards.get(host)?.card;
    const vitals = host === self ? publisher.current()?.vitals : loads.get(host)?.vitals;
    return {
      hostId: host,
      name: card?.name ?? names.get(host) ?? host,
      state: fact.state,
      incarnation: fact.incarnation,
      ...(card && { card }),
      ...(vitals && { vitals }),
    };
  };

  const tell = (member: Member | undefined): void => {
    if (member) for (const listener of listeners) listener(member);
  };

  const canBe = (incarnation: number): boolean => isBelievable(incarnation, runtime.clock.wallMs());
  /** Leaves out facts that no host can have come to: one lie must not cost the message that it came with. */
  const believed = (from: HostId, facts: readonly MemberFact[]): readonly MemberFact[] => {
    const good = facts.filter(({ incarnation, card }) => canBe(incarnation) && card <= incarnation);
    if (good.length < facts.length)
      log.warn('facts refused: incarnations that no host can have', {
        from,
        count: facts.length - good.length,
      });
    return good;
  };

  const takeVitals = (from: HostId, record: VitalsRecord): void => {
    if (!canBe(record.incarnation)) return;
    const held = loads.get(from);
    const isNewer =
      !held ||
      record.incarnation > held.incarnation ||
      (record.incarnation === held.incarnation && record.sequence > held.sequence);
    if (isNewer && from !== self) loads.set(from, record);
  };

  const isReachable = (host: HostId): boolean => {
    const fact = core.get(host);
    return fact !== undefined && isReachableState(fact.state);
  };
  const publisher = vitalsPublisher({
    ...{ clock: runtime.clock, timers: runtime.timers, isReachable },
    incarnation: () => core.own.incarnation,
    tell: (host, record) => rpc.notify(host, 'membership.vitals', packVitals(record)),
  });

  const cards = cardIndex({
    runtime,
    log,
    rpc,
    store,
    isGenuine: (record) => canBe(record.incarnation) && isSigned(signer, record),
    reachable: () =>
      [...core.list()]
        .filter(({ host, state }) => host !== self && isReachableState(state))
        .map((fact) => fact.host),
    changed: (host) => tell(get(host)),
    vitals: takeVitals,
  });

  let signed: CardRecord | undefined;
  const ownRecord = (): CardRecord => {
    if (signed?.incarnation !== core.own.card)
      signed = signCard(signer, {
        host: self,
        incarnation: core.own.card,
        card: { ...ownCard, peerAddresses: [...ownCard.peerAddresses] },
      });
    return signed;
  };

  const handleEvent = ({ fact, before, own }: SwimEvent): void => {
    const { host, state } = fact;
    if (host === self) store.raiseLife(fact.incarnation);
    else cards.expect(host, fact.card);
    const came = isReachableState(state) && !(before && isReachableState(before.state));
    if (came && host !== self) publisher.meet(host);
    if (own) gossip.publish('members', { facts: [fact], ...(host === self && { card: ownRecord() }) });
    if (state === before?.state && host !== self) return;
    log.info('member', { host, name: get(host)?.name, state, incarnation: fact.incarnation, own });
    tell(get(host));
  };

  const hear = (from: HostId, body: unknown): void => {
    const message = parseSwimMessage(body);
    core.handleMessage(from, { ...message, facts: believed(from, message.facts) }, coreRuntime);
  };
  const coreRuntime = openCoreRuntime(world, {
    handleAnswer: hear,
    handleTimer: (timer) => core.handleTimer(timer, coreRuntime),
    handleEvent,
    handleUnreachable: (host) => core.handleUnreachable(host, coreRuntime),
  });

  /** Gossip comes from the roster, but a host may be broken: what it says is dropped, not fatal. */
  const guarded =
    (topic: string, work: (from: HostId, body: unknown) => void) =>
    (from: HostId, body: unknown): void => {
      try {
        if (roster.has(from)) work(from, body);
      } catch (error) {
        log.warn('gossip dropped', { topic, from, error: asShoalError(error).message });
      }
    };

  rpc.handle('membership', (from, body) => coreRuntime.answering(from, () => hear(from, body)));
  rpc.handle('membership.cards', (_from, body) => ({
    cards: checkCardsRequest(body).hosts.flatMap((name) => {
      const host = name as HostId;
      const record = host === self ? ownRecord() : cards.get(host);
      const vitals = host === self ? publisher.current() : undefined;
      return record ? [vitals ? { ...record, vitals } : record] : [];
    }),
  }));
  gossip.subscribe(
    'members',
    guarded('members', (from, body) => {
      const news = checkNews(body);
      if (news.card?.host === from) cards.put(news.card, from);
      core.learn(believed(from, parseFacts(news.facts)), coreRuntime);
    }),
  );
  rpc.handle('membership.vitals', (from, body) => {
    takeVitals(from, checkVitals(unpackVitals(body)));
    return null;
  });

  const followRoster = (): void => {
    const members = roster.list();
    for (const { hostId } of members) core.introduce(hostId, coreRuntime);
    for (const { host, incarnation } of [...core.list()]) {
      if (host === self || roster.has(host)) continue;
      const name = get(host)?.name ?? host;
      core.remove(host);
      cards.delete(host);
      loads.delete(host);
      publisher.forget(host);
      tell({ hostId: host, name, state: 'left', incarnation });
    }
    names = new Map(members.map(({ hostId, name }) => [hostId, name]));
  };
  for (const record of store.cards())
    if (roster.has(record.host as HostId)) cards.load(record);
    else store.deleteCard(record.host as HostId);
  followRoster();
  const unfollow = roster.onChange(followRoster);
  core.start(coreRuntime);

  return {
    self,
    list: () => [...core.list()].flatMap(({ host }) => get(host) ?? []),
    get,
    isReachable,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setCard(card) {
      if (JSON.stringify(card) === JSON.stringify(ownCard)) return;
      ownCard = card;
      core.renewCard(coreRuntime);
    },
    setVitals: publisher.set,
    setDraining: (draining) => core.setDraining(draining, coreRuntime),
    async leave() {
      core.leave(coreRuntime);
      await runtime.timers.sleep(farewellMs);
    },
    stop() {
      unfollow();
      publisher.stop();
      cards.stop();
      coreRuntime.stop();
    },
    get healthScore() {
      return core.healthScore;
    },
  };
};
