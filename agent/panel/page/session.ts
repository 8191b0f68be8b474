/**
 * Who is logged in, and calls in their name. The token lives in this tab alone (sessionStorage): closing the tab
 * logs out. All calls go to the host that served the page, through the same public APIs as any client's.
 */
import { type ApiName, apiPrefix, type Method } from '../../../proto/rest/route.ts';

export interface Project {
  readonly id: string;
  readonly name: string;
}

export interface Session {
  readonly token: string;
  readonly userName: string;
  readonly project: Project;
  readonly projects: readonly Project[];
  readonly roles: readonly string[];
}

/** An answer that is not a success: its sentence, for people. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const storageKey = 'shoal.session';
/** Fired at the window when a call finds that the token is no longer good. */
export const sessionEnded = 'shoal-session-ended';

export const storedSession = (): Session | null => {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey) ?? 'null') as Session | null;
  } catch {
    return null;
  }
};
export const storeSession = (session: Session | null): void => {
  if (session) sessionStorage.setItem(storageKey, JSON.stringify(session));
  else sessionStorage.removeItem(storageKey);
};

/** Each API wraps its sentence differently: JSON with one object that has a message, or a line of HTML. */
export const sentenceOf = (body: string, status: number): string => {
  try {
    const [inner] = Object.values(JSON.parse(body) as Record<string, { message?: unknown }>);
    if (typeof inner?.message === 'string') return inner.message;
  } catch {
    // Not JSON.
  }
  const text = new DOMParser()
    .parseFromString(body, 'text/html')
    .body.textContent?.replace(/\s+/g, ' ')
    .trim();
  return text || `The host answered with status ${status}`;
};

export interface CallOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly signal?: AbortSignal;
}

export const urlOf = (api: ApiName, path: string, query: Readonly<Record<string, string>> = {}): string => {
  const text = new URLSearchParams(query).toString();
  return `${apiPrefix[api]}${path}${text ? `?${text}` : ''}`;
};

export const call = async (
  session: Session | null,
  api: ApiName,
  method: Method,
  path: string,
  options: CallOptions = {},
): Promise<Response> => {
  let response: Response;
  try {
    response = await fetch(urlOf(api, path, options.query), {
      method,
      headers: {
        ...(session && { 'x-auth-token': session.token }),
        ...(options.json !== undefined && { 'content-type': 'application/json' }),
      },
      ...(options.json !== undefined && { body: JSON.stringify(options.json) }),
      ...(options.signal && { signal: options.signal }),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refusal(0, 'This host does not answer. Another host of the cluster serves the same panel.');
  }
  // The token ran out or was revoked: the shell goes back to the login.
  if (response.status === 401 && session) dispatchEvent(new Event(sessionEnded));
  if (!response.ok) throw new Refusal(response.status, sentenceOf(await response.text(), response.status));
  return response;
};

export const callJson = async <Answer>(
  session: Session | null,
  api: ApiName,
  method: Method,
  path: string,
  options?: CallOptions,
): Promise<Answer> => (await call(session, api, method, path, options)).json() as Promise<Answer>;

interface TokenBody {
  readonly token: {
    readonly user: { readonly name: string };
    readonly project?: Project;
    readonly roles?: readonly { readonly name: string }[];
  };
}

const authenticate = async (
  identity: unknown,
  scope?: unknown,
): Promise<{ readonly token: string; readonly body: TokenBody }> => {
  const response = await call(null, 'identity', 'POST', '/v3/auth/tokens', {
    json: { auth: { identity, ...(scope !== undefined && { scope }) } },
  });
  return { token: response.headers.get('x-subject-token') ?? '', body: (await response.json()) as TokenBody };
};

const enter = async (token: string, projects: readonly Project[], project: Project): Promise<Session> => {
  const scoped = await authenticate(
    { methods: ['token'], token: { id: token } },
    { project: { id: project.id } },
  );
  return {
    token: scoped.token,
    userName: scoped.body.token.user.name,
    project,
    projects,
    roles: (scoped.body.token.roles ?? []).map((role) => role.name),
  };
};

export const logIn = async (name: string, domain: string, password: string): Promise<Session> => {
  const user = { name, password, domain: { name: domain } };
  const { token } = await authenticate({ methods: ['password'], password: { user } }, 'unscoped');
  const { projects } = await callJson<{ projects: Project[] }>(
    { token } as Session,
    'identity',
    'GET',
    '/v3/auth/projects',
  );
  const [first] = projects;
  if (!first) throw new Refusal(403, `${name} has no role on any project: an admin can give one`);
  return enter(token, projects, first);
};

export const switchProject = (session: Session, project: Project): Promise<Session> =>
  enter(session.token, session.projects, project);

export const logOut = async (session: Session): Promise<void> => {
  storeSession(null);
  await fetch(urlOf('identity', '/v3/auth/tokens'), {
    method: 'DELETE',
    headers: { 'x-auth-token': session.token, 'x-subject-token': session.token },
  }).catch(() => {});
};

export const isAdmin = (session: Session): boolean => session.roles.includes('admin');
