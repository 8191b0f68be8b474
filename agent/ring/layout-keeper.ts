/**
 * The one writer of this host's layout history: every change is on disk before it is seen or told, one after
 * another, and what contradicts the chain is refused loudly.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Layout, LayoutTale, Progress } from '../../proto/message/layout.ts';
import { serial } from '../base/serial.ts';
import type { Log } from '../runtime/ports.ts';
import { digestOf, faultOf } from './layout.ts';
import {
  completeVersion,
  type History,
  learnLayout,
  mergeProgress,
  newestOf,
  retireOld,
} from './layout-history.ts';
import { type LayoutStore, votesUnknown } from './layout-store.ts';
import { changesWaitingMax } from './limits.ts';

/**
 * Has this host been in the cluster before? An empty store alone cannot tell a newcomer, who has promised nothing,
 * from a host that lost its disk and with it its promises. Kept outside the store, where its loss does not reach.
 */
export interface FirstLife {
  readonly isFirst: boolean;
  /** The layout is on disk, a vote may follow: on disk when it resolves. */
  ended(): Promise<void>;
}

export interface KeeperWorld {
  readonly self: HostId;
  readonly log: Log;
  readonly store: LayoutStore;
  readonly life: FirstLife;
  /** May it take the place after `previous`, whoever tells of it? */
  isProven(previous: Layout, layout: Layout): boolean;
  /** Will it tell by itself how far it is? */
  isReachable(host: HostId): boolean;
  /** The live versions, or which of them may be read alone, are others now. */
  changed(history: History): void;
}

type Chain = Pick<LayoutTale, 'layouts' | 'oldest'>;

export const layoutKeeper = (world: KeeperWorld) => {
  const { self, log, store } = world;
  const changes = serial('layout', changesWaitingMax);
  let { history, memory } = store.load();
  /** Others stand where no link of the chain leads to from here. */
  let isLost = false;

  const change = (work: (now: History) => History, remembers = () => memory): Promise<void> =>
    changes.run(async () => {
      const before = history;
      const next = work(before);
      const nextMemory = remembers();
      if (next === before && nextMemory === memory) return;
      const stages = ['sync', 'syncAck'] as const;
      const isOwn = stages.some((stage) => next.progress[stage][self] !== before.progress[stage][self]);
      if (next.live !== before.live || isOwn || nextMemory !== memory) await store.save(next, nextMemory);
      if (before.live.length === 0 && next.live.length > 0) await world.life.ended();
      history = next;
      const isReborn = memory.life !== nextMemory.life;
      memory = nextMemory;
      if (
        isReborn ||
        next.live !== before.live ||
        completeVersion(next, self) !== completeVersion(before, self)
      )
        world.changed(next);
    });

  /**
   * How far a host is, it says itself: what others tell counts only of hosts that cannot be asked. Of this host only
   * its disk knows what it holds.
   */
  const believed = (from: HostId, { ack, sync, syncAck }: Progress): Progress => {
    const only = (numbers: Progress['ack']): Progress['ack'] =>
      Object.fromEntries(
        Object.entries(numbers).filter(
          ([host]) => host !== self && (host === from || !world.isReachable(host as HostId)),
        ),
      );
    return { ack: only(ack), sync: only(sync), syncAck: only(syncAck) };
  };
  const reach = (now: History, stage: keyof Progress, version: number): History => {
    const none: Progress = { ack: {}, sync: {}, syncAck: {} };
    return mergeProgress(now, { ...none, [stage]: { [self]: version } });
  };
  const acked = (now: History): History => reach(now, 'ack', newestOf(now)?.version ?? 0);

  /** All that is live for another host, where this one knows nothing or has lost the thread. */
  const adopt = (now: History, { layouts, oldest }: Chain, from: HostId): History => {
    const live = layouts.filter((layout) => layout.version >= oldest);
    const fault = live.slice(1).flatMap((layout, at) => faultOf(live[at] as Layout, layout) ?? [])[0];
    if (live.length === 0 || oldest === 0 || live[0]?.version !== oldest || fault) {
      if (fault) log.error('layouts refused', { from, fault });
      return now;
    }
    // For a newcomer this is the way in; for others it means that they were away for longer than the chain is kept.
    const level = now.live.length === 0 ? 'info' : 'warn';
    log[level]('layouts adopted', { from, oldest, newest: live.at(-1)?.version });
    return acked({ ...now, live });
  };

  const learnAll = (before: History, tale: Chain, from: HostId, isTrusted = false): History => {
    let now = before;
    if (isTrusted) isLost = false;
    for (const layout of tale.layouts) {
      const learned = learnLayout(now, layout);
      const newest = newestOf(now);
      // What an operator forces at this host needs no proof here; the others look at it.
      if (learned.kind === 'new' && newest && from !== self && !world.isProven(newest, layout)) {
        log.error('layout refused: no majority has voted for it', { version: layout.version, from });
        return now;
      }
      if (learned.kind === 'new') {
        now = acked(learned.history);
        log.info('layout learned', { version: layout.version, reason: layout.reason, from });
      } else if (learned.kind === 'gap') {
        if (!isTrusted) isLost = true;
        return isTrusted ? adopt(now, tale, from) : now;
      } else if (learned.kind === 'fork') {
        log.error('layout fork refused', { version: layout.version, from, fault: learned.fault });
        return now;
      }
    }
    return now;
  };

  return {
    get history() {
      return history;
    },
    get votesFrom() {
      return memory.votesFrom;
    },
    /** As `Ring.life`. */
    get life() {
      const isUnknown = history.live.length === 0 ? !world.life.isFirst : memory.votesFrom === votesUnknown;
      return isUnknown ? undefined : memory.life;
    },
    /** It knows no layout, or none that is still followed: only what most others tell alike can help. */
    get isLost() {
      return isLost || history.live.length === 0;
    },

    /**
     * What another host told. `isTrusted`: most others tell the same, so it may stand for what is missing here.
     * Resolves when what was new is on disk.
     */
    async hear(from: HostId, tale: Chain & Pick<LayoutTale, 'progress'>, isTrusted = false): Promise<void> {
      let isStranger = false;
      await change(
        (now) => {
          const next = mergeProgress(learnAll(now, tale, from, isTrusted), believed(from, tale.progress));
          // It came back without its disk: it may not vote until others have told it what it can have promised.
          isStranger = !world.life.isFirst && now.live.length === 0 && next.live.length > 0;
          return next;
        },
        () => (isStranger ? { ...memory, votesFrom: votesUnknown } : memory),
      );
    },

    /** Nothing that this host voted on this version or a later one can matter any more: it may vote on them. */
    recalled: (version: number, life: number): Promise<void> =>
      change(
        (now) => now,
        () => (version < memory.votesFrom ? { votesFrom: version, life } : memory),
      ),

    /** The first version of all. A no-op where there is one. */
    found: (layout: Layout): Promise<void> =>
      change((now) =>
        now.live.length > 0 ? now : reach(acked({ ...now, live: [layout] }), 'sync', layout.version),
      ),

    /** A version that was agreed, or forced. False when this host meanwhile stands elsewhere. */
    async learn(layout: Layout): Promise<boolean> {
      await change((now) => learnAll(now, { oldest: 0, layouts: [layout] }, self));
      const held = history.live.find(({ version }) => version === layout.version);
      return held !== undefined && digestOf(held) === digestOf(layout);
    },
    reach: (stage: 'sync' | 'syncAck', version: number): Promise<void> =>
      change((now) => (newestOf(now)?.version === version ? reach(now, stage, version) : now)),
    retire: (): Promise<void> => change((now) => retireOld(now)),
  };
};
