/** Where a request to Swift comes in: which of account, container and object it means, and who answers it. */
import { ShoalError } from '../../../proto/error.ts';
import { objectRoutes } from '../../../proto/rest/object.ts';
import type { ApiAnswer, ApiRequest } from '../../http/port.ts';
import type { Context } from '../context.ts';
import { type ObjectPath, parsePath } from '../name.ts';
import * as account from './account.ts';
import type { Ask } from './ask.ts';
import * as container from './container.ts';
import { copyObject } from './copy.ts';
import { infoOf } from './info.ts';
import * as object from './object.ts';
import { putObject } from './upload.ts';

type Serve = (context: Context, request: Ask) => Promise<ApiAnswer>;
export type RouteName = keyof typeof objectRoutes;

const handlers: Readonly<Record<RouteName, Serve>> = {
  showInfo: async () => ({ body: infoOf() }),
  listContainers: account.listContainers,
  headAccount: account.headAccount,
  updateAccount: account.updateAccount,
  createAccount: account.createAccount,
  deleteAccount: account.deleteAccount,
  listObjects: container.listObjects,
  headContainer: container.headContainer,
  createContainer: container.createContainer,
  updateContainer: container.updateContainer,
  deleteContainer: container.deleteContainer,
  getObject: object.getObject,
  headObject: object.headObject,
  putObject,
  updateObject: object.updateObject,
  deleteObject: object.deleteObject,
  copyObject,
};
const routeNames = Object.keys(objectRoutes) as RouteName[];

/** How many parts a path has: account 1, container 2, object 3. */
const partsOfRoute = (name: RouteName): number => objectRoutes[name].path.split('/').length - 2;
const partsOfPath = ({ container, object: name }: ObjectPath): number =>
  container === '' ? 1 : name === '' ? 2 : 3;

/**
 * Which of the three things a path names is only known once it is decoded: `/v1/AUTH_x/cont%2Fname` is an
 * object. The handler is found by the parts of the path and not by the route that happened to match.
 */
const handlerFor = (name: RouteName, request: ApiRequest): Serve => {
  if (name === 'showInfo') return handlers[name];
  const parts = partsOfPath(parsePath(request.params));
  if (parts === partsOfRoute(name)) return handlers[name];
  const { method } = objectRoutes[name];
  const other = routeNames.find(
    (candidate) => objectRoutes[candidate].method === method && partsOfRoute(candidate) === parts,
  );
  if (other) return handlers[other];
  throw new ShoalError('METHOD_NOT_ALLOWED', `Cannot ${method} an account or a container`);
};

export const door = async (context: Context, name: RouteName, request: ApiRequest): Promise<ApiAnswer> =>
  handlerFor(name, request)(context, request);
