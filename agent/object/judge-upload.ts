/**
 * Does an object's row name an upload whose agent died before it knew? Rows go from the guard's decision to the object and from
 * there to its versions, so they are read in that order: one that goes on meanwhile is met where it came to.
 *
 * No row names it: then none may come either, and a put of that upload may lie in a stopped owner's socket or on one that is away. What
 * stands is put once more, at the time by which that agent had ended: it outdoes that put, and nothing that is newer.
 */
import { stampCountMax } from '../../proto/stamp.ts';
import type { Judge } from '../chunk/port.ts';
import { listingPageRows } from './limits.ts';
import { chunkUser, type ObjectRow, type Records } from './records.ts';

export const uploadClaims = 'object';

export const judgeUpload =
  ({ objects, versions, guards }: Pick<Records, 'objects' | 'versions' | 'guards'>): Judge =>
  async ({ id, name }, user, endedMs) => {
    const isIt = (row: ObjectRow | undefined): boolean => row !== undefined && chunkUser(row.upload) === user;
    const decided = await guards.get(id, name);
    if (decided && !decided.isDone && isIt(decided.row)) return true;
    const held = await objects.getForPut(id, name);
    const { row } = held;
    if (isIt(row)) return true;
    for (let after: string | undefined; ; ) {
      const range = { prefix: `${name}\0`, limit: listingPageRows, ...(after !== undefined && { after }) };
      const { entries, more } = await versions.range(id, range);
      if (entries.some((entry) => isIt(entry.row))) return true;
      after = entries.at(-1)?.sortKey;
      if (!more || after === undefined) break;
    }
    // A version's row brings others along: it is judged when something else stands there. And a clock that lags so far that what is
    // written now is older than that time has to be set first.
    const now = held.stamp();
    if (row?.versionId !== undefined || now.wallMs <= endedMs) return undefined;
    await objects.putAt(id, name, row, { ...now, wallMs: endedMs, count: stampCountMax });
    return isIt(await objects.get(id, name));
  };
