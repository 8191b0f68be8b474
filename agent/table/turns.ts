/**
 * Whose turn it is to change a register on the host that runs its changes: in the order of asking, and a host that was
 * told what stands now keeps the turn for as long as it takes to come back with a change built on that.
 *
 *   A: set on 7 ── done, 8 stands
 *   B: set on 7 ── stale, 8 stands ── held for B ···· B: set on 8 ── done
 *   A: set on 8 ─────────────────────── waits ───────────────────────── stale, 9 stands
 *
 * Without this who sits next to the register (the running host itself) changes it again before the news has reached the
 * others, and they lose for as long as it has callers. How long a host takes to come back is measured, so a slow or
 * loaded one is waited for and a fast one that gave up costs little.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Clock, Timers } from '../runtime/ports.ts';
import { turnHeldMsMax, turnHeldMsMin, turnHeldTimes, turnWaitersMax } from './limits.ts';

export interface Turns {
  /** `keeps`: where its work comes out stale the next turn is kept for this host. Throws BUSY, and what `work` throws. */
  run<T extends { readonly kind: 'done' | 'stale' }>(
    key: string,
    who: { readonly host: HostId; readonly keeps: boolean },
    work: () => Promise<T>,
  ): Promise<T>;
}

interface Waiter {
  readonly host: HostId;
  enter(): void;
}
interface Lane {
  readonly waiters: Waiter[];
  isBusy: boolean;
  held: { readonly host: HostId; readonly cancel: () => void } | undefined;
  /** When each host was told that another value stands; until it comes back. */
  readonly toldMs: Map<HostId, number>;
}

export const heldTurns = ({
  timers,
  clock,
}: {
  readonly timers: Pick<Timers, 'after'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}): Turns => {
  const lanes = new Map<string, Lane>();
  /** How long hosts take to come back. */
  const returnMs = new Map<HostId, number>();

  const heldMs = (host: HostId): number =>
    Math.min(turnHeldMsMax, Math.max(turnHeldMsMin, turnHeldTimes * (returnMs.get(host) ?? 0)));

  const next = (key: string, lane: Lane): void => {
    if (lane.isBusy) return;
    const { held, waiters } = lane;
    const at = held ? waiters.findIndex(({ host }) => host === held.host) : 0;
    const [waiter] = at < 0 ? [] : waiters.splice(at, 1);
    if (waiter) {
      held?.cancel();
      lane.held = undefined;
      lane.isBusy = true;
      waiter.enter();
    } else if (!held) lanes.delete(key);
  };

  const keep = (key: string, lane: Lane, host: HostId): void => {
    const cancel = timers.after(heldMs(host), () => {
      lane.held = undefined;
      next(key, lane);
    });
    lane.held = { host, cancel };
  };

  const noteReturn = (lane: Lane, host: HostId): void => {
    const toldMs = lane.toldMs.get(host);
    if (toldMs === undefined) return;
    lane.toldMs.delete(host);
    const tookMs = clock.monotonicMs() - toldMs;
    // So late it comes for another reason.
    if (tookMs > turnHeldMsMax) return;
    const known = returnMs.get(host) ?? tookMs;
    // Up at once, down slowly: a turn kept too short is lost, one kept too long costs a moment.
    returnMs.set(host, Math.max(tookMs, known * 0.8 + tookMs * 0.2));
  };

  return {
    async run(key, { host, keeps }, work) {
      const lane: Lane = lanes.get(key) ?? {
        ...{ waiters: [], isBusy: false, held: undefined, toldMs: new Map() },
      };
      lanes.set(key, lane);
      noteReturn(lane, host);
      if (lane.waiters.length >= turnWaitersMax)
        throw new ShoalError('BUSY', `Cannot queue for a register: ${turnWaitersMax} wait already`);
      await new Promise<void>((enter) => {
        lane.waiters.push({ host, enter });
        next(key, lane);
      });
      try {
        const done = await work();
        if (done.kind === 'stale') {
          lane.toldMs.set(host, clock.monotonicMs());
          if (keeps) keep(key, lane, host);
        }
        return done;
      } finally {
        lane.isBusy = false;
        next(key, lane);
      }
    },
  };
};
