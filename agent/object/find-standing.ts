/**
 * Looks for a row of one name wherever it may stand. Rows go from the guard's decision to the object and from there to its versions,
 * so they are read in that order: one that goes on meanwhile is met where it came to.
 */
import { walkRows } from '../table/walk-rows.ts';
import { listingPageRows } from './limits.ts';
import type { ObjectRow, Records } from './records.ts';

export type StandingRecords = Pick<Records, 'objects' | 'versions' | 'guards'>;

export const findStanding = async (
  { objects, versions, guards }: StandingRecords,
  id: string,
  name: string,
  isIt: (row: ObjectRow) => boolean,
): Promise<ObjectRow | undefined> => {
  const decided = await guards.get(id, name);
  if (decided && !decided.isDone && decided.row && isIt(decided.row)) return decided.row;
  const row = await objects.get(id, name);
  if (row && isIt(row)) return row;
  for await (const entry of walkRows(versions, id, { prefix: `${name}\0`, limit: listingPageRows }))
    if (isIt(entry.row)) return entry.row;
  return undefined;
};
