/** What is done for a request once it was admitted: on a route of an API, and outside of them. */
import type { IncomingMessage } from 'node:http';
import { hasCode } from '../../proto/error.ts';
import type { Route } from '../../proto/rest/route.ts';
import { checkAccessRules } from './access-rule.ts';
import { readJson } from './body.ts';
import { type Desk, headerOf, type Work } from './exchange.ts';
import { jsonBodyBytesMax } from './limits.ts';
import { checkPolicy } from './policy.ts';
import type { ApiAnswer, ApiRequest, Handler, Principal, RawRequest } from './port.ts';
import { type Check, compileCheck } from './validate.ts';

/** A token that nobody issued is no token to a public route; a quorum that is missing stays an error there too. */
const principalFrom = async (
  desk: Desk,
  route: Route,
  raw: IncomingMessage,
): Promise<Principal | undefined> => {
  const token = headerOf(raw, 'x-auth-token');
  const authenticate = desk.authenticate();
  if (!token || !authenticate) return undefined;
  try {
    return await authenticate(token);
  } catch (thrown) {
    if (route.policy === 'public' && hasCode(thrown, 'NOT_AUTHENTICATED')) return undefined;
    throw thrown;
  }
};

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** What happens on a route of an API. */
export const routeWork = <R extends Route>(desk: Desk, route: R, handler: Handler<R>): Work => {
  const checkBody: Check | undefined = route.body && compileCheck(route.body, 'the body');
  const checkQuery: Check | undefined = route.query && compileCheck(route.query, 'the query');
  const bytesMax = route.bodyBytesMax ?? jsonBodyBytesMax;
  return async (exchange) => {
    const { raw, body, query } = exchange;
    const { origin } = exchange;
    const principal = await principalFrom(desk, route, raw);
    if (principal) checkAccessRules(principal, route.api, raw.method ?? route.method, exchange.path);
    checkPolicy(route, principal);
    checkQuery?.(Object.fromEntries(query));
    const json = checkBody && (await readJson(raw, body, bytesMax));
    checkBody?.(json ?? null);
    const request: ApiRequest<R> = {
      route,
      requestId: exchange.requestId,
      method: raw.method ?? route.method,
      origin,
      path: exchange.path,
      remoteAddress: raw.socket.remoteAddress ?? '',
      params: exchange.params,
      query,
      headers: raw.headers,
      body: json as ApiRequest<R>['body'],
      stream: checkBody ? nothing() : body.read(),
      get signal() {
        return exchange.signal;
      },
      ...(principal && { principal }),
    };
    return { answer: await handler(request), status: route.status };
  };
};

/** What happens outside the APIs. */
export const rawWork =
  (handler: (request: RawRequest) => Promise<ApiAnswer>): Work =>
  async (exchange) => {
    const { raw, requestId, query, origin, signal, params } = exchange;
    const path = params['*'] ?? '';
    const method = raw.method ?? 'GET';
    const answer = await handler({ method, path, query, headers: raw.headers, requestId, origin, signal });
    return { answer, status: 200 };
  };
