/**
 * One request from its head to its answer:
 *
 *   admit -> origin -> authenticate -> policy -> query and body -> handler -> answer
 *      \________\____________\___________\____________\____________/
 *                 what is thrown becomes an answer in the API's own words
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asShoalError, ShoalError } from '../../proto/error.ts';
import { newRequestId, newTransactionId, type RequestId } from '../../proto/ids.ts';
import { type ApiName, apiPrefix } from '../../proto/rest/route.ts';
import type { Runtime } from '../runtime/ports.ts';
import { openAnswer, sendAnswer } from './answer.ts';
import { type Body, drainBody, openBody } from './body.ts';
import { retryAfterSeconds } from './limits.ts';
import type { ApiAnswer, Authenticate, ErrorShape } from './port.ts';

export interface Exchange {
  readonly raw: IncomingMessage;
  readonly reply: ServerResponse;
  readonly requestId: RequestId;
  /** Before the question mark, as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly params: Readonly<Record<string, string>>;
  readonly origin: string;
  readonly body: Body;
  readonly signal: AbortSignal;
}

export type Work = (exchange: Exchange) => Promise<{ readonly answer: ApiAnswer; readonly status: number }>;

export type StandardHeaders = (api: ApiName | null, requestId: RequestId) => Record<string, string>;

export interface Desk {
  readonly runtime: Runtime;
  /** Null outside the APIs. */
  readonly shapeOf: (api: ApiName | null) => ErrorShape;
  readonly authenticate: () => Authenticate | undefined;
  /** In work at once. */
  readonly requestsMax: number;
  /** On every answer besides its own. Default those of OpenStack. */
  readonly standardHeaders?: StandardHeaders;
}

const hostPattern = /^[\w.-]+(:\d{1,5})?$|^\[[\da-fA-F:.]+\](:\d{1,5})?$/;

/** Links are built on it, so a Host header that is no host is refused. HTTP/1.0 without one gets the address it reached. */
const originOf = (raw: IncomingMessage): string => {
  const host = raw.headers.host;
  if (host === undefined && raw.httpVersion === '1.1')
    throw new ShoalError('BAD_REQUEST', 'Cannot take a request of HTTP/1.1 without a Host header');
  if (!host) return `http://${raw.socket.localAddress}:${raw.socket.localPort}`;
  if (!hostPattern.test(host))
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot take the Host header ${JSON.stringify(host)}: send host:port`,
    );
  return `http://${host}`;
};

/** What is no UTF-8 would be another query than was asked. Throws BAD_REQUEST. */
const queryOf = (text: string): URLSearchParams => {
  const query = new URLSearchParams(text);
  const isOdd = (value: string): boolean => value.includes('\ufffd');
  if (
    text.includes('%') &&
    !/%ef%bf%bd/i.test(text) &&
    [...query].some(([name, value]) => isOdd(name) || isOdd(value))
  )
    throw new ShoalError('BAD_REQUEST', 'Cannot read the query: its percent-encoding is no UTF-8');
  return query;
};

export const headerOf = (raw: IncomingMessage, name: string): string | undefined => {
  const value = raw.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

const open = (
  desk: Desk,
  api: ApiName | null,
  raw: IncomingMessage,
  reply: ServerResponse,
  params: Exchange['params'],
) => {
  const url = raw.url ?? '/';
  const mark = url.indexOf('?');
  const expects = headerOf(raw, 'expect')?.toLowerCase() === '100-continue';
  let controller: AbortController | undefined;
  let query: URLSearchParams | undefined;
  return {
    raw,
    reply,
    params,
    requestId: api === 'object' ? newTransactionId(desk.runtime.clock.wallMs()) : newRequestId(),
    path: mark < 0 ? url : url.slice(0, mark),
    get query() {
      query ??= queryOf(mark < 0 ? '' : url.slice(mark + 1));
      return query;
    },
    get origin() {
      return originOf(raw);
    },
    body: openBody(desk.runtime, raw, reply, expects),
    /** Made when someone asks: most requests end without. */
    get signal() {
      if (!controller) {
        const made = new AbortController();
        const abort = (): void =>
          made.abort(new ShoalError('ABORTED', `Cannot finish ${raw.method} ${url}: the client went away`));
        if (reply.destroyed) abort();
        else reply.once('close', () => reply.writableFinished || abort());
        controller = made;
      }
      return controller.signal;
    },
  } satisfies Exchange;
};

/** Headers that every answer of an OpenStack API has, besides its own. Swift's clients know the second. */
const openstackHeaders: StandardHeaders = (api, requestId) => ({
  'X-Openstack-Request-Id': requestId,
  ...(api === 'object' ? { 'X-Trans-Id': requestId } : {}),
  // No cache on the way may take one caller's answer for another's.
  ...(api === 'identity' ? { Vary: 'X-Auth-Token' } : {}),
});

/** An API may have a challenge of its own besides Keystone's. */
const challenges = (ours: ApiAnswer['headers'], { headers: theirs }: ApiAnswer): ApiAnswer['headers'] => {
  const all = [theirs?.['WWW-Authenticate'], ours?.['WWW-Authenticate']]
    .flat()
    .filter((one) => one !== undefined);
  return all.length > 1 ? { 'WWW-Authenticate': all } : {};
};

const answerOf = (error: ShoalError, shape: ErrorShape, exchange: Exchange): ApiAnswer => {
  const method = exchange.raw.method ?? '';
  const answer = shape(error, { requestId: exchange.requestId, method, path: exchange.path });
  const headers: Record<string, string | readonly string[]> = {};
  if (error.status === 401)
    headers['WWW-Authenticate'] = `Keystone uri="${exchange.origin}${apiPrefix.identity}"`;
  if (error.status === 503) headers['Retry-After'] = String(retryAfterSeconds);
  const { allow } = error.details;
  if (error.code === 'METHOD_NOT_ALLOWED' && Array.isArray(allow)) headers.Allow = allow.join(', ');
  return { ...answer, headers: { ...headers, ...answer.headers, ...challenges(headers, answer) } };
};

const fail = (desk: Desk, api: ApiName | null, exchange: Exchange, thrown: unknown): ApiAnswer => {
  const error = asShoalError(thrown);
  const { requestId, path, raw } = exchange;
  if (error.status >= 500 && error.code !== 'NOT_IMPLEMENTED')
    desk.runtime.log[error.code === 'INTERNAL' ? 'error' : 'warn']('request failed', {
      requestId,
      method: raw.method,
      path,
      code: error.code,
      error: error.cause instanceof Error ? error.cause.stack : error.message,
    });
  return answerOf(error, desk.shapeOf(api), exchange);
};

/** Makes the function that a listener calls for one route (or for all that none has). */
export const exchanger = (desk: Desk) => {
  const { requestsMax, standardHeaders = openstackHeaders } = desk;
  let inFlight = 0;

  const admit = (): void => {
    if (inFlight > requestsMax)
      throw new ShoalError('BUSY', `Cannot take the request: ${requestsMax} are in work, try again`, {
        details: { requestsMax },
      });
  };

  const finish = async (api: ApiName | null, exchange: Exchange, work: Work): Promise<void> => {
    const { raw, reply, body } = exchange;
    const isHead = raw.method === 'HEAD';
    const standard = standardHeaders(api, exchange.requestId);
    const prepare = (answer: ApiAnswer, status: number) =>
      openAnswer({ ...answer, headers: { ...standard, ...answer.headers } }, status, isHead);
    let ready: Awaited<ReturnType<typeof openAnswer>>;
    try {
      admit();
      const { answer, status } = await work(exchange);
      ready = await prepare(answer, answer.status ?? status);
    } catch (thrown) {
      const answer = fail(desk, api, exchange, thrown);
      ready = await prepare(answer, answer.status ?? 500);
    }
    // A client that was not told to go on may send its body or not: the connection cannot be used again.
    if (body.expecting) ready.headers.connection = 'close';
    const { unread } = body;
    await sendAnswer(raw, reply, ready);
    if (unread) drainBody(raw);
  };

  return (api: ApiName | null, work: Work) =>
    async (raw: IncomingMessage, reply: ServerResponse, params: Exchange['params']): Promise<void> => {
      inFlight += 1;
      const exchange = open(desk, api, raw, reply, params);
      try {
        await finish(api, exchange, work);
      } catch (thrown) {
        const { code, message } = asShoalError(thrown);
        const { requestId, path } = exchange;
        if (code !== 'ABORTED')
          desk.runtime.log.warn('answer cut short', {
            requestId,
            path,
            code,
            error: message,
            cause: String(thrown),
          });
        reply.destroy();
      } finally {
        inFlight -= 1;
      }
    };
};
