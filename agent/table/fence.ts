/**
 * What an owner knows of a range of rows that moves to other owners (docs/design/0016-split.md): two rows of the table
 * `FAMILY/fence` under the range's own partition key, so they are placed, healed and taken over as its rows are.
 *
 *     open ── closed: copied by those who know that ── gone: all is with the heirs, and dropped here
 *
 * An operation says what it expects, and is refused where that is not so. A quorum of refusals in each owner set is what
 * ends a range: an operation is done by a quorum of owners, each of which was open then, or it is not done.
 */
import { ShoalError } from '../../proto/error.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { encodeSortKey, type FindPlace, familyOf, groupKey, type Place } from './keys.ts';
import { readRow } from './row-store.ts';

type Fence = 'open' | 'closed' | 'gone';

const fenceSuffix = '/fence';
export const fenceTableOf = (table: string): string => familyOf(table) + fenceSuffix;
export const isFenceTable = (table: string): boolean => table.endsWith(fenceSuffix);

/** Rows of their own: one that comes late does not take the other away. */
export const fenceKeys = { closed: 'closed', gone: 'gone' } as const;
const goneKey = encodeSortKey(fenceKeys.gone);

export const fenceOf = (
  reader: KeyValueReader,
  findPlace: FindPlace,
  { table, partitionKey }: Pick<Place, 'table' | 'partitionKey'>,
): Fence => {
  const fence = findPlace(fenceTableOf(table), partitionKey);
  if (!reader.get(groupKey(fence.partition, fence.group))) return 'open';
  return readRow(reader, fence, goneKey) ? 'gone' : 'closed';
};

/** Throws RANGE_MOVED, or BUSY where the fence has not come here yet. */
export const checkFence = (
  reader: KeyValueReader,
  findPlace: FindPlace,
  ask: Pick<Place, 'table' | 'partitionKey' | 'expects'>,
): void => {
  if (!ask.expects) return;
  const fence = fenceOf(reader, findPlace, ask);
  if (fence === ask.expects) return;
  const which = `a range of table "${ask.table}"`;
  if (fence === 'open') throw new ShoalError('BUSY', `Cannot copy ${which}: it is not closed here yet`);
  throw new ShoalError('RANGE_MOVED', `Cannot use ${which}: it was split, its rows have other owners`);
};
