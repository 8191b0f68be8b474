/** Values from the wire become typed values here, or are refused with the first thing that is wrong. */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { ShoalError } from '../../proto/error.ts';
import { treeSize } from '../base/tree-size.ts';
import { checkedValuesMax, faultValuesMax } from './limits.ts';

/**
 * Throws BAD_REQUEST that names the place and the wish. Bytes are refused where the message has none (`bytes`): to a
 * schema they are an object with one property a byte, and millions of those hold the agent up for seconds.
 */
export const checker = <S extends TSchema>(
  what: string,
  schema: S,
  { bytes = false }: { readonly bytes?: boolean } = {},
): ((value: unknown) => Static<S>) => {
  const compiled = Compile(schema);
  return (value) => {
    const size = treeSize(value, checkedValuesMax);
    if (size.hasBytes && !bytes)
      throw new ShoalError('BAD_REQUEST', `Cannot read ${what}: it has no bytes in it`);
    if (size.values < checkedValuesMax && compiled.Check(value)) return value as Static<S>;
    // The search for the fault goes through everything; in what is too large nobody looks for it.
    const [first] = size.values < faultValuesMax ? compiled.Errors(value) : [];
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot read ${what}${first?.instancePath ?? ''}: it ${first?.message ?? 'has another shape'}`,
    );
  };
};
