/**
 * What is fuzzed: a decoder that faces bytes from outside, with valid inputs to start from. An input may be
 * taken or be refused with one of `refusals`; anything else that comes out is a bug.
 */

import { codec } from '../../proto/codec.ts';
import type { ErrorCode } from '../../proto/error.ts';
import type { Prng } from '../sim/prng.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { mutateText } from './mutate-text.ts';
import { mutateValue } from './mutate-value.ts';

export interface Target {
  readonly name: string;
  /** The codes of the decoder's own refusals; none for one that answers "no" by its value. */
  readonly refusals: readonly ErrorCode[];
  /** Inputs that it must take. */
  readonly valid: readonly unknown[];
  /** A fresh input for these draws. */
  input(chance: Prng): unknown;
  run(input: unknown): unknown;
  /** A picture of all that it may change. Equal before and after whatever it refuses. */
  state?(): string;
  /** Heap that valid inputs fill for good (a table's rows): begin anew. */
  renew?(): void | Promise<void>;
  close?(): Promise<void>;
}

interface Common<Input> extends Pick<Target, 'state' | 'renew' | 'close'> {
  readonly name: string;
  readonly refusals: readonly ErrorCode[];
  run(input: Input): unknown;
}

const target = <Input>(
  common: Common<Input>,
  valid: readonly Input[],
  input: (chance: Prng) => Input,
): Target => ({
  ...common,
  valid,
  input,
  run: (given) => common.run(given as Input),
});

/** One in many inputs is a sample as it is: a decoder that refuses those would pass every test. */
const intact = 0.02;

export const bytesTarget = (common: Common<Uint8Array>, samples: readonly Uint8Array[]): Target =>
  target(common, samples, (chance) => {
    const sample = chance.pick(samples);
    return chance.chance(intact) ? Uint8Array.from(sample) : mutateBytes(sample, samples, chance);
  });

export const textTarget = (common: Common<string>, samples: readonly string[]): Target =>
  target(common, samples, (chance) => {
    const sample = chance.pick(samples);
    return chance.chance(intact) ? sample : mutateText(sample, samples, chance);
  });

export const valueTarget = (common: Common<unknown>, samples: readonly unknown[]): Target =>
  target(common, samples, (chance) => {
    const sample = chance.pick(samples);
    return chance.chance(intact) ? sample : mutateValue(sample, samples, chance);
  });

const anything = codec<unknown>('fuzz');
/** The version byte that was asked for, then msgpack: what `codec` writes. */
export const packed = (value: unknown): Uint8Array => anything.encode(value);

/** Samples that are refused themselves: only where to start from. */
export const withoutValid = (inner: Target): Target => ({ ...inner, valid: [] });

/** Values as `codec` writes them: half of them bent as values, half as bytes. */
export const packedTarget = (common: Common<Uint8Array>, samples: readonly unknown[]): Target => {
  const encoded = samples.map(packed);
  return target(common, encoded, (chance) =>
    chance.chance(0.5)
      ? mutateBytes(chance.pick(encoded), encoded, chance)
      : packed(mutateValue(chance.pick(samples), samples, chance)),
  );
};

/** Values as JSON text, bent as values or as text. */
export const jsonTarget = (common: Common<string>, samples: readonly unknown[]): Target => {
  const encoded = samples.map((sample) => JSON.stringify(sample));
  return target(common, encoded, (chance) =>
    chance.chance(0.4)
      ? mutateText(chance.pick(encoded), encoded, chance)
      : (JSON.stringify(mutateValue(chance.pick(samples), samples, chance)) ?? 'null'),
  );
};
