/**
 * Where the rows of a partition key are: in one place, until its range was split. A host goes by the map that it met last,
 * or by none. That is enough: what a map says is true until an owner says RANGE_MOVED, and then the register tells
 * what became of that range. A range that is being closed is waited for, and after a while split from here.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { backoffMs } from '../base/backoff.ts';
import { coalesce } from '../base/coalesce.ts';
import type { Chance } from '../runtime/ports.ts';
import { familyOf, type Place } from './keys.ts';
import {
  mapsKeptMax,
  movedHelpMs,
  movedPatienceMs,
  movedPollMs,
  movedPollMsMax,
  movesMax,
} from './limits.ts';
import type { Registers } from './port.ts';
import {
  type Found,
  type RangeFinder,
  type RangeMap,
  rangeFinder,
  type Span,
  type Where,
} from './range-map.ts';
import type { Coordinator } from './read-row.ts';

/** Takes the calls of one table to the places of its rows. */
export interface Router {
  /** `work` is done in the range that holds the key; again in its heirs where that range is no more. */
  at<T>(partitionKey: string, where: Where, work: (place: Place, span: Span) => Promise<T>): Promise<T>;
  /** The ranges as they are believed to be: each stands, or heirs that make it up. */
  spans(partitionKey: string): readonly Span[];
}

const everything: Span = { from: new Uint8Array(), to: null };

/** Of a table that never splits. */
export const fixedRouter = ({ findPlace }: Pick<Coordinator, 'findPlace'>, table: string): Router => ({
  at: (partitionKey, _where, work) => work(findPlace(table, partitionKey), everything),
  spans: () => [everything],
});

/** It may go better the next time, for somebody else or when there is room. */
export const isWeather = (thrown: unknown): boolean =>
  thrown instanceof ShoalError && (thrown.retryable || thrown.code === 'DISK_FULL');

export const mapKey = (table: string, partitionKey: string): string => `${familyOf(table)}\0${partitionKey}`;

export const openRanges = (
  world: Pick<Coordinator, 'findPlace' | 'clock' | 'timers'> & {
    readonly chance: Chance;
    readonly maps: Registers<RangeMap>;
  },
  /** Carries on with the split of a range that is closing. */
  help: (table: string, rangeKey: string) => Promise<void>,
) => {
  const { clock, timers, chance, maps } = world;
  const known = new Map<string, RangeFinder>();

  const learn = coalesce(async (name: string): Promise<RangeFinder | undefined> => {
    const map = await maps.get(name, '');
    if (!map) return undefined;
    const finder = rangeFinder(map);
    known.delete(name);
    if (known.size >= mapsKeptMax) known.delete(known.keys().next().value ?? name);
    known.set(name, finder);
    return finder;
  });
  const helpOnce = coalesce(async (of: string): Promise<void> => {
    const [table = '', ...key] = of.split('\0');
    await help(table, key.join('\0'));
  });

  /** Resolves when the range is in the map no more. Throws BUSY when that takes too long. */
  const pass = async (table: string, partitionKey: string, rangeKey: string): Promise<void> => {
    const startMs = clock.monotonicMs();
    for (let attempt = 0; ; attempt++) {
      const finder = await learn(mapKey(table, partitionKey));
      if (finder && !finder.has(rangeKey)) return;
      const waitedMs = clock.monotonicMs() - startMs;
      if (waitedMs > movedPatienceMs)
        throw new ShoalError(
          'BUSY',
          `Cannot reach a range of table "${table}": it is being split, try again`,
        );
      if (waitedMs > movedHelpMs)
        await helpOnce(`${familyOf(table)}\0${rangeKey}`).catch((thrown: unknown) => {
          if (!isWeather(thrown)) throw thrown;
        });
      const wait = { baseMs: movedPollMs, capMs: movedPollMsMax, random: () => chance.random() };
      await timers.sleep(backoffMs(attempt, wait) + 1);
    }
  };

  /** Every call comes through here, mostly for keys that were never split. */
  const findIn = (table: string, partitionKey: string, where: Where): Found => {
    if (partitionKey.includes('\0'))
      throw new ShoalError('BAD_REQUEST', `Cannot use a partition key with NUL in table "${table}"`);
    return known.get(mapKey(table, partitionKey))?.find(where) ?? { key: partitionKey, ...everything };
  };

  return (table: string): Router => ({
    async at(partitionKey, where, work) {
      for (let moves = 0; ; moves++) {
        const { key, from, to, aboveMs } = findIn(table, partitionKey, where);
        try {
          return await work(
            { ...world.findPlace(table, key), expects: 'open', ...(aboveMs !== undefined && { aboveMs }) },
            { from, to },
          );
        } catch (thrown) {
          if (!hasCode(thrown, 'RANGE_MOVED') || moves === movesMax) throw thrown;
          await pass(table, partitionKey, key);
        }
      }
    },
    spans: (partitionKey) => known.get(mapKey(table, partitionKey))?.all() ?? [everything],
  });
};
