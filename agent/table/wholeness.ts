/**
 * A host that lost its disk holds back: as an acceptor it has forgotten promises, as an owner rows that it acknowledged.
 * It answers for a partition only when all of them are back (`rebirth.ts`).
 *
 *   marker in the store ─────────────────────────────────────────────────────────┐
 *   first life of the store: nothing was promised ── marker ─────────────────────┤
 *   reborn ── which life? the ring knows when it has recalled its votes ── rebirth ── marker ── whole
 *
 * Until the ring knows, it may have layouts that are older than what this host served before, so it answers for nothing.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { Log, Timers } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { markerKey } from './keys.ts';
import { syncBackoffCapMs } from './limits.ts';
import { setsAtStake } from './rebirth.ts';

export interface Wholeness {
  /** Throws BUSY for a partition that this host must copy first. */
  check(partition: Partition): void;
  /** Once. Resolves when this host is whole, or rejects when the signal aborts. */
  restore(signal: AbortSignal): Promise<void>;
  /** Resolves when `restore` has. Rejects when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
  readonly isWhole: boolean;
}

export const wholeness = (
  world: {
    readonly self: HostId;
    readonly ring: Ring;
    readonly keyValue: KeyValue;
    readonly timers: Pick<Timers, 'sleep'>;
    readonly log: Log;
  },
  rebirth: (life: number, signal: AbortSignal) => Promise<void>,
): Wholeness => {
  const { ring, keyValue, timers, log } = world;
  let whole = keyValue.get(markerKey) !== undefined;
  const done = Promise.withResolvers<void>();

  const lifeKnown = (signal: AbortSignal): Promise<number> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (ring.life === undefined) return;
        cancel();
        signal.removeEventListener('abort', abort);
        resolve(ring.life);
      };
      const cancel = ring.onChange(look);
      const abort = (): void => {
        cancel();
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort);
      look();
    });

  return {
    get isWhole() {
      return whole;
    },
    check(partition) {
      if (whole || ring.life === 0 || (ring.life && setsAtStake(world, partition).length === 0)) return;
      throw new ShoalError(
        'BUSY',
        `Cannot answer for partition ${partition}: this host lost its disk and copies its rows first`,
      );
    },
    async restore(signal) {
      while (!whole)
        try {
          const life = await lifeKnown(signal);
          if (life > 0) await rebirth(life, signal);
          await keyValue.transact((writer) => writer.put(markerKey, Uint8Array.of(1)));
          whole = true;
        } catch (thrown) {
          signal.throwIfAborted();
          log.warn('cannot copy the rows of this host yet', { error: thrown });
          await timers.sleep(syncBackoffCapMs, signal);
        }
      done.resolve();
    },
    wait: (signal) =>
      new Promise((resolve, reject) => {
        const abort = (): void => reject(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        void done.promise.then(() => {
          signal.removeEventListener('abort', abort);
          resolve();
        });
      }),
  };
};
