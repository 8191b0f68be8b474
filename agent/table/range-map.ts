/**
 * The ranges of a partition key: where each begins, under which partition key its rows stand, and what it becomes.
 * Pure; kept in a register. Ranges only ever split, so an end that was one stays one.
 *
 *     whole ── plan ── close ── hand over ──> two ranges, each of which may be planned again
 */
import { compareBytes } from '../base/bytes.ts';
import { mapBytesMax } from './limits.ts';

export interface Split {
  /** First sort key of the second heir. */
  readonly at: string;
  /** Partition keys of the heirs. */
  readonly into: readonly [string, string];
  /** From here on the range may be fenced, and whoever finds it so goes on. */
  readonly isClosing?: true;
}

export interface Range {
  /** First sort key; the first range's is empty. */
  readonly from: string;
  /** Partition key of its rows. */
  readonly key: string;
  /** Of heirs: see `Place`. */
  readonly aboveMs?: number;
  readonly split?: Split;
}

export interface RangeMap {
  /** Number of the next heir; none is given twice. */
  readonly next: number;
  readonly ranges: readonly Range[];
}

/** NUL and a number behind the key that was split. */
export const rootOf = (rangeKey: string): string => rangeKey.split('\0', 1)[0] ?? rangeKey;
/** Sort keys that agree so far stay together. */
export const stemOf = (sortKey: string): string => sortKey.split('\0', 1)[0] ?? sortKey;

export const wholeMap = (partitionKey: string): RangeMap => ({
  next: 1,
  ranges: [{ from: '', key: partitionKey }],
});

const bytesOf = ({ ranges }: RangeMap): number =>
  ranges.reduce((sum, { from, key }) => sum + Buffer.byteLength(from) + Buffer.byteLength(key) + 32, 0);

/** As it was where the range has a plan already, is none any more, or the map would grow too large. */
export const planSplit = (map: RangeMap, key: string, at: string): RangeMap => {
  const index = map.ranges.findIndex((range) => range.key === key);
  const range = map.ranges[index];
  const end = map.ranges[index + 1]?.from;
  const isInside = range && before(range.from, at) && (end === undefined || before(at, end));
  if (!isInside || range.split || bytesOf(map) > mapBytesMax) return map;
  const root = rootOf(key);
  const into = [`${root}\0${map.next}`, `${root}\0${map.next + 1}`] as const;
  return { next: map.next + 2, ranges: map.ranges.with(index, { ...range, split: { at, into } }) };
};

export const closeRange = (map: RangeMap, key: string): RangeMap => {
  const index = map.ranges.findIndex((range) => range.key === key);
  const range = map.ranges[index];
  if (!range?.split || range.split.isClosing) return map;
  return {
    ...map,
    ranges: map.ranges.with(index, { ...range, split: { ...range.split, isClosing: true } }),
  };
};

/** The heirs in its place. `aboveMs`: up to then rows of it may have been collected. */
export const handOver = (map: RangeMap, key: string, aboveMs: number): RangeMap => {
  const index = map.ranges.findIndex((range) => range.key === key);
  const range = map.ranges[index];
  if (!range?.split?.isClosing) return map;
  const { at, into } = range.split;
  const heirs = [
    { from: range.from, key: into[0], aboveMs },
    { from: at, key: into[1], aboveMs },
  ];
  return { ...map, ranges: map.ranges.toSpliced(index, 1, ...heirs) };
};

const before = (a: string, b: string): boolean => compareBytes(Buffer.from(a), Buffer.from(b)) < 0;

/** The sort keys of a range. */
export interface Span {
  readonly from: Uint8Array;
  /** Excluded; null: no end. */
  readonly to: Uint8Array | null;
}
/** A key of a range, or the end, excluded, of its keys (null: of all keys). */
export type Where = { readonly key: Uint8Array } | { readonly below: Uint8Array | null };

export interface Found extends Span {
  readonly key: string;
  readonly aboveMs?: number | undefined;
}

/** Looks ranges up in a map. */
export const rangeFinder = ({ ranges }: RangeMap) => {
  const starts = ranges.map(({ from }) => Uint8Array.from(Buffer.from(from)));
  const isAfter = (start: Uint8Array, where: Where): boolean => {
    if ('key' in where) return compareBytes(start, where.key) > 0;
    return where.below !== null && compareBytes(start, where.below) >= 0;
  };
  const at = (index: number): Found => ({
    key: ranges[index]?.key ?? '',
    aboveMs: ranges[index]?.aboveMs,
    from: starts[index] ?? new Uint8Array(),
    to: starts[index + 1] ?? null,
  });
  return {
    find(where: Where): Found {
      // The last range that begins before it; the first one begins before all.
      let [low, high] = [0, starts.length - 1];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (isAfter(starts[middle] ?? new Uint8Array(), where)) high = middle - 1;
        else low = middle;
      }
      return at(low);
    },
    all: (): Found[] => ranges.map((_, index) => at(index)),
    has: (key: string): boolean => ranges.some((range) => range.key === key),
  };
};
export type RangeFinder = ReturnType<typeof rangeFinder>;
