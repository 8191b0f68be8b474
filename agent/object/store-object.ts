/** Storing an object for a caller: access, quotas, what its container does with old versions, then the upload. */
import { ShoalError } from '../../proto/error.ts';
import type { Caller } from './access-list.ts';
import { archiveObject } from './archive.ts';
import { type Context, openPlace } from './context.ts';
import { objectBytesMax } from './limits.ts';
import type { ObjectPath } from './name.ts';
import type { Place } from './object-turn.ts';
import type { CopyOptions, NewFacts, Upload } from './objects.ts';
import { accountSums } from './policy.ts';
import { bytesLeft, hasQuota } from './quota.ts';
import { type AccountRow, accountKey, type ContainerRow, type ObjectRow } from './records.ts';

export interface Store extends Omit<Upload, 'bytesMax'> {
  /** Beside the quotas. Default `objectBytesMax`. */
  readonly bytesMax?: number;
}

/** A container that may be written to, and what is there now. */
export interface Target {
  readonly place: Place;
  readonly container: ContainerRow;
  readonly account: AccountRow | undefined;
}

export const openTarget = async (context: Context, path: ObjectPath, caller: Caller): Promise<Target> => {
  const [opened, account] = await Promise.all([
    openPlace(context, 'writeObject', path, caller),
    context.records.accounts.get(path.project, accountKey),
  ]);
  return { ...opened, account };
};

/** Bytes that may come. Throws TOO_LARGE when a quota of the container or the account leaves no room. */
export const roomFor = async (
  context: Context,
  { place: { project }, container, account }: Target,
  wantedBytes: number | undefined,
): Promise<number> => {
  let room = objectBytesMax;
  if (hasQuota(container.metadata)) {
    const [tally] = await context.containers.tallies([container]);
    room = bytesLeft(container.metadata, tally ?? { rows: 0, weight: 0 }, wantedBytes);
  }
  if (!account || !hasQuota(account.metadata)) return room;
  const sums = await accountSums(context.containers, project);
  return Math.min(room, bytesLeft(account.metadata, { rows: sums.objects, weight: sums.bytes }, wantedBytes));
};

/** Throws what `objects.put` throws, and PRECONDITION_FAILED when old versions have nowhere to go. */
export const storeInto = async (context: Context, target: Target, store: Store): Promise<ObjectRow> => {
  const { place, container } = target;
  const room = await roomFor(context, target, store.bytes);
  if (container.archive) await archiveObject(context, place, container.archive);
  return context.objects.put(place, { ...store, bytesMax: Math.min(room, store.bytesMax ?? objectBytesMax) });
};

/** `storeInto` for a caller that has only a path. */
export const storeObject = async (
  context: Context,
  path: ObjectPath,
  caller: Caller,
  store: Store,
): Promise<ObjectRow> => storeInto(context, await openTarget(context, path, caller), store);

/** Shares the source's chunks; no byte moves. */
export const copyInto = async (
  context: Context,
  from: { readonly place: Place; readonly row: ObjectRow; readonly versionId?: string | undefined },
  target: Target,
  factsOf: (source: ObjectRow) => NewFacts,
  options: Omit<CopyOptions, 'versionId'> = {},
): Promise<{ source: ObjectRow; row: ObjectRow }> => {
  const { place, container } = target;
  if ((await roomFor(context, target, from.row.bytes)) < from.row.bytes)
    throw new ShoalError('TOO_LARGE', 'Upload exceeds quota.');
  if (container.archive) await archiveObject(context, place, container.archive);
  return context.objects.copy(from.place, place, factsOf, { ...options, versionId: from.versionId });
};
