/**
 * Splits a range. Each step is found again in the map or at the range's fence, and is harmless to do twice or by two at
 * once, so whoever comes goes on from where the range stands:
 *
 *     plan ── hold ── copy ── closing ── fence `closed` ── copy the rest ── heirs born ── heirs in the map ── let go ── fence `gone`
 *                     all calls go on    callers wait ..................................  they go to the heirs
 *
 * docs/design/0016-split.md says why nothing is lost, and why nothing comes back.
 */
import type { Log } from '../runtime/ports.ts';
import { type FenceKey, fenceTableOf } from './fence.ts';
import type { Holds } from './holds.ts';
import { isSubTable, type Place } from './keys.ts';
import { copyPassesMax, copyRowsClosedMax, copyRowsFew } from './limits.ts';
import type { Registers, Rows } from './port.ts';
import { copyRange } from './range-copy.ts';
import { closeRange, handOver, planSplit, type Range, type RangeMap, rootOf, wholeMap } from './range-map.ts';
import { mapKey } from './ranges.ts';
import type { Coordinator } from './read-row.ts';

export interface SplitterWorld extends Coordinator {
  readonly maps: Registers<RangeMap>;
  readonly holds: Holds;
  readonly log: Log;
  /** By family: the table of its fences, and its tables. */
  readonly fences: ReadonlyMap<string, Rows<true>>;
  readonly families: ReadonlyMap<string, readonly string[]>;
}

export interface SplitterSettings {
  /** A range closes where a copying pass found no more new rows than this. Default `copyRowsClosedMax`. */
  readonly closeRowsMax?: number | undefined;
}

export interface Splitter {
  /**
   * Splits a range there, or as it is planned already. One that is written faster than it is copied stays planned: asked again, it
   * goes on. Throws QUORUM_MISSED, RANGE_MOVED, CONTENDED.
   */
  split(family: string, rangeKey: string, at: string, signal: AbortSignal): Promise<void>;
  /** Goes on with one, from where it stands. */
  finish(family: string, rangeKey: string, signal: AbortSignal): Promise<void>;
}

export const splitter = (
  world: SplitterWorld,
  { closeRowsMax = copyRowsClosedMax }: SplitterSettings = {},
): Splitter => {
  const { maps, holds, findPlace } = world;
  const running = new Map<string, Promise<void>>();

  const change = async (
    family: string,
    rangeKey: string,
    next: (map: RangeMap) => RangeMap,
  ): Promise<Range | undefined> => {
    const root = rootOf(rangeKey);
    const map = await maps.change(mapKey(family, root), '', (now) => {
      const old = now ?? wholeMap(root);
      const changed = next(old);
      return changed === old ? now : changed;
    });
    return map?.ranges.find(({ key }) => key === rangeKey);
  };

  /** Rows first: a row that a quorum holds has brought what it brings along, and the sub-tables' pass meets that. */
  const copy = async (
    family: string,
    { key, from, split }: Range,
    expects: 'open' | 'closed',
    signal: AbortSignal,
  ): Promise<number> => {
    if (!split) return 0;
    const [start, middle] = [from, split.at].map((text) => Uint8Array.from(Buffer.from(text)));
    const [tables, heirs] = [[...(world.families.get(family) ?? [])], split.into];
    tables.sort((a, b) => Number(isSubTable(a)) - Number(isSubTable(b)));
    const spans = [
      { from: start ?? new Uint8Array(), to: middle ?? null },
      { from: middle ?? new Uint8Array(), to: null },
    ];
    let copied = 0;
    for (const table of tables)
      for (const [index, span] of spans.entries()) {
        const heir: Place = { ...findPlace(table, heirs[index] ?? ''), expects: 'unborn' };
        copied += await copyRange(
          world,
          { from: { ...findPlace(table, key), expects }, to: heir, span },
          signal,
        );
      }
    return copied;
  };

  const raise = async (family: string, rangeKey: string, fence: FenceKey): Promise<void> => {
    await world.fences.get(family)?.put(rangeKey, fence, true);
  };
  const isRaised = async (family: string, rangeKey: string, fence: FenceKey): Promise<boolean> =>
    (await world.fences.get(family)?.get(rangeKey, fence)) ?? false;

  /** Of a range that is closing, or is in the map no more. */
  const end = async (
    family: string,
    rangeKey: string,
    range: Range | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    if (range) {
      if (!range.split?.isClosing) return;
      const aboveMs = Math.max(range.aboveMs ?? 0, await holds.take(family, rangeKey));
      await raise(family, rangeKey, 'closed');
      const { into } = range.split;
      // Both had all before the first was said to be born; from then on no copy is let in.
      const born = await Promise.all(into.map((heir) => isRaised(family, heir, 'born')));
      if (!born.includes(true)) await copy(family, range, 'closed', signal);
      await Promise.all(into.map((heir) => raise(family, heir, 'born')));
      await change(family, rangeKey, (map) => handOver(map, rangeKey, aboveMs));
      world.log.info('split a range', { family });
    } else if (!(await isRaised(family, rangeKey, 'closed')))
      // An heir that is not in the map yet.
      return;
    await holds.letGo(family, rangeKey);
    await raise(family, rangeKey, 'gone');
  };

  const carryOn = async (
    family: string,
    rangeKey: string,
    range: Range | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    if (!range?.split || range.split.isClosing) return end(family, rangeKey, range, signal);
    await holds.take(family, rangeKey);
    let copied = Number.POSITIVE_INFINITY;
    for (let passes = 0; passes < copyPassesMax && copied > copyRowsFew; passes++)
      copied = await copy(family, range, 'open', signal);
    if (copied > closeRowsMax) return;
    await end(family, rangeKey, await change(family, rangeKey, (map) => closeRange(map, rangeKey)), signal);
  };

  /** One at a time on this host: who comes meanwhile waits for it. */
  const alone = async (family: string, rangeKey: string, work: () => Promise<void>): Promise<void> => {
    const name = mapKey(family, rangeKey);
    const ended = running.get(name) ?? work().finally(() => running.delete(name));
    running.set(name, ended);
    await ended;
  };

  return {
    split: (family, rangeKey, at, signal) =>
      alone(family, rangeKey, async () => {
        const range = await change(family, rangeKey, (map) => planSplit(map, rangeKey, at));
        await carryOn(family, rangeKey, range, signal);
      }),
    finish: (family, rangeKey, signal) =>
      alone(family, rangeKey, async () => {
        const map = await maps.get(mapKey(family, rootOf(rangeKey)), '');
        const range = map?.ranges.find(({ key }) => key === rangeKey);
        await carryOn(family, rangeKey, range, signal);
      }),
  };
};

/** The table of a family's fences, as its rows are opened. */
export const fenceSchema = (family: string): { readonly name: string } => ({ name: fenceTableOf(family) });
