/** What the use cases of the object service share, and how they open what a caller may use. */
import { ShoalError } from '../../proto/error.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checkAccess, isOwner, isStranger, type Target, type Use } from './access.ts';
import type { Caller } from './access-list.ts';
import { type Containers, noContainer } from './containers.ts';
import type { Multiparts } from './multipart.ts';
import type { ObjectPath } from './name.ts';
import type { Place } from './object-turn.ts';
import type { ObjectRows } from './objects.ts';
import { accountKey, type ContainerRow, type Records } from './records.ts';
import { decidePolicy, statementsOf } from './s3/policy/decide.ts';
import { isPublic } from './s3/policy/document.ts';
import type { Seals } from './seal.ts';

export interface Context {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly containers: Containers;
  readonly objects: ObjectRows;
  readonly multiparts: Multiparts;
  readonly journal: Journal;
  readonly seals: Seals;
}

/** What a policy calls it when only the use is known. */
const actionOf: Readonly<Record<Use, string>> = {
  readAccount: 's3:ListAllMyBuckets',
  writeAccount: 's3:PutAccount',
  readContainer: 's3:ListBucket',
  writeContainer: 's3:PutBucketAcl',
  readObject: 's3:GetObject',
  writeObject: 's3:PutObject',
};

const deletionOf: Readonly<Partial<Record<Use, string>>> = {
  writeContainer: 's3:DeleteBucket',
  writeObject: 's3:DeleteObject',
};

const actionFor = (use: Use, { action, deletes }: Caller): string =>
  action ?? (deletes ? deletionOf[use] : undefined) ?? actionOf[use];

/** An owner can always put a policy right that locks everybody out. */
const repairs: readonly string[] = ['s3:GetBucketPolicy', 's3:PutBucketPolicy', 's3:DeleteBucketPolicy'];

/** Throws FORBIDDEN, with `isDenied`, where the bucket's policy says no; true where it says yes. */
const policyAllows = (
  use: Use,
  target: Target,
  caller: Caller,
  row: ContainerRow | undefined,
  nowMs: number,
): boolean => {
  const { policy, publicAccess } = row?.bucket ?? {};
  if (policy === undefined) return false;
  const { principal } = caller;
  const action = actionFor(use, caller);
  const owns = isOwner(principal, target.project);
  if (owns && repairs.includes(action)) return true;
  const statements = statementsOf(policy, target.container);
  const verdict = decidePolicy(statements, {
    principal,
    action,
    bucket: target.container,
    key: target.object ?? '',
    facts: caller.facts?.(target.project, nowMs) ?? new Map(),
  });
  if (verdict === 'deny')
    throw new ShoalError('FORBIDDEN', 'Access was denied by the policy of the bucket.', {
      details: { isDenied: true },
    });
  const isClosed = publicAccess?.restrictPolicy === true && isPublic(statements);
  return verdict === 'allow' && (!isClosed || !isStranger(principal, target.project));
};

/** The account's own list is read only for a caller that has a token but no standing there. */
export const authorize = async (
  { records, runtime }: Pick<Context, 'records' | 'runtime'>,
  use: Use,
  target: Target,
  caller: Caller,
  row?: ContainerRow,
): Promise<void> => {
  if (policyAllows(use, target, caller, row, runtime.clock.wallMs())) return;
  const { principal } = caller;
  const account =
    principal && isStranger(principal, target.project)
      ? await records.accounts.get(target.project, accountKey)
      : undefined;
  checkAccess(use, target, caller, row, account?.accessList);
};

/** The container, when the caller may use it so. Strangers get the same answer whether it exists or not. */
export const openContainer = async (
  context: Context,
  use: Use,
  target: Target,
  caller: Caller,
): Promise<ContainerRow> => {
  const row = await context.containers.find(target.project, target.container);
  await authorize(context, use, target, caller, row);
  if (!row) throw noContainer(target.container);
  return row;
};

export const placeOf = (
  { project, container, object }: ObjectPath,
  { id, versions, isUnposted, isGuarded, bucket }: ContainerRow,
): Place => ({
  project,
  container,
  id,
  name: object,
  ...(versions === undefined ? {} : { versions }),
  ...(isUnposted ? { isUnposted } : {}),
  ...(isGuarded ? { isGuarded } : {}),
  ...(bucket?.lock ? { locking: bucket.lock } : {}),
});

/** Opens the container of an object. */
export const openPlace = async (
  context: Context,
  use: Use,
  path: ObjectPath,
  caller: Caller,
): Promise<{ readonly place: Place; readonly container: ContainerRow }> => {
  const container = await openContainer(context, use, path, caller);
  return { place: placeOf(path, container), container };
};
