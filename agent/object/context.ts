/** What the use cases of the object service share, and how they open what a caller may use. */
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checkAccess, isStranger, type Target, type Use } from './access.ts';
import type { Caller } from './access-list.ts';
import { type Containers, noContainer } from './containers.ts';
import type { Multiparts } from './multipart.ts';
import type { ObjectPath } from './name.ts';
import type { Place } from './object-turn.ts';
import type { ObjectRows } from './objects.ts';
import { accountKey, type ContainerRow, type Records } from './records.ts';

export interface Context {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly containers: Containers;
  readonly objects: ObjectRows;
  readonly multiparts: Multiparts;
  readonly journal: Journal;
}

/** The account's own list is read only for a caller that has a token but no standing there. */
export const authorize = async (
  { records }: Pick<Context, 'records'>,
  use: Use,
  target: Target,
  caller: Caller,
  row?: ContainerRow,
): Promise<void> => {
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
  { id, versions }: ContainerRow,
): Place => ({
  project,
  container,
  id,
  name: object,
  ...(versions === undefined ? {} : { versions }),
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
