/**
 * The ring's shell: follows the layout, settles new versions, proposes the next one, and answers who owns what.
 *
 *   members, roster --> plan --> proposer --> chain (votes) --> keeper (disk) --> spread (gossip)
 *                                                                  |
 *                              syncers <-- settling <--------------+--> owner index (hot path)
 */
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import type { Members } from '../membership/port.ts';
import type { Gossip, Rpc } from '../peer/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { foundLayout, isMember } from './layout.ts';
import { layoutChain } from './layout-chain.ts';
import { newestOf, waitedFor } from './layout-history.ts';
import { type FirstLife, layoutKeeper } from './layout-keeper.ts';
import { isProven, type VoteSigner } from './layout-proof.ts';
import { layoutSpread } from './layout-spread.ts';
import { layoutStore } from './layout-store.ts';
import { moving as watchMoving } from './moving.ts';
import { ownerIndex } from './owner-index.ts';
import { partitionOf } from './partition.ts';
import { planner } from './planner.ts';
import type { Ring, Syncer } from './port.ts';
import { pulse } from './pulse.ts';
import { rebirth } from './rebirth.ts';
import { type RingOperator, ringOperator } from './ring-operator.ts';
import { defaultSettings, type RingSettings } from './settings.ts';
import { settling } from './settling.ts';
import { wishBook } from './wish-book.ts';
import { isDrained, pauseOf } from './wishes.ts';

/** What the ring needs of the roster. */
interface RingRoster {
  list(): readonly { readonly hostId: HostId }[];
  has(hostId: HostId): boolean;
  /** Its time has run out, and it stays until the layouts can go on without it. */
  isOver?(hostId: HostId): boolean;
  onChange(listener: () => void): () => void;
}

export interface RingWorld {
  readonly runtime: Runtime;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly members: Members;
  readonly roster: RingRoster;
  readonly keyValue: KeyValue;
  readonly signer: VoteSigner;
}

export interface OwnRing extends Ring, RingOperator {
  /** After all syncers were added: settles and proposes from now on. */
  start(): void;
  stop(): void;
  /** This host knows a layout and is a member of the newest one. */
  readonly isMember: boolean;
  /** It knows what it voted; false for a host that lost its disk, until it has recalled that. */
  readonly isVoter: boolean;
}

export interface RingOptions extends Partial<RingSettings> {
  /** Make version 1 when no layout is known and nobody else is on the roster. */
  readonly isFounder?: boolean;
  /** Without it an empty store counts as a lost one. */
  readonly life?: FirstLife;
  /** An operator drains this host, or takes it back; called at once where it is drained from before. */
  draining?(isDraining: boolean): void;
}

/** Throws DAMAGED when the layouts on disk cannot be read. */
export const openRing = (world: RingWorld, options: RingOptions = {}): OwnRing => {
  const { runtime, rpc, gossip, members, roster, signer } = world;
  const { self } = rpc;
  const settings: RingSettings = { ...defaultSettings, ...options };
  const log = runtime.log.with({ part: 'ring' });
  const store = layoutStore(world.keyValue, self);
  const syncers: Syncer[] = [];
  const listeners = new Set<() => void>();
  const index = ownerIndex(self);
  const isRostered = (host: HostId): boolean => host === self || roster.has(host);
  const isReachable = (host: HostId): boolean => host === self || members.isReachable(host);
  const reachable = (): HostId[] =>
    roster.list().flatMap(({ hostId }) => (hostId !== self && members.isReachable(hostId) ? hostId : []));
  const report = (what: string) => (error: unknown) =>
    log.error(what, { error: asShoalError(error).message });

  const keeper = layoutKeeper({
    self,
    log,
    store,
    life: options.life ?? { isFirst: false, ended: async () => {} },
    isReachable,
    isProven: (previous, layout) => isProven(signer, previous, layout, isRostered),
    changed(history) {
      index.update(history);
      for (const listener of listeners) listener();
    },
  });
  index.update(keeper.history);
  const newest = () => newestOf(keeper.history);
  const newestVersion = (): number => newest()?.version ?? 0;

  const wishes = wishBook({
    ...{ log, rpc, store, newest, isRostered },
    clock: runtime.clock,
    changed() {
      tellDraining();
      look();
    },
    publish: (fresh) => spread.publish({ wishes: fresh }),
  });
  const isPaused = (): boolean => pauseOf(wishes.held) !== undefined;
  let wasDraining = false;
  const tellDraining = (): void => {
    const isDraining = isDrained(wishes.held, self);
    if (isDraining !== wasDraining) options.draining?.(isDraining);
    wasDraining = isDraining;
  };
  tellDraining();

  const spread = layoutSpread({
    runtime,
    log,
    rpc,
    gossip,
    store,
    reachable,
    lagging: () => waitedFor(keeper.history, 'syncAck').filter((host) => host !== self && isReachable(host)),
    history: () => keeper.history,
    wishes: () => wishes.held,
    hear(from, tale, isTrusted) {
      const before = newestVersion();
      wishes.hear(tale.wishes).catch(report('wishes not stored'));
      keeper
        .hear(from, tale, isTrusted)
        .then(() => {
          if (newestVersion() > before) spread.publish();
          look();
        })
        .catch(report('layout not stored'));
    },
  });

  const chain = layoutChain({
    signer,
    runtime,
    rpc,
    store,
    newest,
    votesFrom: () => keeper.votesFrom,
    isRostered,
    isPaused,
    differs: spread.differs,
    tell: spread.tell,
  });

  /** False when this host meanwhile stands elsewhere. */
  const takeOver = async (layout: Layout): Promise<boolean> => {
    const isTaken = await keeper.learn(layout);
    if (isTaken) spread.publish({ layout });
    look();
    return isTaken;
  };
  const plan = planner(
    {
      ...{ runtime, log, self, members, roster, index, wishes, isRostered, isReachable, agree: chain.agree },
      history: () => keeper.history,
      agreed: async (layout) => void (await takeOver(layout)),
    },
    settings,
  );

  const recall = rebirth({
    ...{ runtime, log, self, store, chain, newest },
    votesFrom: () => keeper.votesFrom,
    recalled: keeper.recalled,
    agreed: async (layout) => void (await takeOver(layout)),
  });

  const settle = settling(
    {
      runtime,
      log,
      self,
      index,
      syncers,
      isReachable,
      async synced(version) {
        await keeper.reach('sync', version);
        spread.publish();
        look();
      },
    },
    settings,
  );

  const moving = watchMoving(runtime.clock, syncers);

  const found = async (): Promise<void> => {
    const card = members.get(self)?.card;
    if (newest() || !options.isFounder || !card || roster.list().some(({ hostId }) => hostId !== self))
      return;
    const { zone, capacityBytes } = card;
    const stamp = { atMs: runtime.clock.wallMs(), by: self };
    await keeper.found(foundLayout({ hostId: self, zone, capacityBytes }, settings.partitionBits, stamp));
    log.info('layout founded', { partitionBits: settings.partitionBits });
  };

  const beats = pulse(
    {
      ...{ runtime, log, self, keeper, spread, settle, moving, recall, plan },
      ...{ newest, isPaused, found, report },
      isHeard: () => reachable().length > 0,
    },
    settings,
  );
  const look = (): void => beats.look();
  const unwatch = [
    members.onChange(() => look()),
    roster.onChange(() => {
      wishes.prune().catch(report('wishes not stored'));
      look();
    }),
  ];

  return {
    self,
    get partitionCount() {
      return 2 ** (newest()?.partitionBits ?? settings.partitionBits);
    },
    partitionOf: (key) => partitionOf(key, newest()?.partitionBits ?? settings.partitionBits),
    ownerSets: index.sets,
    owners: index.owners,
    wideOwners: index.wide,
    get newest() {
      return newestVersion();
    },
    get oldest() {
      return keeper.history.live[0]?.version ?? 0;
    },
    get life() {
      return keeper.life;
    },
    get isVoter() {
      return keeper.votesFrom <= newestVersion() + 1;
    },
    get isMember() {
      const current = newest();
      return current !== undefined && isMember(current, self);
    },
    checkVersion(from, layoutVersion) {
      if (layoutVersion === newestVersion()) return;
      if (from !== self) spread.differs(from, layoutVersion);
      if (layoutVersion < newestVersion())
        throw new ShoalError(
          'STALE_LAYOUT',
          `Cannot serve layout ${layoutVersion}: the newest is ${newestVersion()}, take the owners anew`,
          { details: { newest: newestVersion() } },
        );
    },
    addSyncer: (syncer) => void syncers.push(syncer),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: beats.start,
    stop() {
      beats.stop();
      for (const stop of unwatch) stop();
      settle.stop();
      plan.stop();
      recall.stop();
    },
    ...ringOperator({
      ...{ self, log, store, index, wishes, moving, newest, planNext: plan.planNext },
      clock: runtime.clock,
      history: () => keeper.history,
      impose: takeOver,
    }),
  };
};
