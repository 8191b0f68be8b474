/**
 * The one listener of all OpenStack APIs, the operator API and the panel.
 *
 * find-my-way finds the path, a map the method: bodies and answers are ours (`exchange.ts`), and a framework around it
 * (fastify) took 25 MB for what it was told not to do. All paths stand under one method of the router, for it keeps a
 * tree and a compiled function for each.
 *
 * Paths reach handlers decoded exactly once and never normalised: `/v1/acc/cont//a/../b` is a legal object name.
 * For that the router's own `ignoreTrailingSlash` stays off (it would cut `dir/`); every path without a wildcard is
 * registered in both forms instead, unless its route says that it is exact.
 */
import findMyWay from 'find-my-way';
import { ShoalError } from '../../proto/error.ts';
import { type ApiName, apiPrefix, type Method, prefixesOf, type Route } from '../../proto/rest/route.ts';
import type { Runtime } from '../runtime/ports.ts';
import { type Desk, exchanger, type Work } from './exchange.ts';
import { httpServer } from './http-server.ts';
import { headerBytesMax, requestsMax } from './limits.ts';
import { parseListen } from './listen-address.ts';
import type { Authenticate, ErrorShape, Handler, Http, RawHandler } from './port.ts';
import { clusterShape, defaultShapes, refuseInJson } from './shape.ts';
import { rawWork, routeWork } from './work.ts';

const methods: readonly Method[] = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'COPY', 'OPTIONS'];
/** Of the router, whatever the request's is. */
const anyMethod = 'GET';
const apis = Object.keys(apiPrefix) as ApiName[];

/** What stands at one path: its methods, and 405 for the others. */
interface Place {
  readonly api: ApiName | null;
  readonly path: string;
  readonly works: Map<string, Work>;
  /** Has it one form only? */
  exact: boolean;
}

const isKnown = (method: string | undefined): boolean => methods.includes(method as Method);

const notFound =
  (api: ApiName | null): Work =>
  async ({ raw, path }) => {
    throw isKnown(raw.method)
      ? new ShoalError(
          'NOT_FOUND',
          `Cannot ${raw.method} ${path}: ${api ? `the API ${api} has` : 'there is'} no such path`,
        )
      : new ShoalError('METHOD_NOT_ALLOWED', `Cannot ${raw.method} ${path}: no path takes this method`, {
          details: { allow: methods },
        });
  };

const notAllowed =
  (allow: readonly string[]): Work =>
  async ({ raw, path }) => {
    throw new ShoalError(
      'METHOD_NOT_ALLOWED',
      `Cannot ${raw.method} ${path}: it takes ${allow.join(', ') || 'nothing'}`,
      { details: { allow } },
    );
  };

const badUrl: Work = async ({ path }) => {
  throw new ShoalError('BAD_REQUEST', `Cannot read the path ${path}: its percent-encoding is wrong`);
};

/** `/compute/` and `/compute` are one path; where a wildcard ends it the slash before that counts. */
const bareOf = (path: string): string => (path.endsWith('*') ? path : path.replace(/\/+$/, ''));

/** Both forms that OpenStack clients use: `/compute` and `/compute/`. */
const formsOf = ({ path, exact }: Place): readonly string[] => {
  if (path.endsWith('*') || exact) return [path];
  return path === '' ? ['/'] : [path, `${path}/`];
};

/**
 * @param collaborators `authenticate` may also come later, by `setAuthenticate`.
 * @param settings `listen`: `host:port`, port 0 for any free one. `requestsMax`: in work at once.
 */
export const openHttp = (
  { runtime, authenticate: first }: { readonly runtime: Runtime; readonly authenticate?: Authenticate },
  settings: { readonly listen: string; readonly requestsMax?: number },
): Http => {
  let authenticate = first;
  const address = parseListen(settings.listen);
  const shapes = new Map<ApiName, ErrorShape>();
  const places = new Map<string, Place>();
  const desk: Desk = {
    runtime: { ...runtime, log: runtime.log.with({ part: 'http' }) },
    shapeOf: (api) => (api ? (shapes.get(api) ?? defaultShapes[api]) : clusterShape),
    authenticate: () => authenticate,
    requestsMax: settings.requestsMax ?? requestsMax,
  };
  const exchange = exchanger(desk);
  const badUrls = new Map([null, ...apis].map((api) => [api, exchange(api, badUrl)] as const));
  const unknownPath = exchange(null, notFound(null));
  const router = findMyWay({
    maxParamLength: headerBytesMax,
    onBadUrl(_path, raw, reply) {
      const url = raw.url ?? '';
      const atRoot = url.startsWith('/v1/') ? 'object' : null;
      const api = apis.find((name) => url.startsWith(`${apiPrefix[name]}/`)) ?? atRoot;
      void badUrls.get(api)?.(raw, reply, {});
    },
  });
  const server = httpServer(
    runtime,
    (raw, reply) => {
      const found = router.find(anyMethod, raw.url ?? '');
      if (found && isKnown(raw.method))
        found.handler(raw, reply, found.params, found.store, found.searchParams);
      else void unknownPath(raw, reply, {});
    },
    refuseInJson,
  );

  /** One place per path, whatever its parameters are called. */
  const placeAt = (api: ApiName | null, fullPath: string): Place => {
    const path = bareOf(fullPath);
    const key = path.replaceAll(/:\w+/g, ':');
    const place = places.get(key) ?? { api, path, works: new Map<string, Work>(), exact: false };
    places.set(key, place);
    return place;
  };

  const register = (place: Place): void => {
    const refuse = exchange(place.api, notAllowed([...place.works.keys()].sort()));
    const serveBy = new Map([...place.works].map(([method, work]) => [method, exchange(place.api, work)]));
    const serveEmpty = exchange(place.api, notFound(place.api));
    for (const form of formsOf(place))
      router.on(anyMethod, form, (raw, reply, found) => {
        const params = found as Record<string, string>;
        const hasHole = Object.values(params).includes('') && place.api !== null;
        void (hasHole ? serveEmpty : (serveBy.get(raw.method ?? '') ?? refuse))(raw, reply, params);
      });
  };

  const registerAll = (): void => {
    for (const api of apis)
      for (const path of [apiPrefix[api], `${apiPrefix[api]}/*`]) {
        const place = placeAt(api, path);
        if (place.works.size === 0) for (const method of methods) place.works.set(method, notFound(api));
      }
    for (const place of places.values()) {
      const get = place.works.get('GET');
      if (get && !place.works.has('HEAD')) place.works.set('HEAD', get);
      register(place);
    }
  };

  return {
    serve<R extends Route>(route: R, handler: Handler<R>) {
      const work = routeWork(desk, route, handler);
      for (const prefix of prefixesOf(route.api)) {
        const place = placeAt(route.api, `${prefix}${route.path}`);
        place.exact ||= route.exact === true;
        if (place.works.has(route.method))
          throw new Error(`route ${route.api}.${route.name} is served twice`);
        place.works.set(route.method, work);
      }
    },
    shapeErrors: (api, shape) => void shapes.set(api, shape),
    serveRaw(prefix: string, handler: RawHandler) {
      const bare = prefix.replace(/\/+$/, '');
      for (const path of [bare, `${bare}/*`]) placeAt(null, path).works.set('GET', rawWork(handler));
    },
    setAuthenticate(next) {
      authenticate = next;
    },
    async start() {
      registerAll();
      const bound = await server.start(address);
      desk.runtime.log.info('listening', { ...bound });
      return bound;
    },
    stop: server.stop,
  };
};
