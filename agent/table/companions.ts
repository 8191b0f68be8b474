/**
 * Rows that a row brings along: written with it in one transaction, and from then on an owner that holds the row holds
 * them, or what came later in their place. So a quorum that has the row has them, and who reads the row may count on them.
 *
 *   put       row and companions, one message, one transaction
 *   copies    a row travels with its companions as the sender holds them, and is merged in one transaction
 *   repair    likewise
 *
 * Companions are rows of sub-tables (`object/version` of `object`) with the same partition key, so they have the same
 * owners. They bring none themselves: a chain of rows that bring rows could drag a whole table along.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Along, NamedRow, RowState } from '../../proto/message/row.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { encodeSortKey, type FindPlace, isSubTable, type Place } from './keys.ts';
import { stemOf } from './range-map.ts';
import { readRow } from './row-store.ts';

/** What an owner holds of them. */
export const companionsOf = (
  findPlace: FindPlace,
  reader: KeyValueReader,
  partitionKey: string,
  state: RowState,
): Along[] => {
  const brings = (state.kind === 'lww' && state.brings) || [];
  return brings.flatMap(({ table, sortKey }) => {
    const stored = readRow(reader, findPlace(table, partitionKey), encodeSortKey(sortKey));
    return stored?.state.kind === 'lww' ? [{ table, sortKey, state: stored.state }] : [];
  });
};

/** A copy as it travels: its companions first. */
export const withCompanions = (findPlace: FindPlace, reader: KeyValueReader, row: NamedRow): NamedRow[] => [
  ...companionsOf(findPlace, reader, row.partitionKey, row.state).map((companion) => ({
    ...companion,
    partitionKey: row.partitionKey,
  })),
  row,
];

/** Throws BAD_REQUEST for one that would not have the same owners, or could bring rows itself. */
export const checkCompanion = (
  place: Place,
  sortKey: string,
  companion: Place,
  companionKey: string,
): void => {
  const isSub = isSubTable(companion.table) && !isSubTable(place.table);
  const staysBy = place.expects === undefined || stemOf(companionKey) === stemOf(sortKey);
  if (isSub && staysBy && companion.partition === place.partition) return;
  const why = isSub ? 'it need not be in the same range' : 'it is no sub-table of that';
  throw new ShoalError(
    'BAD_REQUEST',
    `Cannot write a row of table "${companion.table}" along with one of "${place.table}": ${why}`,
  );
};
