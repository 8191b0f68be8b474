/**
 * Removes what expired (`X-Delete-At`). Readers stopped seeing it at that second; this gives its room back. Every
 * host does it, from notes that uploads and POSTs leave under the second in which they come due: what one host has
 * removed the others no longer find, and no host is needed for it.
 */
import { hasCode } from '../../proto/error.ts';
import { walkRows } from '../table/walk-rows.ts';
import type { Context } from './context.ts';
import { placeOf } from './context.ts';
import { expiryPageRows } from './limits.ts';
import { type ExpiryRow, expirySecond, expiryShards } from './records.ts';

const expireOne = async ({ containers, objects }: Context, note: ExpiryRow): Promise<boolean> => {
  const row = await containers.find(note.project, note.container);
  // A container that is gone took its expired objects with it.
  if (row?.id !== note.id) return false;
  const path = { project: note.project, container: note.container, object: note.name };
  return objects.expire(placeOf(path, row), note.upload);
};

/** Two hosts at the same note may get into each other's way: it stands for the next look then, and the others go on. */
const settle = async (
  context: Context,
  shard: string,
  sortKey: string,
  note: ExpiryRow,
): Promise<boolean> => {
  try {
    const isRemoved = await expireOne(context, note);
    await context.records.expiry.delete(shard, sortKey);
    return isRemoved;
  } catch (thrown) {
    if (!hasCode(thrown, 'QUORUM_MISSED', 'CONTENDED', 'BUSY')) throw thrown;
    return false;
  }
};

/** All that is due. Throws what a range throws; what is left is found again. */
export const removeExpired = async (context: Context, signal: AbortSignal): Promise<number> => {
  const { records, runtime } = context;
  const before = expirySecond(Math.floor(runtime.clock.wallMs() / 1000) + 1);
  // Hosts that look at the same moment begin in different places.
  const first = Math.floor(runtime.chance.random() * expiryShards.length);
  let removed = 0;
  for (const shard of [...expiryShards.slice(first), ...expiryShards.slice(0, first)]) {
    for await (const { sortKey, row } of walkRows(records.expiry, shard, { before, limit: expiryPageRows })) {
      signal.throwIfAborted();
      if (await settle(context, shard, sortKey, row)) removed += 1;
    }
  }
  return removed;
};
