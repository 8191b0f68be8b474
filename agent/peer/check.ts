/** Values from the wire become typed values here, or are refused with the first thing that is wrong. */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { ShoalError } from '../../proto/error.ts';

/** Throws BAD_REQUEST that names the place and the wish. */
export const checker = <S extends TSchema>(what: string, schema: S): ((value: unknown) => Static<S>) => {
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return value as Static<S>;
    const [first] = compiled.Errors(value);
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot read ${what}${first?.instancePath ?? ''}: it ${first?.message ?? 'has another shape'}`,
    );
  };
};
