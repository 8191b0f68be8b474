/** A logged-in client of one host's APIs. Every call names a route of `proto/rest` or a path below one of its APIs. */
import { type ErrorCode, errorTable, ShoalError } from '../proto/error.ts';
import { type AnswerOf, type ApiName, apiPrefix, type Method, type Route } from '../proto/rest/route.ts';
import { type Cloud, type CloudChoice, readCloud } from './clouds.ts';

export interface CallOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Plain data goes as JSON; a stream or bytes as they are. */
  readonly json?: unknown;
  readonly body?: BodyInit | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

export interface Client {
  readonly origin: string;
  readonly projectId: string;
  readonly userId: string;
  call<R extends Route>(route: R, options?: CallOptions): Promise<AnswerOf<R>>;
  fetch(api: ApiName, method: Method, path: string, options?: CallOptions): Promise<Response>;
  json<T>(api: ApiName, method: Method, path: string, options?: CallOptions): Promise<T>;
}

const codeOfStatus = new Map<number, ErrorCode>([
  ...Object.entries(errorTable).map(([code, { status }]) => [status, code as ErrorCode] as const),
  [403, 'FORBIDDEN'],
  [409, 'CONFLICT'],
  [500, 'INTERNAL'],
  [503, 'BUSY'],
]);

const plain = (html: string): string =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** The sentence inside any of the APIs' error shapes. */
const messageOf = (body: string): string => {
  try {
    const parsed: unknown = JSON.parse(body);
    const inner = typeof parsed === 'object' && parsed !== null ? Object.values(parsed)[0] : undefined;
    const message =
      typeof inner === 'object' && inner !== null && 'message' in inner ? inner.message : undefined;
    return typeof message === 'string' ? message : body;
  } catch {
    return plain(body);
  }
};

const refused = async (action: string, response: Response): Promise<ShoalError> => {
  const message = messageOf(await response.text());
  const code = codeOfStatus.get(response.status) ?? (response.status < 500 ? 'BAD_REQUEST' : 'INTERNAL');
  return new ShoalError(code, message || `${action} was answered with status ${response.status}`);
};

const send = async (action: string, url: URL | string, init: RequestInit): Promise<Response> => {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ShoalError('UNREACHABLE', `Cannot ${action}: no agent answers at ${new URL(url).origin}`, {
      cause,
    });
  }
  if (!response.ok) throw await refused(action, response);
  return response;
};

interface LoggedIn {
  readonly token: string;
  readonly projectId: string;
  readonly userId: string;
}

const logIn = async (cloud: Cloud): Promise<LoggedIn> => {
  const base = cloud.authUrl.endsWith('/v3') ? cloud.authUrl : `${cloud.authUrl}/v3`;
  const domain = (name: string): Record<string, string> => (name === 'default' ? { id: name } : { name });
  const response = await send('log in', `${base}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ['password'],
          password: {
            user: { name: cloud.username, password: cloud.password, domain: domain(cloud.userDomain) },
          },
        },
        ...(cloud.projectName !== undefined && {
          scope: { project: { name: cloud.projectName, domain: domain(cloud.projectDomain) } },
        }),
      },
    }),
  });
  const token = response.headers.get('x-subject-token');
  const answer = (await response.json()) as { token?: { project?: { id?: string }; user?: { id?: string } } };
  if (token === null)
    throw new ShoalError('NOT_AUTHENTICATED', `Cannot log in at ${base}: the answer has no token`);
  return { token, projectId: answer.token?.project?.id ?? '', userId: answer.token?.user?.id ?? '' };
};

export const connect = async (choice: CloudChoice): Promise<Client> => {
  const cloud = readCloud(choice);
  const { token, projectId, userId } = await logIn(cloud);
  const origin = new URL(cloud.authUrl).origin;

  const request = (
    api: ApiName,
    method: Method,
    path: string,
    options: CallOptions = {},
  ): Promise<Response> => {
    const url = new URL(origin + apiPrefix[api] + path);
    for (const [name, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, value);
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    return send(`${method} ${url.pathname}`, url, {
      method,
      headers: {
        'x-auth-token': token,
        ...(options.json !== undefined && { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body !== undefined && { body: body as BodyInit, duplex: 'half' }),
      ...(options.signal && { signal: options.signal }),
    } as RequestInit);
  };

  const client: Client = {
    origin,
    projectId,
    userId,
    fetch: request,
    json: async <T>(api: ApiName, method: Method, path: string, options?: CallOptions) =>
      (await request(api, method, path, options)).json() as Promise<T>,
    async call(route, options) {
      const path = route.path.replace(/:([a-zA-Z]+)/g, (_, name: string) =>
        encodeURIComponent(options?.params?.[name] ?? ''),
      );
      const response = await request(route.api, route.method, path, options);
      return (response.status === 204 ? undefined : await response.json()) as never;
    },
  };
  return client;
};
