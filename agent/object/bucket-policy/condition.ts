/**
 * Conditions of a policy's statement: all of them must hold; of the values of one, any. Operators without what they
 * ask about do not hold, negated ones do, those with `IfExists` hold either way.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
import { isWithin } from '../signature.ts';
import type { Facts } from './facts.ts';
import { matchesPattern } from './pattern.ts';

/** `*` and `?` in `wanted` mean something only to some. */
type Test = (wanted: string, given: string) => boolean;

const number =
  (holds: (given: number, wanted: number) => boolean): Test =>
  (wanted, given) =>
    given.trim() !== '' && wanted.trim() !== '' && holds(Number(given), Number(wanted));
/** Seconds since 1970, or ISO 8601. */
const time = (text: string): number => (/^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text));
const date =
  (holds: (given: number, wanted: number) => boolean): Test =>
  (wanted, given) =>
    holds(time(given), time(wanted));
const same: Test = (wanted, given) => wanted === given;
const sameLetters: Test = (wanted, given) => wanted.toLowerCase() === given.toLowerCase();

const equal = (a: number, b: number): boolean => a === b;
const less = (a: number, b: number): boolean => a < b;
const lessOrEqual = (a: number, b: number): boolean => a <= b;
const more = (a: number, b: number): boolean => a > b;
const moreOrEqual = (a: number, b: number): boolean => a >= b;

/** Lower case. */
const positive: Readonly<Record<string, Test>> = {
  stringequals: same,
  stringequalsignorecase: sameLetters,
  stringlike: matchesPattern,
  numericequals: number(equal),
  numericlessthan: number(less),
  numericlessthanequals: number(lessOrEqual),
  numericgreaterthan: number(more),
  numericgreaterthanequals: number(moreOrEqual),
  dateequals: date(equal),
  datelessthan: date(less),
  datelessthanequals: date(lessOrEqual),
  dategreaterthan: date(more),
  dategreaterthanequals: date(moreOrEqual),
  bool: sameLetters,
  binaryequals: same,
  ipaddress: isWithin,
  arnequals: matchesPattern,
  arnlike: matchesPattern,
};

const negated: Readonly<Record<string, string>> = {
  stringnotequals: 'stringequals',
  stringnotequalsignorecase: 'stringequalsignorecase',
  stringnotlike: 'stringlike',
  numericnotequals: 'numericequals',
  datenotequals: 'dateequals',
  notipaddress: 'ipaddress',
  arnnotequals: 'arnequals',
  arnnotlike: 'arnlike',
};

export interface Condition {
  /** Lower case, e.g. `aws:sourceip`. */
  readonly key: string;
  readonly wanted: readonly string[];
  readonly test: Test | 'null';
  readonly isNegated: boolean;
  readonly ifExists: boolean;
  /** Of several given values: do all have to hold, or one? */
  readonly quantity: 'all' | 'any';
}

/** Undefined: there is no such operator. */
export const parseCondition = (
  operator: string,
  key: string,
  wanted: readonly string[],
): Condition | undefined => {
  const [, quantity, name = '', exists] =
    /^(?:(forallvalues|foranyvalue):)?(\w+?)(ifexists)?$/.exec(operator.toLowerCase()) ?? [];
  const opposite = Object.hasOwn(negated, name) ? negated[name] : undefined;
  const plain = opposite ?? name;
  const test = plain === 'null' ? 'null' : Object.hasOwn(positive, plain) ? positive[plain] : undefined;
  if (!test) return undefined;
  return {
    key: key.toLowerCase(),
    wanted,
    test,
    isNegated: opposite !== undefined,
    ifExists: exists !== undefined,
    quantity: quantity === 'forallvalues' ? 'all' : 'any',
  };
};

/** `fill` puts in what `${aws:username}` and the like stand for. */
export const conditionHolds = (
  { key, wanted, test, isNegated, ifExists, quantity }: Condition,
  facts: Facts,
  fill: (text: string) => string,
): boolean => {
  const given = facts.get(key) ?? [];
  if (test === 'null') return wanted.some((text) => (text.toLowerCase() === 'true') === (given.length === 0));
  if (given.length === 0) return isNegated || ifExists || quantity === 'all';
  const one = (value: string): boolean => wanted.some((text) => test(fill(text), value)) !== isNegated;
  return quantity === 'all' ? given.every(one) : given.some(one);
};
