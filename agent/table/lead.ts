/**
 * Where a change of a register is run: by the first live owner, so that the callers of all hosts meet in one queue
 * instead of outbidding each other's ballots. Only a habit: where that owner does not answer the next is asked, and at last
 * this host runs the change itself.
 *
 * Several may then run it. It is the same change everywhere, with its own id in the register's lineage, so it is made once,
 * and whoever comes last can tell whether it was, also where others have changed the register since.
 *
 * How long is too long? A machine under load answers everything late, so time alone makes hosts outbid each other just
 * when they have none to spare. Half way through its patience a coordinator asks the running host for a plain read: one that
 * answers it is there and works through its queue.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Lineage } from '../register/lineage.ts';
import type { Timers } from '../runtime/ports.ts';
import type { Leaders } from './leaders.ts';
import { runnersAskedMax, takeoverMs, takeoverMsMax } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Outcome, RowRegisters, Run } from './row-registers.ts';
import { type ViewRing, withView } from './view.ts';

export interface LeadWorld {
  readonly self: HostId;
  readonly ring: ViewRing;
  readonly leaders: Leaders;
  readonly outbox: Outbox;
  readonly registers: Pick<RowRegisters, 'run'>;
  readonly timers: Pick<Timers, 'after'>;
}

type Wish = Omit<Run, 'for'>;

/** `base`: the lineage of what the change is built upon. Throws QUORUM_MISSED, CONTENDED, BUSY. */
export type Lead = (wish: Wish, base: Lineage) => Promise<Outcome>;

export const openLead = (world: LeadWorld): Lead => {
  const { outbox, timers } = world;

  /** What it said, or undefined when it takes too long. */
  const wait = async (runner: HostId, layout: number, wish: Wish): Promise<Settled<Outcome> | undefined> => {
    const { place, sortKey, set, isLoser } = wish;
    const row = { table: place.table, partitionKey: place.partitionKey, sortKey };
    const answer = settled(outbox.ask<'change'>(runner, layout, { do: 'change', ...row, set, isLoser }));
    const read = { do: 'register', ...row, request: { kind: 'read' } } as const;
    for (let waitedMs = 0; waitedMs < takeoverMsMax; waitedMs += takeoverMs) {
      let isThere = false;
      const cancel = timers.after(takeoverMs / 2, () => {
        void settled(outbox.ask<'register'>(runner, layout, read)).then((said) => {
          isThere = 'outcome' in said || !hasCode(said.thrown, 'TIMEOUT', 'UNREACHABLE');
        });
      });
      const said = await firstOf(timers, answer, takeoverMs).finally(cancel);
      if (said || !isThere) return said;
    }
    return undefined;
  };

  /** The same, with the newest layout. Throws STALE_LAYOUT. */
  const ask = (runner: HostId, wish: Wish): Promise<Settled<Outcome> | undefined> =>
    withView(world, wish.place, async ({ layout }) => {
      const said = await wait(runner, layout, wish);
      if (said && 'thrown' in said && hasCode(said.thrown, 'STALE_LAYOUT')) throw said.thrown;
      return said;
    });

  return async (wish, base) => {
    let { set } = wish;
    /** What was surely not changed in the last run may have been in an earlier one. */
    const told = (thrown: unknown): unknown =>
      set?.base && isSurelyUnset(thrown)
        ? new ShoalError(
            'QUORUM_MISSED',
            `Cannot tell whether row ${JSON.stringify(wish.sortKey)} of table "${wish.place.table}" was changed: ` +
              'the host that ran the change did not answer, and no other could look',
            { cause: thrown },
          )
        : thrown;
    try {
      for (let asked = 0; asked < runnersAskedMax; asked++) {
        const runner = world.leaders.of(wish.place);
        if (!runner || runner === world.self) break;
        const said = await ask(runner, { ...wish, set });
        if (said && 'outcome' in said) return said.outcome;
        if (said && isSurelyUnset(said.thrown)) throw said.thrown;
        world.leaders.avoid(runner);
        set = set && { ...set, base };
      }
      return await world.registers.run({ ...wish, set, for: world.self });
    } catch (thrown) {
      throw told(thrown);
    }
  };
};

const isSurelyUnset = (thrown: unknown): boolean => hasCode(thrown, 'CONTENDED', 'STALE_LAYOUT', 'TOO_LARGE');

type Settled<T> = { readonly outcome: T } | { readonly thrown: unknown };
const settled = <T>(work: Promise<T>): Promise<Settled<T>> =>
  work.then(
    (outcome) => ({ outcome }),
    (thrown) => ({ thrown }),
  );
/** What the work gave, or undefined when it took longer. */
const firstOf = <T>(timers: LeadWorld['timers'], work: Promise<T>, delayMs: number) =>
  new Promise<T | undefined>((resolve) => {
    const cancel = timers.after(delayMs, () => resolve(undefined));
    void work.then(resolve).finally(cancel);
  });
