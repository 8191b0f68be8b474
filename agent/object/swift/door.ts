/** Where a request to Swift comes in: which of account, container and object it means, and who answers it. */
import { asShoalError, ShoalError } from '../../../proto/error.ts';
import { objectRoutes } from '../../../proto/rest/object.ts';
import { apiPrefix } from '../../../proto/rest/route.ts';
import type { ApiAnswer, ApiRequest } from '../../http/port.ts';
import type { Context } from '../context.ts';
import { type ObjectPath, parsePath, projectOf } from '../name.ts';
import * as account from './account.ts';
import type { Ask } from './ask.ts';
import { bulkDelete } from './bulk-delete.ts';
import * as container from './container.ts';
import { listObjects } from './container-listing.ts';
import { copyObject } from './copy.ts';
import { corsHeaders, preflight } from './cors.ts';
import { swiftErrors } from './errors.ts';
import { isForm, postForm } from './form-post.ts';
import { infoOf } from './info.ts';
import * as object from './object.ts';
import { signIn } from './sign-in.ts';
import { servePage, siteOf } from './static-web.ts';
import { asTempUrlAnswer, checkTempUrl, isTempUrl, refuseTempUrl } from './temp-url.ts';
import { putObject } from './upload.ts';

type Serve = (context: Context, request: Ask) => Promise<ApiAnswer>;
export type RouteName = keyof typeof objectRoutes;

const handlers: Readonly<Record<HandledName, Serve>> = {
  listContainers: account.listContainers,
  headAccount: account.headAccount,
  updateAccount: account.updateAccount,
  createAccount: account.createAccount,
  deleteAccount: account.deleteAccount,
  listObjects,
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
/** Answers about this host and no account. No plug-in of any site is let in. */
const aboutHost: { readonly [Name in RouteName]?: (context: Context) => ApiAnswer } = {
  showInfo: ({ rates, codes }) => ({ body: infoOf(rates.limits, codes()) }),
  askInfo: () => ({ headers: { Allow: 'GET, HEAD, OPTIONS' }, body: '' }),
  checkHealth: () => ({ headers: { 'Content-Type': 'text/plain; charset=UTF-8' }, body: 'OK' }),
  showCrossDomain: () => ({
    headers: { 'Content-Type': 'application/xml; charset=UTF-8' },
    body:
      '<?xml version="1.0"?>\n<!DOCTYPE cross-domain-policy SYSTEM ' +
      '"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >\n<cross-domain-policy>\n</cross-domain-policy>',
  }),
};
type HandledName = Exclude<
  RouteName,
  | 'showInfo'
  | 'askInfo'
  | 'signIn'
  | 'checkHealth'
  | 'showCrossDomain'
  | 'askAccount'
  | 'askContainer'
  | 'askObject'
>;
const handledNames = Object.keys(handlers) as HandledName[];
const isHandled = (name: RouteName): name is HandledName => Object.hasOwn(handlers, name);

/** How many parts a path has: account 1, container 2, object 3. */
const partsOfRoute = (name: RouteName): number => objectRoutes[name].path.split('/').length - 2;
const partsOfPath = ({ container, object: name }: ObjectPath): number =>
  container === '' ? 1 : name === '' ? 2 : 3;

/** Its own route's status, whichever matched, and a length where there is no body: Swift says 0 there too. */
const answering =
  (name: HandledName): Serve =>
  async (context, request) => {
    const answer = await handlers[name](context, request);
    const { status = objectRoutes[name].status, headers } = answer;
    return {
      ...answer,
      status,
      headers: status === 204 ? { ...headers, 'Content-Length': '0' } : (headers ?? {}),
    };
  };

/**
 * Which of the three things a path names is only known once it is decoded: `/v1/AUTH_x/cont%2Fname` is an
 * object. The handler is found by the parts of the path and not by the route that happened to match.
 */
const handlerFor = (name: RouteName, request: ApiRequest): Serve => {
  const { method } = objectRoutes[name];
  // Whatever its path below the account.
  if (request.query.has('bulk-delete') && (method === 'POST' || method === 'DELETE')) return bulkDelete;
  const parts = partsOfPath(parsePath(request.params));
  if (isHandled(name) && parts === partsOfRoute(name)) return answering(name);
  const other = handledNames.find(
    (candidate) => objectRoutes[candidate].method === method && partsOfRoute(candidate) === parts,
  );
  if (other) return answering(other);
  throw new ShoalError('METHOD_NOT_ALLOWED', `Cannot ${method} an account or a container`);
};

const unset = ({ principal: _principal, ...request }: Ask): Ask => request;

/** An account that cannot be is not found, but whoever has no token is asked for one first, as at any other. */
const checkAccount = ({ params, principal }: Ask): void => {
  try {
    projectOf(params.account ?? '');
  } catch (cause) {
    if (principal) throw cause;
    throw new ShoalError(
      'NOT_AUTHENTICATED',
      'This server could not verify that you are authorized to access it.',
      {
        cause,
      },
    );
  }
};

const serveSite = async (context: Context, name: RouteName, request: Ask): Promise<ApiAnswer> => {
  const site = await siteOf(context, request);
  if (site) return servePage(context, request, site);
  // A signed address is of an object, or of the pages of a site.
  if (request.grant && parsePath(request.params).object === '') return refuseTempUrl();
  return handlerFor(name, request)(context, request);
};

const serve = async (context: Context, name: RouteName, request: Ask): Promise<ApiAnswer> => {
  checkAccount(request);
  if (isForm(request)) return postForm(context, unset(request));
  if (isTempUrl(request)) {
    const path = parsePath(request.params);
    // The signature counts alone: what a token would allow besides is not what was signed.
    const grant = await checkTempUrl(context, request, path);
    const query = new URLSearchParams(request.query);
    // Not signed, so not asked for.
    query.delete('version-id');
    const signed: Ask = { ...unset(request), query, signal: request.signal, grant };
    return asTempUrlAnswer(request, path, await serveSite(context, name, signed));
  }
  return serveSite(context, name, request);
};

/** A page's script sees an answer only if it says that it may, errors included. */
const serveOrigin = async (context: Context, name: RouteName, request: Ask): Promise<ApiAnswer> => {
  try {
    const answer = await serve(context, name, request);
    return { ...answer, headers: { ...answer.headers, ...(await corsHeaders(context, request, answer)) } };
  } catch (thrown) {
    const error = asShoalError(thrown);
    const cors = error.status >= 500 ? {} : await corsHeaders(context, request, {});
    if (Object.keys(cors).length === 0) throw thrown;
    const answer = swiftErrors(error, request);
    const own = answer.headers?.['WWW-Authenticate'];
    const keystone = `Keystone uri="${request.origin}${apiPrefix.identity}"`;
    const challenge = own === undefined ? {} : { 'WWW-Authenticate': [own, keystone].flat() };
    return { ...answer, headers: { ...answer.headers, ...cors, ...challenge } };
  }
};

export const door = async (context: Context, name: RouteName, request: ApiRequest): Promise<ApiAnswer> => {
  const about = aboutHost[name];
  if (about) return about(context);
  if (name === 'signIn') return signIn(context, request);
  if (request.method === 'OPTIONS') return preflight(context, request);
  return request.headers.origin === undefined
    ? serve(context, name, request)
    : serveOrigin(context, name, request);
};
