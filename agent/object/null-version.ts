/**
 * The version `null` among the others: from before versions were kept, or from while that was suspended. There is one
 * at most, with a key that says when it came, so it is looked for among all versions of its object.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Entry } from '../table/port.ts';
import { listingPageRows } from './limits.ts';
import type { ObjectRow, Records } from './records.ts';

export const findNullVersion = async (
  { versions }: Pick<Records, 'versions'>,
  id: Uuid,
  name: string,
): Promise<Entry<ObjectRow> | undefined> => {
  let after: string | undefined;
  for (;;) {
    const page = await versions.range(id, {
      ...{ prefix: `${name}\0`, limit: listingPageRows },
      ...(after === undefined ? {} : { after }),
    });
    const found = page.entries.find(({ row }) => row.isNull);
    if (found) return found;
    after = page.entries.at(-1)?.sortKey;
    if (!page.more || after === undefined) return undefined;
  }
};
