/**
 * Each owner looks through the sums of its groups for what there is to do about ranges:
 *
 *   more rows than a range should have     their first live owner splits it, in the middle of its own rows
 *   closed, and not gone                   the same goes on with it: whoever began may be dead
 *   gone                                   its rows are dropped here
 *
 * It keeps no list and takes no hints: what is lost with a host is seen by the next that looks.
 */
import type { HostId } from '../../proto/ids.ts';
import { compareBytes } from '../base/bytes.ts';
import type { Members } from '../membership/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Log, Timers } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { fenceOf, isFenceTable } from './fence.ts';
import { type FindPlace, familyOf, groupKey, justAfter, type Place } from './keys.ts';
import type { Leaders } from './leaders.ts';
import { dropRowsMax, groupsLookedMax, rangeRowsMax, splitLookMs } from './limits.ts';
import { stemOf } from './range-map.ts';
import { isWeather } from './ranges.ts';
import { dropRows, type GroupRecord, listGroups, scanGroup } from './row-store.ts';
import type { Splitter, SplitterSettings } from './splitter.ts';

export interface SplitSettings extends SplitterSettings {
  /** A range with more rows splits, where its table says so. Default `rangeRowsMax`. */
  readonly splitRows?: number | undefined;
  readonly lookMs?: number | undefined;
}

interface SplitWatchWorld {
  readonly self: HostId;
  readonly ring: Pick<Ring, 'wideOwners'>;
  readonly members: Pick<Members, 'get'>;
  readonly leaders: Leaders;
  readonly keyValue: KeyValue;
  readonly findPlace: FindPlace;
  readonly families: ReadonlyMap<string, readonly string[]>;
  readonly splitter: Splitter;
  readonly timers: Timers;
  readonly log: Log;
}

const pageRows = 5_000;
const nowhere = new Uint8Array();

export const splitWatch = (world: SplitWatchWorld, settings: SplitSettings = {}) => {
  const { keyValue, findPlace, splitter, timers, log } = world;
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;

  /** What stands in the middle of the rows, as this host has them; undefined where they are all of one stem. */
  const middleOf = async (place: Place, rows: number): Promise<string | undefined> => {
    let from: Uint8Array = nowhere;
    let left = Math.floor(rows / 2);
    let first: string | undefined;
    for (;;) {
      const limit = Math.min(left + 1, pageRows);
      const page = scanGroup(keyValue, place, { from, to: null, reverse: false, limit, values: false });
      first ??= page.rows[0]?.sortKey;
      const last = page.rows.at(-1)?.sortKey;
      if (last === undefined || first === undefined) return undefined;
      left -= page.rows.length;
      if (left < 0 || page.complete) {
        const at = stemOf(last);
        return compareBytes(Buffer.from(stemOf(first)), Buffer.from(at)) < 0 ? at : undefined;
      }
      from = justAfter(Buffer.from(last));
      await timers.sleep(0, signal);
    }
  };

  /** Heirs may have any owners, and one of another version might not know what they are. */
  const isOneVersion = (): boolean => {
    const versionOf = (host: HostId): string | undefined => world.members.get(host)?.card?.version;
    const own = versionOf(world.self);
    return world.ring
      .wideOwners(0, Number.POSITIVE_INFINITY)
      .every(({ owners }) => owners.every((host) => versionOf(host) === own));
  };

  const drop = async (family: string, rangeKey: string): Promise<void> => {
    for (const table of world.families.get(family) ?? []) {
      const place = findPlace(table, rangeKey);
      if (!keyValue.get(groupKey(place.partition, place.group))) continue;
      while ((await keyValue.transact((writer) => dropRows(writer, place, dropRowsMax))) === dropRowsMax)
        await timers.sleep(1, signal);
    }
  };

  const look = async ({ table, partitionKey, rows }: GroupRecord): Promise<void> => {
    const family = familyOf(table);
    const place = findPlace(table, partitionKey);
    const fence = fenceOf(keyValue, findPlace, place);
    if (isFenceTable(table) && fence === 'gone') return drop(family, partitionKey);
    const isOurs = world.leaders.of(place) === world.self;
    if (!isOurs || fence === 'gone') return;
    if (isFenceTable(table) && fence === 'closed') return splitter.finish(family, partitionKey, signal);
    if (isFenceTable(table) || rows <= (settings.splitRows ?? rangeRowsMax) || fence === 'closed') return;
    if (!isOneVersion()) return;
    const at = await middleOf(place, rows);
    if (at === undefined) return;
    await splitter.split(family, partitionKey, at, signal);
  };

  const lookThrough = async (): Promise<void> => {
    for (let from: Uint8Array | undefined; ; ) {
      const groups = world.families.size > 0 ? listGroups(keyValue, from) : [];
      for (const { record } of groups) {
        if (!world.families.has(familyOf(record.table))) continue;
        await look(record).catch((thrown: unknown) => {
          if (signal.aborted) return;
          if (isWeather(thrown)) log.debug('a range is split later', { error: thrown });
          else log.error('cannot split a range', { error: thrown });
        });
      }
      await timers.sleep(settings.lookMs ?? splitLookMs, signal);
      const last = groups.at(-1);
      from = groups.length < groupsLookedMax || !last ? undefined : justAfter(last.key);
    }
  };

  return {
    start(): void {
      running = lookThrough().catch((thrown: unknown) => {
        if (!signal.aborted) log.error('no range is split any more', { error: thrown });
      });
    },
    async stop(): Promise<void> {
      stopping.abort();
      await running;
    },
  };
};
