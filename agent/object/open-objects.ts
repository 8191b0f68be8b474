/** Object Storage v1: joins records, use cases and routes. */
import { ShoalError } from '../../proto/error.ts';
import { objectRoutes } from '../../proto/rest/object.ts';
import type { Route } from '../../proto/rest/route.ts';
import type { ContentStore } from '../chunk/port.ts';
import type { ApiAnswer, ApiRequest, ApiServer } from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Tables } from '../table/port.ts';
import { openContainers } from './containers.ts';
import type { Context } from './context.ts';
import { swiftErrors } from './errors.ts';
import { infoOf } from './info.ts';
import { type ObjectPath, parsePath } from './name.ts';
import { walkObjects } from './object-listing.ts';
import { openObjectRows } from './objects.ts';
import { openRecords } from './records.ts';
import * as account from './serve-account.ts';
import * as container from './serve-container.ts';
import * as object from './serve-object.ts';
import * as upload from './serve-upload.ts';

export interface ObjectParts {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly content: ContentStore;
  readonly journal: Journal;
  readonly http: ApiServer;
}

type Serve = (context: Context, request: ApiRequest) => Promise<ApiAnswer>;

const handlers: Readonly<Record<keyof typeof objectRoutes, Serve>> = {
  showInfo: async () => ({ body: infoOf() }),
  listContainers: account.listContainers,
  headAccount: account.headAccount,
  updateAccount: account.updateAccount,
  createAccount: account.refuseAccountChange,
  deleteAccount: account.refuseAccountChange,
  listObjects: container.listObjects,
  headContainer: container.headContainer,
  createContainer: container.createContainer,
  updateContainer: container.updateContainer,
  deleteContainer: container.deleteContainer,
  getObject: object.getObject,
  headObject: object.headObject,
  putObject: upload.putObject,
  updateObject: object.updateObject,
  deleteObject: object.deleteObject,
  copyObject: upload.copyObject,
};

type RouteName = keyof typeof objectRoutes;
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

export const openObjects = ({ runtime, tables, content, journal, http }: ObjectParts): Context => {
  const records = openRecords(tables);
  const { clock } = runtime;
  const containers = openContainers({ records, clock }, async (id) => {
    const { done } = await walkObjects({ records, clock }, id, {}).next();
    return done !== true;
  });
  const objects = openObjectRows({ runtime, records, content, containers });
  const context: Context = { runtime, records, containers, objects, journal };
  http.shapeErrors('object', swiftErrors);
  for (const name of routeNames)
    http.serve<Route>(objectRoutes[name], (request) => handlerFor(name, request)(context, request));
  return context;
};
