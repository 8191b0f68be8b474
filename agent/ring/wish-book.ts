/**
 * The one writer of this host's wishes. What an operator asks for here is on the disks of a majority of the layout's
 * voters before it is confirmed: whatever is agreed afterwards has met it. They are asked what they hold
 * first, so a host that has not heard of an earlier wish goes above it: of two that were confirmed the later one stands.
 */
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { type Layout, Wishes } from '../../proto/message/layout.ts';
import { ceiling } from '../base/ceiling.ts';
import { serial } from '../base/serial.ts';
import { checker } from '../peer/check.ts';
import type { Rpc } from '../peer/port.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import { acceptorsOf } from './layout.ts';
import type { LayoutStore } from './layout-store.ts';
import { changesWaitingMax, voteTimeoutMs } from './limits.ts';
import { quorumOf } from './owner-index.ts';
import { mergeWishes, nextWish, pruneWishes } from './wishes.ts';

export interface WishBookWorld {
  readonly log: Log;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly rpc: Rpc;
  readonly store: LayoutStore;
  newest(): Layout | undefined;
  isRostered(host: HostId): boolean;
  changed(): void;
  /** To everyone, best effort. */
  publish(wishes: Wishes): void;
}

const checkWishes = checker('wishes', Wishes);

export const wishBook = (world: WishBookWorld) => {
  const { rpc, store, log } = world;
  const changes = serial('wishes', changesWaitingMax);
  let held = store.loadWishes();

  const change = (work: (now: Wishes) => Wishes): Promise<void> =>
    changes.run(async () => {
      const next = pruneWishes(work(held), world.isRostered);
      if (next === held) return;
      await store.saveWishes(next);
      held = next;
      world.changed();
    });
  /** A sequence that nobody could go above was made up: operators raise it by one. */
  const hear = (told: Wishes): Promise<void> => {
    const highest = ceiling(world.clock.wallMs(), 1);
    const good = Object.fromEntries(Object.entries(told).filter(([, { sequence }]) => sequence <= highest));
    return change((now) => mergeWishes(now, good));
  };

  rpc.handle('layout.wish', async (_from, body) => {
    await hear(checkWishes(body));
    return held;
  });

  /** How many voters heard these wishes, this host included; what they hold is known here then. */
  const tell = async (voters: readonly HostId[], wishes: Wishes): Promise<number> => {
    const told = await Promise.all(
      voters.map(async (host) => {
        if (host === rpc.self) return 1;
        try {
          const answer = await rpc.request(host, 'layout.wish', wishes, { timeoutMs: voteTimeoutMs });
          await hear(checkWishes(answer));
          return 1;
        } catch (thrown) {
          log.warn('layout wish not told', { host, error: asShoalError(thrown).message });
          return 0;
        }
      }),
    );
    return told.reduce<number>((sum, one) => sum + one, 0);
  };

  return {
    get held() {
      return held;
    },
    hear,
    /** After a change of the roster. */
    prune: (): Promise<void> => change((now) => now),

    /** Throws BUSY before this host knows a layout; QUORUM_MISSED when it is wished here, and its majority is not reached yet. */
    async wish(name: Parameters<typeof nextWish>[1], value: number, by: string): Promise<void> {
      const newest = world.newest();
      if (!newest)
        throw new ShoalError('BUSY', `Cannot set "${name}" of the layout: no layout is known here yet`);
      const voters = acceptorsOf(newest);
      const asked = await tell(voters, {});
      let wish: Wishes = {};
      // In its turn: of two that are wished here at once the later one goes above the earlier.
      await change((now) => {
        wish = nextWish(now, name, { value, host: rpc.self, atMs: world.clock.wallMs(), by });
        return mergeWishes(now, wish);
      });
      log.info('layout wish', { name, value, by });
      world.publish(wish);
      const reached = Math.min(asked, await tell(voters, wish));
      if (reached >= quorumOf(voters.length)) return;
      throw new ShoalError(
        'QUORUM_MISSED',
        `Cannot be sure of "${name}" = ${value}: ${reached} of ${voters.length} voters know of it, the others will when they are back`,
      );
    },
  };
};

export type WishBook = ReturnType<typeof wishBook>;
