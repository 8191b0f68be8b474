/**
 * Does an upload in parts, or the object that it became, name a part whose agent died before it knew?
 *
 * The part's row is put under the upload's register, and is the object's once that is complete. No row there: it is deleted, so none may
 * come any more, and then who completed the upload is looked for, who may have seen one before. While somebody is at that, it cannot
 * be told.
 */
import type { Claim, Judge } from '../chunk/port.ts';
import { findStanding, type StandingRecords } from './find-standing.ts';
import { partsOf } from './long-parts.ts';
import { chunkUser, type MultipartRow, multipartKey, type ObjectRow, type Records } from './records.ts';

export const judgePart =
  (records: StandingRecords & Pick<Records, 'containers' | 'multiparts' | 'parts'>): Judge =>
  async ({ id: upload, name: key, more = {} }: Claim, user, endedMs) => {
    const { project, container = '', id = '', name = '' } = more;
    const { containers, multiparts, parts } = records;
    const isGone = project !== undefined && (await containers.get(project, container))?.id !== id;
    const namesIt = (row: ObjectRow): boolean =>
      row.upload === upload &&
      row.heldBy === undefined &&
      (partsOf(row) ?? []).some((part) => chunkUser(part.upload) === user);
    const look = async (): Promise<MultipartRow | undefined> => {
      const row = await multiparts.get(id, multipartKey(name, upload));
      return row?.isAborted ? undefined : row;
    };
    const isNamed = async (): Promise<boolean> =>
      ((await parts.get(upload, key)) !== undefined && (await look()) !== undefined) ||
      (await findStanding(records, id, name, namesIt)) !== undefined;
    if (!isGone && (await isNamed())) return true;
    if (endedMs === null) return undefined;
    if (isGone) {
      await multiparts.change(id, multipartKey(name, upload), () => undefined);
      await parts.delete(upload, key);
      return false;
    }
    // Who makes an object of the parts may have read them already.
    const before = await look();
    if (before?.isClosing) return undefined;
    await parts.delete(upload, key);
    const now = await look();
    if (now?.isClosing) return undefined;
    return (await findStanding(records, id, name, namesIt)) !== undefined;
  };
