/**
 * The version `null` among the others: from before versions were kept, or from while that was suspended. There is one
 * at most, with a key that says when it came, so it is looked for among all versions of its object.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Entry } from '../table/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { listingPageRows } from './limits.ts';
import type { ObjectRow, Records } from './records.ts';

export const findNullVersion = async (
  { versions }: Pick<Records, 'versions'>,
  id: Uuid,
  name: string,
): Promise<Entry<ObjectRow> | undefined> => {
  for await (const entry of walkRows(versions, id, { prefix: `${name}\0`, limit: listingPageRows }))
    if (entry.row.isNull) return entry;
  return undefined;
};
