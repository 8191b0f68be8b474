/** Plain data bent at random: a part replaced, dropped, added, repeated, taken from another sample, or nested deep. */
import type { Prng } from '../sim/prng.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { mutateText } from './mutate-text.ts';

/** What shells forget: not a number, not an object, not so large, not so few. */
const sharp: readonly (() => unknown)[] = [
  ...[null, undefined, true, false, 0, -0, -1, 1, 0.5, 2 ** 31, 2 ** 32, 2 ** 48, 2 ** 53, 2 ** 63, 1e308],
  ...[
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    '',
    '0',
    '\0',
    '__proto__',
    'constructor',
  ],
  ...['toString', '😀', '../../etc/passwd', 'x'.repeat(300), 'x'.repeat(70_000)],
]
  .map((value) => () => value as unknown)
  .concat([
    () => [],
    () => ({}),
    () => [[]],
    () => ({ length: 3 }),
    () => new Uint8Array(),
    () => new Uint8Array(16),
    () => new Uint8Array(70_000),
    () => Array.from({ length: 3_000 }, () => null),
    () => Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${at}`, at])),
    () => {
      let deep: unknown = 1;
      for (let level = 0; level < 400; level++) deep = level % 2 ? { deep } : [deep];
      return deep;
    },
  ]);
const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'length',
  'then',
  'toJSON',
  '',
  '0',
  'extra',
];

type Parts = readonly (readonly [key: string, value: unknown])[];
const isBranch = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
const partsOf = (value: object): Parts => Object.entries(value);

/** Every place in the tree, as the keys that lead to it; a bound, for samples with thousands of parts. */
const placesMax = 2_000;
const placesOf = (value: unknown): string[][] => {
  const places: string[][] = [[]];
  for (let at = 0; at < places.length && places.length < placesMax; at++) {
    const path = places[at] ?? [];
    const here = reach(value, path);
    if (isBranch(here)) for (const [key] of partsOf(here)) places.push([...path, key]);
  }
  return places;
};
const reach = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (here, key) => (isBranch(here) ? (here as Record<string, unknown>)[key] : undefined),
    value,
  );

/** A new tree with another value at that place. An own field, whatever its name is. */
const withPart = (value: unknown, path: readonly string[], change: (old: unknown) => unknown): unknown => {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  if (!isBranch(value)) return value;
  const copy: object = Array.isArray(value) ? [...value] : { ...value };
  const next = withPart((value as Record<string, unknown>)[key], rest, change);
  Object.defineProperty(copy, key, { value: next, enumerable: true, configurable: true, writable: true });
  return copy;
};

const bendBranch = (value: object, chance: Prng): unknown => {
  const parts = partsOf(value);
  const [dropped] = parts.length > 0 ? chance.pick(parts) : [''];
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    if (chance.chance(0.3)) return items.filter((_, at) => String(at) !== dropped);
    if (chance.chance(0.5))
      return items.flatMap((item) => Array.from({ length: 1 + chance.int(40) }, () => item));
    return [...items].reverse();
  }
  if (chance.chance(0.5)) return Object.fromEntries(parts.filter(([key]) => key !== dropped));
  const entries: [string, unknown][] = [...parts.map(([key, part]): [string, unknown] => [key, part])];
  entries.push([chance.pick(names), chance.pick(sharp)()]);
  return Object.fromEntries(entries);
};

const bend = (old: unknown, chance: Prng, others: readonly unknown[]): unknown => {
  const kind = chance.int(10);
  if (kind < 3) return chance.pick(sharp)();
  if (kind < 5) {
    const other = chance.pick(others);
    return reach(other, chance.pick(placesOf(other)));
  }
  if (isBranch(old)) return bendBranch(old, chance);
  if (typeof old === 'string') return mutateText(old, [old], chance);
  if (old instanceof Uint8Array) return mutateBytes(old, [old], chance);
  if (typeof old === 'number')
    return chance.pick([old + 1, old - 1, -old, old * 2, old + 0.5, old * 1e6, old - 1e6, String(old)]);
  return chance.pick(sharp)();
};

export const mutateValue = (sample: unknown, others: readonly unknown[], chance: Prng): unknown => {
  let value = sample;
  for (let left = 1 + Math.floor(chance.exponential(1.2)); left > 0; left--)
    value = withPart(value, chance.pick(placesOf(value)), (old) => bend(old, chance, others));
  return value;
};
