/**
 * Registers: compare-and-set per row by CASPaxos. A change is decided here, where `next` lives, and run by the
 * first live owner, so that the callers of all hosts meet in one queue instead of outbidding each other's ballots:
 *
 *   change ── read (one round trip, no write) ── next(current) ── first live owner: set if still `current` ──┐
 *      ^                                                                                                    |
 *      └──────────────────── stale: here is what stands now ────────────────────────────────────────────────┘
 *
 * The first live owner is a habit, not a role: any host may run the same change at any time, and does when that
 * owner does not answer. A change whose answer was lost is run again with the very same value, which carries the
 * change's own id (`wrapValue`): it is then found done, or done now, or, where others changed the row since, the
 * caller hears that nobody can tell (QUORUM_MISSED).
 */
import { codec } from '../../proto/codec.ts';
import { hasCode, ShoalError } from '../../proto/error.ts';
import { backoffMs } from '../base/backoff.ts';
import { keyedSerial } from '../base/serial.ts';
import type { Chance } from '../runtime/ports.ts';
import { digest, encodeSortKey, type Place } from './keys.ts';
import type { Leaders } from './leaders.ts';
import {
  changeBackoffBaseMs,
  changeBackoffCapMs,
  changeRoundsMax,
  rowBytesMax,
  rowWaitersMax,
  takeoverMs,
} from './limits.ts';
import { readPage } from './pages.ts';
import type { RegisterSchema, Registers } from './port.ts';
import { changeIdBytes, unwrapValue, wrapValue } from './row.ts';
import type { RowRegisters } from './row-registers.ts';
import type { Coordinator } from './rows.ts';
import { withView } from './view.ts';

export interface RegisterCoordinator extends Coordinator {
  readonly leaders: Leaders;
  readonly chance: Chance;
  readonly registers: RowRegisters;
}

export const openRegisters = <Row>(world: RegisterCoordinator, schema: RegisterSchema): Registers<Row> => {
  const rows = codec<Row>(schema.name);
  const turns = keyedSerial(`a register of table "${schema.name}"`, rowWaitersMax);

  const decode = (value: Uint8Array | null): Row | undefined => {
    const bytes = unwrapValue(value);
    return bytes && rows.decode(bytes);
  };

  /** Sets `value` if the present one still is `seen`. `stale`: it is not, and `value` was surely not set. */
  const compareAndSet = async (place: Place, sortKey: string, seen: Uint8Array | null, value: Uint8Array) => {
    const expected = seen && digest(seen);
    const here = () => world.registers.compareAndSet({ place, sortKey, expected, value });
    const leader = world.leaders.of(place);
    if (!leader || leader === world.self) return here();
    const { table, partitionKey } = place;
    const there = world.outbox.ask<'change'>(leader, world.ring.newest, {
      ...{ do: 'change', table, partitionKey, sortKey, expected, value },
    });
    const first = await firstOf(world, settled(there), takeoverMs);
    if (first && 'outcome' in first) return first.outcome;
    if (first && isSurelyUnset(first)) throw first.thrown;
    world.leaders.avoid(leader);
    // No answer: run it here as well. The value is the same and knows its own, so it can be set only once.
    const own = await settled(here());
    if ('outcome' in own && own.outcome.kind === 'done') return own.outcome;
    const last = await settled(there);
    // That it was not set is known only where neither run can have set it: one of them may have done it before others.
    const isKnown = isDone(last) || (isSurelyUnset(own) && isSurelyUnset(last));
    if (isKnown && 'outcome' in last) return last.outcome;
    if (isKnown && 'outcome' in own) return own.outcome;
    if (isKnown && 'thrown' in own) throw own.thrown;
    throw new ShoalError(
      'QUORUM_MISSED',
      `Cannot tell whether row ${JSON.stringify(sortKey)} of table "${table}" was changed: ` +
        'the host that ran the change did not answer, and others changed it since',
      { cause: [last, own].flatMap((run) => ('thrown' in run ? [run.thrown] : []))[0] },
    );
  };

  const change = async (
    place: Place,
    sortKey: string,
    next: (current: Row | undefined) => Row | undefined,
  ): Promise<Row | undefined> => {
    let seen = await world.registers.read(place, sortKey);
    for (let round = 0; round < changeRoundsMax; round++) {
      const current = decode(seen);
      const wanted = next(current);
      if (wanted === current) return current;
      const bytes = wanted === undefined ? null : rows.encode(wanted);
      if (bytes && bytes.length > rowBytesMax)
        throw new ShoalError(
          'TOO_LARGE',
          `Cannot write row ${JSON.stringify(sortKey)} of table "${place.table}": ` +
            `${bytes.length} bytes, at most ${rowBytesMax}`,
        );
      const value = wrapValue(world.chance.bytes(changeIdBytes), bytes);
      const outcome = await withView(world, place, () => compareAndSet(place, sortKey, seen, value));
      if (outcome.kind === 'done') return wanted;
      seen = outcome.value;
      const waitMs = backoffMs(round, {
        ...{ baseMs: changeBackoffBaseMs, capMs: changeBackoffCapMs },
        random: () => world.chance.random(),
      });
      if (round > 0) await world.timers.sleep(waitMs);
    }
    throw new ShoalError(
      'CONTENDED',
      `Cannot change row ${JSON.stringify(sortKey)} of table "${place.table}": ` +
        `${changeRoundsMax} rounds were lost to others, try again later`,
    );
  };

  return {
    async get(partitionKey, sortKey) {
      encodeSortKey(sortKey);
      const place = world.findPlace(schema.name, partitionKey);
      return decode(await world.registers.read(place, sortKey));
    },
    async change(partitionKey, sortKey, next) {
      encodeSortKey(sortKey);
      const place = world.findPlace(schema.name, partitionKey);
      return turns.run(`${partitionKey}\0${sortKey}`, () => change(place, sortKey, next));
    },
    async range(partitionKey, range) {
      const place = world.findPlace(schema.name, partitionKey);
      const page = await withView(world, place, (view) =>
        readPage(world, {
          ...{ place, view, range },
          bytesOf: (state) =>
            state.kind === 'register' ? unwrapValue(state.accepted?.value ?? null) : undefined,
          settle: async (sortKey) => unwrapValue(await world.registers.read(place, sortKey)),
        }),
      );
      return {
        more: page.more,
        entries: page.entries.map(({ sortKey, row }) => ({ sortKey, row: rows.decode(row) })),
      };
    },
  };
};

type Settled<T> = { readonly outcome: T } | { readonly thrown: unknown };
const settled = <T>(work: Promise<T>): Promise<Settled<T>> =>
  work.then(
    (outcome) => ({ outcome }),
    (thrown) => ({ thrown }),
  );
const isDone = (run: Settled<{ readonly kind: 'done' | 'stale' }>): boolean =>
  'outcome' in run && run.outcome.kind === 'done';
/** Another value stands, or the run ended before it sent any. */
const isSurelyUnset = (run: Settled<{ readonly kind: 'done' | 'stale' }>): boolean =>
  'outcome' in run
    ? run.outcome.kind === 'stale'
    : hasCode(run.thrown, 'CONTENDED', 'STALE_LAYOUT', 'TOO_LARGE');
/** What the work gave, or undefined when it took longer. */
const firstOf = <T>(world: Pick<Coordinator, 'timers'>, work: Promise<T>, delayMs: number) =>
  new Promise<T | undefined>((resolve) => {
    const cancel = world.timers.after(delayMs, () => resolve(undefined));
    void work.then(resolve).finally(cancel);
  });
