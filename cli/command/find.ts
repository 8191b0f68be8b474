/** People type a name or an id; the APIs want the id. */
import { ShoalError } from '../../proto/error.ts';

export const findByNameOrId = <Thing extends { readonly id: string; readonly name: string | null }>(
  kind: string,
  things: readonly Thing[],
  wanted: string,
): Thing => {
  const byId = things.find((thing) => thing.id === wanted);
  if (byId) return byId;
  const named = things.filter((thing) => thing.name === wanted);
  if (named.length > 1)
    throw new ShoalError(
      'CONFLICT',
      `Cannot tell which ${kind} is "${wanted}": ${named.length} have that name, give an id`,
    );
  const [only] = named;
  if (!only) throw new ShoalError('NOT_FOUND', `Cannot find ${kind} "${wanted}": no id or name is like it`);
  return only;
};
