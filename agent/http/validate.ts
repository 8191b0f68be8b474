/** Checks JSON against a route's schema; the message names the field and the wish. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { ShoalError } from '../../proto/error.ts';
import { treeSize } from '../base/tree-size.ts';
import { faultValuesMax } from './limits.ts';

export type Check = (value: unknown) => void;

interface Failure {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

/** `/user/name` as `user.name`; the whole body has no name. */
const fieldOf = (pointer: string): string =>
  pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');

/** A union fails once per alternative and once as a whole: its parts at one field are read as "this or that". */
const describe = (failures: readonly Failure[], what: string): string => {
  const first = failures.find(({ keyword }) => keyword !== 'boolean' && keyword !== 'anyOf') ?? failures[0];
  if (!first) return `Cannot read ${what}`;
  const extra = (first.params as { additionalProperties?: readonly string[] }).additionalProperties;
  const field = fieldOf(first.instancePath);
  const where = field === '' ? what : `"${field}" of ${what}`;
  if (first.keyword === 'additionalProperties' && extra)
    return `Cannot read ${where}: it takes no field ${extra.map((name) => `"${name}"`).join(', ')}`;
  const required = (first.params as { requiredProperties?: readonly string[] }).requiredProperties;
  if (first.keyword === 'required' && required)
    return `Cannot read ${where}: it needs the field ${required.map((name) => `"${name}"`).join(', ')}`;
  const wishes = failures
    .filter(({ instancePath, keyword }) => instancePath === first.instancePath && keyword !== 'anyOf')
    .map(({ message }) => message);
  return `Cannot read ${where}: it ${[...new Set(wishes)].join(' or ')}`;
};

/** Compiled once per route. The check throws BAD_REQUEST. */
export const compileCheck = (schema: TSchema, what: string): Check => {
  const validator = Compile(schema);
  return (value) => {
    if (validator.Check(value)) return;
    // The search for what is wrong goes through everything: in what is too large nobody looks for it.
    if (treeSize(value, faultValuesMax).values >= faultValuesMax)
      throw new ShoalError(
        'BAD_REQUEST',
        `Cannot read ${what}: it does not match, and is too large to say where`,
      );
    const failures = validator.Errors(value) as readonly Failure[];
    throw new ShoalError('BAD_REQUEST', describe(failures, what), {
      details: { field: fieldOf(failures[0]?.instancePath ?? '') },
    });
  };
};
