/** What the use cases of the object service share, and how they open what a caller may use. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { Code } from '../../proto/policy.ts';
import type { SignIn } from '../identity/sign-in.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checkAccess, isOwner, isStranger, type Target, type Use } from './access.ts';
import { type Caller, defaultDomain } from './access-list.ts';
import { accountLevel } from './account-list.ts';
import { decidePolicy, statementsOf } from './bucket-policy/decide.ts';
import { isPublic } from './bucket-policy/document.ts';
import { type Facts, tagFactPrefix } from './bucket-policy/facts.ts';
import { type Containers, noContainer } from './containers.ts';
import type { Asker } from './events/asker.ts';
import type { Delivery } from './events/deliver.ts';
import type { KeptListings } from './kept-listings.ts';
import type { Multiparts } from './multipart.ts';
import type { ObjectPath } from './name.ts';
import type { Place } from './object-turn.ts';
import type { ObjectRows } from './objects.ts';
import type { Rates } from './rates.ts';
import { accountKey, type ContainerRow, type Records } from './records.ts';
import type { Seals } from './seal.ts';

export interface Context {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly containers: Containers;
  readonly objects: ObjectRows;
  readonly keptListings: KeptListings;
  readonly multiparts: Multiparts;
  readonly journal: Journal;
  readonly seals: Seals;
  readonly rates: Rates;
  readonly delivery: Delivery;
  /** Those that there are hosts for now. */
  codes(): readonly Code[];
  /** The domain of a project. */
  domainOf(project: string): Promise<string | undefined>;
  readonly signIn: SignIn;
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

/** Some policies ask what tags an object has: only then it is looked up. */
const tagFacts = async (
  { objects }: Pick<Context, 'objects'>,
  { project, container, object, versionId }: Target,
  row: ContainerRow,
): Promise<Facts> => {
  if (object === undefined || object === '') return new Map();
  const found = await objects
    .get(placeOf({ project, container, object }, row), versionId)
    .catch((cause: unknown) => {
      if (hasCode(cause, 'NOT_FOUND')) return undefined;
      throw cause;
    });
  return new Map(
    Object.entries(found?.tags ?? {}).map(([name, value]) => [
      `${tagFactPrefix}${name.toLowerCase()}`,
      [value],
    ]),
  );
};

/** Throws FORBIDDEN, with `isDenied`, where the bucket's policy says no; true where it says yes. */
const policyAllows = async (
  context: Pick<Context, 'objects' | 'runtime'>,
  use: Use,
  target: Target,
  caller: Caller,
  row: ContainerRow | undefined,
): Promise<boolean> => {
  const { policy, publicAccess } = row?.bucket ?? {};
  if (row === undefined || policy === undefined) return false;
  const { principal } = caller;
  const action = actionFor(use, caller);
  const owns = isOwner(principal, target.project);
  if (owns && repairs.includes(action)) return true;
  const statements = statementsOf(policy, target.container);
  const facts = caller.facts?.(target.project, context.runtime.clock.wallMs()) ?? new Map();
  const tags = policy.toLowerCase().includes(tagFactPrefix) ? await tagFacts(context, target, row) : [];
  const verdict = decidePolicy(statements, {
    principal,
    action,
    bucket: target.container,
    key: target.object ?? '',
    facts: new Map([...facts, ...tags]),
  });
  if (verdict === 'deny')
    throw new ShoalError('FORBIDDEN', 'Access was denied by the policy of the bucket.', {
      details: { isDenied: true },
    });
  const isClosed = publicAccess?.restrictPolicy === true && isPublic(statements);
  return verdict === 'allow' && (!isClosed || !isStranger(principal, target.project));
};

/**
 * A list of names is read as those of the default domain: in an account of another one it would let in namesakes whom its
 * owner never meant, so there ids alone count. As in Swift.
 */
export const takesIdsOnly = async (
  { domainOf }: Pick<Context, 'domainOf'>,
  project: string,
): Promise<boolean> => (await domainOf(project)) !== defaultDomain;

/**
 * Is the account the caller's to run: as its owner, or because its own list gives it whole? Only then lists and keys, which
 * let others in, are shown, and set.
 */
export const isTrusted = async (
  context: Pick<Context, 'records' | 'domainOf'>,
  project: string,
  { principal }: Pick<Caller, 'principal'>,
): Promise<boolean> => {
  if (!principal || isOwner(principal, project)) return principal !== undefined;
  const row = await context.records.accounts.get(project, accountKey);
  if (!row?.accessList) return false;
  return accountLevel(row.accessList, principal, await takesIdsOnly(context, project)) === 'admin';
};

/** The account's own list is read only for a caller that has a token but no standing there. */
const allow = async (
  context: Pick<Context, 'records' | 'runtime' | 'objects' | 'domainOf'>,
  use: Use,
  target: Target,
  caller: Caller,
  row?: ContainerRow,
): Promise<void> => {
  if (await policyAllows(context, use, target, caller, row)) return;
  const { principal } = caller;
  const isForeign = principal !== undefined && isStranger(principal, target.project);
  const [account, idsOnly] = isForeign
    ? await Promise.all([
        context.records.accounts.get(target.project, accountKey),
        takesIdsOnly(context, target.project),
      ])
    : [undefined, false];
  checkAccess(use, target, { ...caller, idsOnly }, row, account?.accessList);
};

/** Returns once the caller may, and at its turn where the operator bounds how often. Throws FORBIDDEN, NOT_AUTHENTICATED, RATE_LIMITED. */
export const authorize = async (
  context: Pick<Context, 'records' | 'runtime' | 'objects' | 'rates' | 'domainOf'>,
  use: Use,
  target: Target,
  caller: Caller,
  row?: ContainerRow,
): Promise<void> => {
  await allow(context, use, target, caller, row);
  await context.rates.take(use, target);
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
  asker?: Asker,
): Place => ({
  project,
  container,
  id,
  name: object,
  ...(versions === undefined ? {} : { versions }),
  ...(isUnposted ? { isUnposted } : {}),
  ...(isGuarded ? { isGuarded } : {}),
  ...(bucket?.lock ? { locking: bucket.lock } : {}),
  ...(bucket?.events ? { rules: bucket.events } : {}),
  ...(asker ? { asker } : {}),
});

/** Opens the container of an object. */
export const openPlace = async (
  context: Context,
  use: Use,
  path: ObjectPath,
  caller: Caller,
): Promise<{ readonly place: Place; readonly container: ContainerRow }> => {
  const container = await openContainer(context, use, path, caller);
  return { place: placeOf(path, container, caller.asker), container };
};
