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
import { foundLayout, hostIdsOf, isMember, nextLayout } from './layout.ts';
import { layoutChain } from './layout-chain.ts';
import { newestOf, waitedFor } from './layout-history.ts';
import { type FirstLife, layoutKeeper } from './layout-keeper.ts';
import { type PlanHost, planLayout } from './layout-plan.ts';
import { type LayoutDescription, reportLayout } from './layout-report.ts';
import { layoutSpread } from './layout-spread.ts';
import { layoutStore } from './layout-store.ts';
import { newsPeriodMs, newsQuietPeriodMs } from './limits.ts';
import { ownerIndex } from './owner-index.ts';
import { partitionOf } from './partition.ts';
import type { Ring, Syncer } from './port.ts';
import { presence } from './presence.ts';
import { proposer } from './proposer.ts';
import { defaultSettings, type RingSettings } from './settings.ts';
import { settling } from './settling.ts';

/** What the ring needs of the roster. */
interface RingRoster {
  list(): readonly { readonly hostId: HostId }[];
  has(hostId: HostId): boolean;
  onChange(listener: () => void): () => void;
}

export interface RingWorld {
  readonly runtime: Runtime;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly members: Members;
  readonly roster: RingRoster;
  readonly keyValue: KeyValue;
}

export interface OwnRing extends Ring {
  /** After all syncers were added: settles and proposes from now on. */
  start(): void;
  stop(): void;
  /**
   * Removes a host without the vote of the acceptors, for when too few of them will ever come back. Older owner
   * sets then count without it: what only that host held is given up. Throws NOT_FOUND, CONFLICT.
   */
  force(removeHost: HostId): Promise<void>;
  describe(): LayoutDescription;
  /** This host knows a layout and is a member of the newest one. */
  readonly isMember: boolean;
}

/**
 * `isFounder`: make version 1 when no layout is known and nobody else is on the roster. `life`: see `FirstLife`;
 * without it an empty store counts as a lost one.
 * Throws DAMAGED when the layouts on disk cannot be read.
 */
export const openRing = (
  world: RingWorld,
  options: Partial<RingSettings> & { readonly isFounder?: boolean; readonly life?: FirstLife } = {},
): OwnRing => {
  const { runtime, rpc, gossip, members, roster } = world;
  const { self } = rpc;
  const settings: RingSettings = { ...defaultSettings, ...options };
  const log = runtime.log.with({ part: 'ring' });
  const store = layoutStore(world.keyValue, self);
  const syncers: Syncer[] = [];
  const listeners = new Set<() => void>();
  const index = ownerIndex(self);
  const seen = presence(members, runtime.clock);
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
    isRostered,
    changed(history) {
      index.update(history);
      for (const listener of listeners) listener();
    },
  });
  index.update(keeper.history);
  const newest = () => newestOf(keeper.history);
  const newestVersion = (): number => newest()?.version ?? 0;

  const spread = layoutSpread({
    runtime,
    log,
    rpc,
    gossip,
    store,
    reachable,
    history: () => keeper.history,
    hear(from, tale) {
      const before = newestVersion();
      keeper
        .hear(from, tale)
        .then(() => {
          if (newestVersion() > before) spread.publish();
          look();
        })
        .catch(report('layout not stored'));
    },
  });

  const chain = layoutChain({
    runtime,
    rpc,
    store,
    newest,
    votesFrom: () => keeper.votesFrom,
    differs: spread.differs,
  });

  const agreed = async (layout: Layout): Promise<void> => {
    if (await keeper.learn(layout)) spread.publish(layout);
    look();
  };
  const propose = proposer({ runtime, log, self, isReachable, agree: chain.agree, agreed }, settings);

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

  const planHosts = (current: Layout): PlanHost[] => {
    const ids = new Set([self, ...roster.list().map(({ hostId }) => hostId), ...hostIdsOf(current)]);
    return [...ids].map((hostId) => {
      const card = members.get(hostId)?.card;
      return { hostId, isRostered: isRostered(hostId), ...seen.of(hostId), ...(card && { offer: card }) };
    });
  };

  let isStarted = false;
  /** Anything that may be due is begun; each step is a no-op when it is not. */
  const look = (): void => {
    const current = newest();
    if (!isStarted || !current) return;
    const { history } = keeper;
    settle.look(history);
    const isIn = isMember(current, self);
    const hasSaid = (history.progress.syncAck[self] ?? 0) >= current.version;
    if (isIn && !hasSaid && waitedFor(history, 'sync', isRostered).length === 0)
      void keeper
        .reach('syncAck', current.version)
        .then(() => {
          spread.publish();
          look();
        })
        .catch(report('layout progress not stored'));
    const blockers = waitedFor(history, 'syncAck', isRostered);
    if (history.live.length > 1 && blockers.length === 0)
      keeper.retire().then(look).catch(report('layout not retired'));
    const plan =
      isIn && isRostered(self)
        ? planLayout(
            { newest: current, isSettled: history.live.length === 1, blockers, hosts: planHosts(current) },
            settings,
          )
        : undefined;
    propose.look(current, plan);
  };

  const found = async (): Promise<void> => {
    const card = members.get(self)?.card;
    if (newest() || !options.isFounder || !card || roster.list().some(({ hostId }) => hostId !== self))
      return;
    const { zone, capacityBytes } = card;
    await keeper.found(foundLayout({ hostId: self, zone, capacityBytes }, settings.partitionBits));
    log.info('layout founded', { partitionBits: settings.partitionBits });
  };

  let toldAtMs = -Infinity;
  let cancel = (): void => {};
  const tick = async (): Promise<void> => {
    const now = runtime.clock.monotonicMs();
    const isQuiet = keeper.history.live.length === 1;
    try {
      if (!newest()) await found();
      if (!newest()) await spread.bootstrap();
      else if (now - toldAtMs >= (isQuiet ? newsQuietPeriodMs : newsPeriodMs)) {
        toldAtMs = now;
        spread.publish();
        await spread.compare();
      }
      look();
    } catch (error) {
      report('ring tick failed')(error);
    }
    if (isStarted) cancel = runtime.timers.after(settings.tickMs, () => void tick());
  };
  const unwatch = [members.onChange(() => look()), roster.onChange(() => look())];

  return {
    self,
    get partitionCount() {
      return 2 ** (newest()?.partitionBits ?? settings.partitionBits);
    },
    partitionOf: (key) => partitionOf(key, newest()?.partitionBits ?? settings.partitionBits),
    ownerSets: index.sets,
    owners: index.owners,
    get newest() {
      return newestVersion();
    },
    get oldest() {
      return keeper.history.live[0]?.version ?? 0;
    },
    get isMember() {
      const current = newest();
      return current !== undefined && isMember(current, self);
    },
    checkVersion(from, layoutVersion) {
      if (layoutVersion === newestVersion()) return;
      spread.differs(from, layoutVersion);
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
    start() {
      if (isStarted) return;
      isStarted = true;
      void tick();
    },
    stop() {
      isStarted = false;
      cancel();
      for (const stop of unwatch) stop();
      seen.stop();
      settle.stop();
      propose.stop();
    },
    async force(removeHost) {
      const current = newest();
      const isLive = keeper.history.live.some((layout) => isMember(layout, removeHost));
      if (!current || !isLive)
        throw new ShoalError('NOT_FOUND', `Cannot force "${removeHost}" out: no live layout has it`);
      const rest = current.members.filter((member) => member.hostId !== removeHost);
      if (removeHost === self || !rest.some((member) => member.capacityBytes > 0))
        throw new ShoalError(
          'CONFLICT',
          `Cannot force "${removeHost}" out: no other host here would hold data`,
        );
      const layout = nextLayout(current, rest, `forced out: ${removeHost}`, [removeHost]);
      log.error('layout FORCED by an operator: what only the removed host held is given up', {
        version: layout.version,
        removeHost,
      });
      if (!(await keeper.learn(layout)))
        throw new ShoalError(
          'CONFLICT',
          `Cannot force "${removeHost}" out: another layout came first, look again`,
        );
      spread.publish(layout);
      look();
    },
    describe: () => reportLayout(keeper.history, index),
  };
};
