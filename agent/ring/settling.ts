/**
 * Brings this host's share of a new version home: waits until the old owners are fenced, then lets all syncers
 * copy. One version at a time; a newer one ends the copying for the older.
 */
import { asShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { hostIdsOf, isMember } from './layout.ts';
import { forcedOut, type History, newestOf } from './layout-history.ts';
import { retryBaseMs, retryCapMs } from './limits.ts';
import { type OwnerIndex, quorumOf } from './owner-index.ts';
import type { Syncer } from './port.ts';

export interface SettlingWorld {
  readonly runtime: Pick<Runtime, 'timers' | 'chance'>;
  readonly log: Log;
  readonly self: HostId;
  readonly index: OwnerIndex;
  readonly syncers: readonly Syncer[];
  isReachable(host: HostId): boolean;
  /** All syncers hold everything of this version. */
  synced(version: number): Promise<void>;
}

/**
 * May copying for the newest version begin? All live members of older versions must know of it, and so must a
 * quorum of every old owner set that this host takes over from: from then on no writer who does not know of the
 * new version can get a quorum there.
 */
export const mayCopy = (
  history: History,
  index: OwnerIndex,
  self: HostId,
  isReachable: (host: HostId) => boolean,
): boolean => {
  const newest = newestOf(history);
  if (!newest) return false;
  const hasAcked = (host: HostId): boolean => (history.progress.ack[host] ?? 0) >= newest.version;
  const mine = index.assignment(newest.version);
  return history.live.slice(0, -1).every((old) => {
    const gone = forcedOut(history, old.version);
    const others = hostIdsOf(old).filter((host) => !gone.includes(host));
    if (others.every(hasAcked)) return true;
    if (others.some((host) => isReachable(host) && !hasAcked(host))) return false;
    const before = index.assignment(old.version);
    if (!mine || !before) return false;
    const acked = before.hosts.map((host) => !gone.includes(host) && hasAcked(host));
    const left = before.hosts.map((host) => !gone.includes(host));
    const place = mine.hosts.indexOf(self);
    for (let partition = 0; partition < mine.partitions; partition++) {
      const own = mine.owners.subarray(partition * mine.replicas, (partition + 1) * mine.replicas);
      if (!own.includes(place)) continue;
      const owners = before.owners.subarray(partition * before.replicas, (partition + 1) * before.replicas);
      const counted = owners.filter((owner) => left[owner]).length;
      if (counted > 0 && owners.filter((owner) => acked[owner]).length < quorumOf(counted)) return false;
    }
    return true;
  });
};

export const settling = (world: SettlingWorld, settings: { readonly copyDelayMs: number }) => {
  const { runtime, log, self } = world;
  let running: { readonly version: number; readonly stop: AbortController } | undefined;

  const copy = async (version: number, isAlone: boolean, signal: AbortSignal): Promise<void> => {
    if (!isAlone) await runtime.timers.sleep(settings.copyDelayMs, signal);
    for (let attempt = 0; ; attempt++)
      try {
        await Promise.all(world.syncers.map((syncer) => syncer.sync(version, signal)));
        signal.throwIfAborted();
        await world.synced(version);
        log.info('layout synced', { version });
        return;
      } catch (error) {
        signal.throwIfAborted();
        log.warn('layout sync failed, trying again', { version, error: asShoalError(error).message });
        const random = (): number => runtime.chance.random();
        await runtime.timers.sleep(
          backoffMs(attempt, { baseMs: retryBaseMs, capMs: retryCapMs, random }),
          signal,
        );
      }
  };

  return {
    /** `isPaused`: copying ends; what has been copied stays, so it goes on from there. */
    look(history: History, isPaused: boolean): void {
      const newest = newestOf(history);
      if (!newest) return;
      const { version } = newest;
      if (running && (running.version !== version || isPaused)) {
        running.stop.abort();
        running = undefined;
      }
      if (isPaused) return;
      const isDue = isMember(newest, self) && (history.progress.sync[self] ?? 0) < version;
      if (running || !isDue || !mayCopy(history, world.index, self, world.isReachable)) return;
      const run = { version, stop: new AbortController() };
      running = run;
      copy(version, history.live.length === 1, run.stop.signal)
        .catch((error) => {
          if (!run.stop.signal.aborted)
            log.error('layout sync ended', { version, error: asShoalError(error).message });
        })
        .finally(() => {
          if (running === run) running = undefined;
        });
    },
    get isRunning() {
      return running !== undefined;
    },
    stop: (): void => running?.stop.abort(),
  };
};
