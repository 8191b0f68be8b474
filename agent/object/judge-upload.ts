/**
 * Does an object's row name an upload whose agent died before it knew?
 *
 * No row names it: then none may come either, and what that agent has sent may lie in a stopped owner's socket or on one that is
 * away. So each way on which such a row could come is closed before the answer:
 *
 *  - *The decision at the guard*, where the container has one: another is made, that nothing is to be done. A decision on its way
 *    expects the one before.
 *  - *The version*, which the row brings along under a key of its own: that is deleted. The claim says the key before the row is put.
 *  - *The row*: what stands is put once more, at the time by which that agent had ended. It outdoes that put, and nothing that is newer.
 *
 * Where the container is gone, which is looked at first, its incarnation is read by nobody any more: what came into it after its end is deleted.
 */
import { newUuid } from '../../proto/ids.ts';
import { stampCountMax } from '../../proto/stamp.ts';
import type { Claim, Judge } from '../chunk/port.ts';
import { findStanding } from './find-standing.ts';
import { keptVersions } from './kept-versions.ts';
import { chunkUser, type GuardRow, holderOf, type ObjectRow, type Records } from './records.ts';
import { versionKey } from './versions.ts';

export const judgeUpload = (
  records: Pick<Records, 'containers' | 'objects' | 'versions' | 'guards'>,
): Judge => {
  const { containers, objects, versions, guards } = records;

  /** Nobody decides for it after that. True: somebody has. */
  const closeGuard = async (
    id: string,
    name: string,
    isIt: (row: ObjectRow) => boolean,
  ): Promise<boolean> => {
    const closed: GuardRow = { token: newUuid(), isDone: true };
    // One that is not done yet was made from another than the upload's own would be.
    const now = await guards.change(id, name, (old) => (old && !old.isDone ? old : closed));
    return now !== undefined && !now.isDone && now.row !== undefined && isIt(now.row);
  };

  /** What stands in an incarnation that is gone. */
  const drop = async (id: string, name: string, isIt: (row: ObjectRow) => boolean): Promise<void> => {
    const row = await objects.get(id, name);
    if (row && isIt(row)) await objects.delete(id, name);
  };

  return async ({ id, name, more = {} }: Claim, user, endedMs) => {
    const isIt = (row: ObjectRow): boolean => chunkUser(holderOf(row)) === user;
    const { project, container, versionId } = more;
    const home =
      project === undefined || container === undefined ? undefined : await containers.get(project, container);
    const isGone = project !== undefined && home?.id !== id;
    if (!isGone && (await findStanding(records, id, name, isIt))) return true;
    if (endedMs === null) return undefined;
    if (isGone) {
      await drop(id, name, isIt);
      return false;
    }
    if (home?.isGuarded && (await closeGuard(id, name, isIt))) return true;
    const held = await objects.getForPut(id, name);
    const { row } = held;
    // A clock that lags so far that what is written now is older than that time has to be set first.
    const now = held.stamp();
    if (now.wallMs <= endedMs) return undefined;
    const along = row?.versionId === undefined ? [] : keptVersions(records, name, [row]);
    await objects.putAt(id, name, row, { ...now, wallMs: endedMs, count: stampCountMax }, along);
    if (await findStanding(records, id, name, isIt)) return true;
    if (versionId !== undefined) await versions.delete(id, versionKey(name, versionId));
    return false;
  };
};
