/** Who is logged in. The tokens live in this tab alone (sessionStorage): closing the tab logs out. */
import { call, callJson, Refusal, urlOf } from './call.ts';

export interface Project {
  readonly id: string;
  readonly name: string;
}

export interface Session {
  /** Scoped to `project`: all calls carry it. */
  readonly token: string;
  /** Unscoped: the way to another project. */
  readonly key: string;
  readonly userName: string;
  readonly project: Project;
  readonly projects: readonly Project[];
  readonly roles: readonly string[];
}

export const isAdmin = (session: Session): boolean => session.roles.includes('admin');

const storageKey = 'shoal.session';
/** The project last chosen in this browser; whoever logs in next and has no role there gets another. */
const projectKey = 'shoal.project';

export const storedSession = (): Session | null => {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey) ?? 'null') as Session | null;
  } catch {
    return null;
  }
};
export const storeSession = (session: Session | null): void => {
  if (session) sessionStorage.setItem(storageKey, JSON.stringify(session));
  else sessionStorage.clear();
};

interface TokenBody {
  readonly token: {
    readonly user: { readonly name: string };
    readonly roles?: readonly { readonly name: string }[];
  };
}

const authenticate = async (
  identity: unknown,
  scope: unknown,
): Promise<{ readonly token: string; readonly body: TokenBody['token'] }> => {
  const response = await call(null, 'identity', 'POST', '/v3/auth/tokens', {
    json: { auth: { identity, scope } },
  });
  const { token } = (await response.json()) as TokenBody;
  return { token: response.headers.get('x-subject-token') ?? '', body: token };
};

const enter = async (key: string, projects: readonly Project[], project: Project): Promise<Session> => {
  const { token, body } = await authenticate(
    { methods: ['token'], token: { id: key } },
    { project: { id: project.id } },
  );
  const roles = (body.roles ?? []).map((role) => role.name);
  return { token, key, userName: body.user.name, project, projects, roles };
};

const revoke = (token: string): Promise<unknown> =>
  fetch(urlOf('identity', '/v3/auth/tokens'), {
    method: 'DELETE',
    headers: { 'x-auth-token': token, 'x-subject-token': token },
    // The page may be closing.
    keepalive: true,
  }).catch(() => {});

/** Throws a Refusal, also when the user has no role anywhere. */
export const logIn = async (name: string, domain: string, password: string): Promise<Session> => {
  const user = { name, password, domain: { name: domain } };
  const { token } = await authenticate({ methods: ['password'], password: { user } }, 'unscoped').catch(
    (error) => {
      // Keystone says the same of all three, and only that authentication is required.
      throw error instanceof Refusal && error.status === 401
        ? new Refusal(
            401,
            'Cannot log in: the user, the password or the domain is wrong, or the user is disabled.',
          )
        : error;
    },
  );
  const { projects } = await callJson<{ projects: Project[] }>(
    { token },
    'identity',
    'GET',
    '/v3/auth/projects',
  );
  const last = localStorage.getItem(projectKey);
  const chosen =
    projects.find(({ id }) => id === last) ??
    projects.find((project) => project.name === name) ??
    projects[0];
  if (!chosen)
    throw new Refusal(403, `${name} has no role on any project yet: ask an admin of the cloud to give one.`);
  return enter(token, projects, chosen);
};

export const switchProject = async (session: Session, project: Project): Promise<Session> => {
  const next = await enter(session.key, session.projects, project);
  localStorage.setItem(projectKey, project.id);
  void revoke(session.token);
  return next;
};

export const logOut = async (session: Session): Promise<void> => {
  storeSession(null);
  await revoke(session.token);
  await revoke(session.key);
};
