/**
 * What the ring does by itself: anything that may be due is begun, at each change and at every beat. It beats quickly
 * while something is on its way, and slowly while all is as it should be: hosts that wait for their time to join or to
 * be given up, versions that settle and votes that are missing make the difference.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { isMember } from './layout.ts';
import { retireOld, waitedFor } from './layout-history.ts';
import type { layoutKeeper } from './layout-keeper.ts';
import type { layoutSpread } from './layout-spread.ts';
import { newsPeriodMs, newsQuietPeriodMs, quietTickMs } from './limits.ts';
import type { moving } from './moving.ts';
import type { planner } from './planner.ts';
import type { rebirth } from './rebirth.ts';
import type { settling } from './settling.ts';

export interface PulseWorld {
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>;
  readonly log: Log;
  readonly self: HostId;
  readonly keeper: Pick<
    ReturnType<typeof layoutKeeper>,
    'history' | 'isLost' | 'votesFrom' | 'reach' | 'retire'
  >;
  readonly spread: Pick<ReturnType<typeof layoutSpread>, 'publish' | 'compare' | 'bootstrap'>;
  readonly settle: Pick<ReturnType<typeof settling>, 'look' | 'isRunning'>;
  readonly moving: Pick<ReturnType<typeof moving>, 'look'>;
  readonly recall: Pick<ReturnType<typeof rebirth>, 'look'>;
  readonly plan: Pick<ReturnType<typeof planner>, 'look'>;
  newest(): Layout | undefined;
  isPaused(): boolean;
  /** Is anybody there to hear news? */
  isHeard(): boolean;
  /** Without any layout: makes the first, where that is this host's business. */
  found(): Promise<void>;
  report(what: string): (error: unknown) => void;
}

export const pulse = (world: PulseWorld, settings: { readonly tickMs: number }) => {
  const { keeper, spread, settle, newest, report } = world;
  const { clock, timers } = world.runtime;
  let isStarted = false;
  let isPlanned = false;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let cancel = (): void => {};
  let nextMs = Number.POSITIVE_INFINITY;

  const isQuiet = (): boolean => {
    const version = newest()?.version;
    if (version === undefined || keeper.isLost || keeper.votesFrom > version + 1) return false;
    return keeper.history.live.length === 1 && !settle.isRunning && !isPlanned;
  };

  const arm = (): void => {
    const atMs = clock.monotonicMs() + (isQuiet() ? Math.max(quietTickMs, settings.tickMs) : settings.tickMs);
    if (!isStarted || atMs >= nextMs) return;
    cancel();
    nextMs = atMs;
    cancel = timers.after(atMs - clock.monotonicMs(), () => void beat());
  };

  /** Each step is a no-op when it is not due. */
  const look = (): void => {
    const current = newest();
    if (!isStarted || !current) return;
    const { history } = keeper;
    settle.look(history, world.isPaused());
    world.moving.look(settle.isRunning);
    const isIn = isMember(current, world.self);
    const hasSaid = (history.progress.syncAck[world.self] ?? 0) >= current.version;
    if (isIn && !hasSaid && waitedFor(history, 'sync').length === 0)
      void keeper
        .reach('syncAck', current.version)
        .then(() => {
          spread.publish();
          look();
        })
        .catch(report('layout progress not stored'));
    if (retireOld(history) !== history) keeper.retire().then(look).catch(report('layout not retired'));
    world.recall.look();
    isPlanned = world.plan.look(current);
    arm();
  };

  const beat = async (): Promise<void> => {
    nextMs = Number.NEGATIVE_INFINITY;
    const now = clock.monotonicMs();
    const periodMs = keeper.history.live.length === 1 ? newsQuietPeriodMs : newsPeriodMs;
    try {
      if (!newest()) await world.found();
      if (keeper.isLost) await spread.bootstrap();
      // With nobody to hear it this would only put off the moment when somebody is.
      else if (now - toldAtMs >= periodMs && world.isHeard()) {
        toldAtMs = now;
        spread.publish();
        await spread.compare();
      }
      look();
    } catch (error) {
      report('ring tick failed')(error);
    }
    nextMs = Number.POSITIVE_INFINITY;
    arm();
  };

  return {
    look,
    start(): void {
      if (isStarted) return;
      isStarted = true;
      void beat();
    },
    stop(): void {
      isStarted = false;
      cancel();
    },
  };
};
