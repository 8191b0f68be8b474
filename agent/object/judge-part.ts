/**
 * Does an upload in parts, or the object that it became, name a part whose agent died before it knew?
 *
 * The part's row is put under the upload's register, and is the object's once that is complete. No row there: it is deleted, so none may
 * come any more, and then who completed the upload is looked for, who may have seen one before. While somebody is at that, it cannot
 * be told.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Claim, Judge } from '../chunk/port.ts';
import { findStanding, type StandingRecords } from './find-standing.ts';
import { partsOf } from './long-parts.ts';
import { chunkUser, type MultipartRow, multipartKey, type ObjectRow, type Records } from './records.ts';

export const judgePart =
  (records: StandingRecords & Pick<Records, 'multiparts' | 'parts'>): Judge =>
  async ({ id: upload, name: key, more = {} }: Claim, user) => {
    const { id = '', name = '' } = more;
    const { multiparts, parts } = records;
    const namesIt = (row: ObjectRow): boolean =>
      row.upload === upload &&
      row.heldBy === undefined &&
      (partsOf(row) ?? []).some((part) => chunkUser(part.upload) === user);
    const look = async (): Promise<MultipartRow | undefined> => {
      const row = await multiparts.get(id, multipartKey(name, upload));
      return row?.isAborted ? undefined : row;
    };
    if ((await parts.get(upload, key)) && (await look())) return true;
    if (await findStanding(records, id, name, namesIt)) return true;
    // Who makes an object of the parts may have read them already.
    const before = await look();
    if (before?.isClosing) return undefined;
    await parts.delete(upload as Uuid, key);
    const now = await look();
    if (now?.isClosing) return undefined;
    return (await findStanding(records, id, name, namesIt)) !== undefined;
  };
