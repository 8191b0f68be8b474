/**
 * Object Storage v1 (OpenStack Swift). Paths are account / container / object; the object's name is the rest of
 * the path, slashes included. Every route is public to the HTTP layer: a container's access list may let in
 * callers without a token, so `agent/object/access.ts` decides each call.
 */
import type { Method, Route } from './route.ts';
import { route } from './route.ts';

const account = '/v1/:account';
const container = '/v1/:account/:container';
const object = '/v1/:account/:container/*';

const objectRoute = <const Name extends string, const M extends Method>(
  name: Name,
  method: M,
  path: string,
  status: number,
) => route({ api: 'object', name, method, path, policy: 'public', status } satisfies Route);

export const objectRoutes = {
  /** What this store can do and where its limits are. */
  showInfo: objectRoute('showInfo', 'GET', '/info', 200),

  askInfo: objectRoute('askInfo', 'OPTIONS', '/info', 200),

  /** Swift's first way of authentication: names and password in headers, a token and the account's address in those of the answer. */
  signIn: objectRoute('signIn', 'GET', '/auth/v1.0', 200),

  /** For load balancers: this host answers. */
  checkHealth: objectRoute('checkHealth', 'GET', '/healthcheck', 200),
  /** The policy file of old browser plug-ins. */
  showCrossDomain: objectRoute('showCrossDomain', 'GET', '/crossdomain.xml', 200),

  listContainers: objectRoute('listContainers', 'GET', account, 200),
  headAccount: objectRoute('headAccount', 'HEAD', account, 204),
  updateAccount: objectRoute('updateAccount', 'POST', account, 204),
  /** Accounts come with their project: both answer 405. */
  createAccount: objectRoute('createAccount', 'PUT', account, 405),
  deleteAccount: objectRoute('deleteAccount', 'DELETE', account, 405),

  listObjects: objectRoute('listObjects', 'GET', container, 200),
  headContainer: objectRoute('headContainer', 'HEAD', container, 204),
  createContainer: objectRoute('createContainer', 'PUT', container, 201),
  updateContainer: objectRoute('updateContainer', 'POST', container, 204),
  deleteContainer: objectRoute('deleteContainer', 'DELETE', container, 204),

  getObject: objectRoute('getObject', 'GET', object, 200),
  headObject: objectRoute('headObject', 'HEAD', object, 200),
  putObject: objectRoute('putObject', 'PUT', object, 201),
  updateObject: objectRoute('updateObject', 'POST', object, 202),
  deleteObject: objectRoute('deleteObject', 'DELETE', object, 204),
  copyObject: objectRoute('copyObject', 'COPY', object, 201),

  /** What a path takes, and a browser's question whether a page of another origin may use it. */
  askAccount: objectRoute('askAccount', 'OPTIONS', account, 200),
  askContainer: objectRoute('askContainer', 'OPTIONS', container, 200),
  askObject: objectRoute('askObject', 'OPTIONS', object, 200),
} as const;
