/** Storing an object for a caller: access, quotas, what its container does with old versions, then the upload. */
import { ShoalError } from '../../proto/error.ts';
import { isKeptAs } from '../chunk/kept-as.ts';
import type { Caller } from './access-list.ts';
import { accountSums } from './account-sums.ts';
import { archiveObject } from './archive.ts';
import { type Context, openPlace } from './context.ts';
import { aheadBytesMax, objectBytesMax } from './limits.ts';
import type { ObjectPath } from './name.ts';
import type { Place } from './object-turn.ts';
import type { CopyOptions, NewFacts, Upload } from './objects.ts';
import { codeFor, policyOf } from './policy.ts';
import { accountBytesLeft, bytesLeft, hasQuota, quotasOf } from './quota.ts';
import type { Ahead } from './read-ahead.ts';
import { type AccountRow, accountKey, type ContainerRow, type ObjectRow } from './records.ts';
import type { ManagedWish, Opener, Seal, SealWish } from './seal.ts';

export interface Store extends Omit<Upload, 'bytesMax' | 'opener' | 'code' | 'ahead'> {
  /** How to encrypt it. Default what its container says. */
  readonly wish?: SealWish | undefined;
  /** Beside the quotas. Default `objectBytesMax`. */
  readonly bytesMax?: number;
}

/** A container that may be written to, and what is there now. */
export interface Target {
  readonly place: Place;
  readonly container: ContainerRow;
  readonly account: AccountRow | undefined;
  /** What a small object is about to replace. */
  readonly ahead?: Ahead | undefined;
}

/** Begins to read what an object of so many announced bytes is about to replace, where it is small. */
export const aheadOf = (
  { objects }: Pick<Context, 'objects'>,
  path: ObjectPath,
  bytes: number | undefined,
): Ahead | undefined => (bytes !== undefined && bytes <= aheadBytesMax ? objects.readAhead(path) : undefined);

/** `bytes`: what is announced of a new object. */
export const openTarget = async (
  context: Context,
  path: ObjectPath,
  caller: Caller,
  bytes?: number,
): Promise<Target> => {
  const ahead = aheadOf(context, path, bytes);
  const [opened, account] = await Promise.all([
    openPlace(context, 'writeObject', path, caller),
    context.records.accounts.get(path.project, accountKey),
  ]);
  return { ...opened, account, ahead };
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
  const quotas = account ? quotasOf(account) : {};
  if (Object.keys(quotas).length === 0) return room;
  const sums = await accountSums(context.containers, project);
  return Math.min(room, accountBytesLeft(quotas, sums, policyOf(container), wantedBytes));
};

/** Of new content where nobody says more. */
const sealDefault = ({ seals }: Pick<Context, 'seals'>, { bucket }: ContainerRow): ManagedWish | undefined =>
  seals.sealAll || bucket?.isSealed ? { kind: 'managed', keyName: bucket?.sealKey } : undefined;

/** Vaults without a name are one to whoever asks for none; names are those of a project. */
const isSealedBy = (seal: Seal | undefined, { keyName }: ManagedWish, project: string): boolean =>
  seal?.kind === 'managed' && seal.keyName === keyName && (keyName === undefined || seal.project === project);

/** What encrypts new content of the container; undefined: nothing. */
export const openerFor = (
  context: Pick<Context, 'seals'>,
  { place, container }: Target,
  wish: SealWish | undefined = sealDefault(context, container),
): Opener | undefined => {
  if (!wish) return undefined;
  const seal = context.seals.make(wish, place.project);
  return context.seals.open(seal, wish.kind === 'customer' ? wish.key : undefined);
};

/** Throws what `objects.put` throws, and PRECONDITION_FAILED when old versions have nowhere to go. */
export const storeInto = async (context: Context, target: Target, store: Store): Promise<ObjectRow> => {
  const { place, container, ahead } = target;
  const room = await roomFor(context, target, store.bytes);
  if (container.archive) await archiveObject(context, place, container.archive);
  const { wish, ...upload } = store;
  return context.objects.put(place, {
    ...upload,
    ahead,
    // What a manifest or a link says is no content.
    code: codeFor(container, upload.storageClass),
    opener: store.kind?.large || store.kind?.link ? undefined : openerFor(context, target, wish),
    bytesMax: Math.min(room, store.bytesMax ?? objectBytesMax),
  });
};

/** `storeInto` for a caller that has only a path. */
export const storeObject = async (
  context: Context,
  path: ObjectPath,
  caller: Caller,
  store: Store,
): Promise<ObjectRow> => storeInto(context, await openTarget(context, path, caller), store);

/**
 * Shares the source's chunks and what encrypts them; no byte moves, unless it is to be encrypted, or kept otherwise, where
 * it goes.
 */
export const copyInto = async (
  context: Context,
  from: { readonly place: Place; readonly row: ObjectRow; readonly versionId?: string | undefined },
  target: Target,
  factsOf: (source: ObjectRow) => NewFacts,
  options: Omit<CopyOptions, 'versionId'> & { readonly wish?: ManagedWish | undefined } = {},
): Promise<{ source: ObjectRow; row: ObjectRow }> => {
  const { place, container } = target;
  if ((await roomFor(context, target, from.row.bytes)) < from.row.bytes)
    throw new ShoalError('TOO_LARGE', 'Upload exceeds quota.');
  if (container.archive) await archiveObject(context, place, container.archive);
  const { row, versionId } = from;
  // Without the customer's key its bytes cannot be written anew.
  const isBytes = !row.large && !row.link && row.seal?.kind !== 'customer';
  const wish = options.wish ?? sealDefault(context, container);
  const isOtherKey = wish !== undefined && !isSealedBy(row.seal, wish, place.project);
  if (isBytes && (isOtherKey || !isKeptAs(row.content, codeFor(container, options.storageClass)))) {
    const { signal } = new AbortController();
    const { check, lock, storageClass } = options;
    const stored = await storeInto(context, target, {
      ...{ source: context.objects.read(row, {}, signal), facts: factsOf(row), signal, storageClass },
      wish:
        wish ?? (row.seal?.kind === 'managed' ? { kind: 'managed', keyName: row.seal.keyName } : undefined),
      how: 'ObjectCreated:Copy',
      ...(check && { check }),
      ...(lock && { kind: { lock } }),
    });
    return { source: row, row: stored };
  }
  const { wish: _met, ...rest } = options;
  return context.objects.copy(from.place, place, factsOf, { ...rest, versionId });
};
