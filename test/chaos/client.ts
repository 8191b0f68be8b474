/** A user of the cloud over HTTP: each call ends with an answer or with the word that nobody knows. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { ChaosHost } from './host.ts';

const callMsMax = 20_000;

export interface Answered {
  /** 0: there was no answer. */
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  /** What went wrong where there was no whole answer. */
  readonly error: string;
  /** Nobody took the call: it surely did nothing. */
  readonly isRefused: boolean;
}

/** Whom to ask. */
export type Door = Pick<ChaosHost, 'name' | 'apiUrl'>;

export interface CloudUser {
  /** A new token, signed by this host. */
  token(host: Door): Promise<string>;
  call(host: Door, method: string, path: string, options?: CallOptions): Promise<Answered>;
  /** Below the account: container and object, already encoded. */
  object(host: Door, method: string, path: string, options?: CallOptions): Promise<Answered>;
}

interface CallOptions {
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** In the place of the user's own. */
  readonly token?: string;
}

const send = async (
  url: string,
  method: string,
  { body, headers = {}, timeoutMs = callMsMax }: CallOptions,
): Promise<Answered> => {
  try {
    const response = await fetch(url, {
      method,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body: bytes, error: '', isRefused: false };
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : '';
    const isRefused = /^connect (ECONNREFUSED|EHOSTUNREACH)/.test(cause);
    const error = thrown instanceof Error ? `${thrown.name} ${cause || thrown.message}` : String(thrown);
    return { status: 0, headers: new Headers(), body: Buffer.alloc(0), error, isRefused };
  }
};

/** `clouds`: the file that `init` wrote. One token serves at all hosts; a refused one is replaced. */
export const openUser = (clouds: string): CloudUser => {
  const { auth } = (
    parse(readFileSync(clouds, 'utf8')) as { clouds: { shoal: { auth: Record<string, string> } } }
  ).clouds.shoal;
  let login: { readonly token: string; readonly project: string } | undefined;

  const logIn = async (host: Door): Promise<typeof login> => {
    const domain = { name: 'Default' };
    const answer = await send(`${host.apiUrl}/identity/v3/auth/tokens`, 'POST', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: auth.username, password: auth.password, domain } },
          },
          scope: { project: { name: auth.project_name, domain } },
        },
      }),
    });
    const token = answer.headers.get('x-subject-token');
    if (answer.status !== 201 || !token) return undefined;
    const { project } = (JSON.parse(answer.body.toString()) as { token: { project: { id: string } } }).token;
    return { token, project: project.id };
  };

  const call: CloudUser['call'] = async (host, method, path, options = {}) => {
    if (options.token !== undefined) {
      const headers = { ...options.headers, 'x-auth-token': options.token };
      return send(`${host.apiUrl}${path}`, method, { ...options, headers });
    }
    login ??= await logIn(host);
    if (!login)
      return {
        status: 401,
        headers: new Headers(),
        body: Buffer.alloc(0),
        error: 'no token',
        isRefused: true,
      };
    const { token } = login;
    const headers = { 'x-auth-token': token, ...options.headers };
    const answer = await send(`${host.apiUrl}${path}`, method, { ...options, headers });
    if (answer.status === 401 && login?.token === token) login = undefined;
    return answer;
  };
  return {
    call,
    async token(host) {
      const found = await logIn(host);
      if (!found) throw new Error(`Cannot log in at ${host.name}`);
      return found.token;
    },
    async object(host, method, path, options) {
      login ??= await logIn(host);
      return call(host, method, `/object-store/v1/AUTH_${login?.project ?? 'unknown'}/${path}`, options);
    },
  };
};
