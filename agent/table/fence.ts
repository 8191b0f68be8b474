/**
 * What an owner knows of a range of rows that moves: rows of the table `FAMILY/fence` under the range's own partition key, so
 * they are placed, healed and taken over as its rows are. docs/design/0016-split.md.
 *
 *     a range     open ── closed: copied by those who know that ── gone: all is with the heirs, and dropped here
 *     each heir   copiers alone put here ── born: all is here, no copier is let in ── grown: collected as any group (`heirs.ts`)
 *
 * An operation says what it expects, and is refused where that is not so. A quorum of refusals in each owner set is what
 * ends a range: an operation is done by a quorum of owners, each of which was open then, or it is not done.
 */
import { ShoalError } from '../../proto/error.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { encodeSortKey, type FindPlace, familyOf, groupKey, isHeir, type Place, rowKey } from './keys.ts';

type Fence = 'open' | 'closed' | 'gone';
type Named = Pick<Place, 'table' | 'partitionKey'>;

const fenceSuffix = '/fence';
export const fenceTableOf = (table: string): string => familyOf(table) + fenceSuffix;
export const isFenceTable = (table: string): boolean => table.endsWith(fenceSuffix);

/** Rows of their own: one that comes late does not take another away. */
export const fenceKeys = {
  closed: encodeSortKey('closed'),
  gone: encodeSortKey('gone'),
  born: encodeSortKey('born'),
  grown: encodeSortKey('grown'),
} as const;
export type FenceKey = keyof typeof fenceKeys;

/** Looks at the fence of a range, as this owner has it. */
export const lookAtFence = (reader: KeyValueReader, findPlace: FindPlace, of: Named) => {
  const { partition, group } = findPlace(fenceTableOf(of.table), of.partitionKey);
  return {
    /** Most groups have no fence at all: one look. */
    isAny: (): boolean => reader.get(groupKey(partition, group)) !== undefined,
    has: (key: FenceKey): boolean => reader.get(rowKey(partition, group, fenceKeys[key])) !== undefined,
  };
};

export const fenceOf = (reader: KeyValueReader, findPlace: FindPlace, of: Named): Fence => {
  const fence = lookAtFence(reader, findPlace, of);
  if (!fence.isAny()) return 'open';
  if (fence.has('gone')) return 'gone';
  return fence.has('closed') ? 'closed' : 'open';
};

/** Throws RANGE_MOVED, or BUSY where the fence has not come here yet. */
export const checkFence = (
  reader: KeyValueReader,
  findPlace: FindPlace,
  ask: Pick<Place, 'table' | 'partitionKey' | 'expects'>,
): void => {
  const { expects, table, partitionKey } = ask;
  if (!expects) return;
  const which = `a range of table "${table}"`;
  const fence = fenceOf(reader, findPlace, ask);
  if (fence !== (expects === 'unborn' ? 'open' : expects)) {
    if (fence === 'open') throw new ShoalError('BUSY', `Cannot copy ${which}: it is not closed here yet`);
    throw new ShoalError('RANGE_MOVED', `Cannot use ${which}: it was split, its rows have other owners`);
  }
  if (expects !== 'unborn') return;
  if (!isHeir(partitionKey))
    throw new ShoalError('BAD_REQUEST', `Cannot copy to ${which}: nothing was split into it`);
  if (lookAtFence(reader, findPlace, ask).has('born'))
    throw new ShoalError('RANGE_MOVED', `Cannot copy to ${which}: all of it is there already`);
};
