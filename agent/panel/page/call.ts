/** Calls to the public APIs of the host that served the page, made like any client's. */
import { type ApiName, apiPrefix, type Method } from '../../../proto/rest/route.ts';
import { tellReach } from './reach.ts';

/** A host that is stopped, rather than gone, takes connections and never answers them. */
const answerMs = 20_000;

/** An answer that is not a success: its sentence, for people. Status 0: there was no answer. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Fired at the window when a call finds that the token is no longer good. */
export const sessionEnded = 'shoal-session-ended';

/** Each API wraps its sentence differently: JSON with one object that has a message, or a page of HTML. */
export const sentenceOf = (body: string, status: number): string => {
  try {
    const [inner] = Object.values(JSON.parse(body) as Record<string, { message?: unknown }>);
    if (typeof inner?.message === 'string') return inner.message;
  } catch {
    // Not JSON.
  }
  const page = new DOMParser().parseFromString(body, 'text/html').body;
  const title = page.querySelector('h1');
  title?.remove();
  const text = page.textContent?.replace(/\s+/g, ' ').trim();
  return text || title?.textContent || `The host answered with status ${status}`;
};

export interface Caller {
  readonly token: string;
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly signal?: AbortSignal;
  /** Default `answerMs`; more for a call that waits for something to happen. */
  readonly answerMs?: number;
}

export const urlOf = (api: ApiName, path: string, query: Readonly<Record<string, string>> = {}): string => {
  const text = new URLSearchParams(query).toString();
  return `${apiPrefix[api]}${path}${text ? `?${text}` : ''}`;
};

/** Throws a Refusal, or what `signal` was aborted with. */
export const call = async (
  caller: Caller | null,
  api: ApiName,
  method: Method,
  path: string,
  options: CallOptions = {},
): Promise<Response> => {
  const patience = AbortSignal.timeout(options.answerMs ?? answerMs);
  let response: Response;
  try {
    response = await fetch(urlOf(api, path, options.query), {
      method,
      headers: {
        ...(caller && { 'x-auth-token': caller.token }),
        ...(options.json !== undefined && { 'content-type': 'application/json' }),
      },
      ...(options.json !== undefined && { body: JSON.stringify(options.json) }),
      signal: options.signal ? AbortSignal.any([options.signal, patience]) : patience,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    tellReach(false);
    throw new Refusal(0, 'This host does not answer.');
  }
  tellReach(true);
  // The token ran out or was revoked: the panel goes back to the login.
  if (response.status === 401 && caller) dispatchEvent(new Event(sessionEnded));
  if (!response.ok) throw new Refusal(response.status, sentenceOf(await response.text(), response.status));
  return response;
};

export const callJson = async <Answer>(
  caller: Caller | null,
  api: ApiName,
  method: Method,
  path: string,
  options?: CallOptions,
): Promise<Answer> => (await call(caller, api, method, path, options)).json() as Promise<Answer>;
