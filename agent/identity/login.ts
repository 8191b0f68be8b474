/**
 * POST /v3/auth/tokens: who are you, and for what do you want a token? All reads here are linearizable.
 *
 *     password  -> the user, after the hash (also when there is no such user)
 *     token     -> the user of that token; the new one ends when that one does
 *     scope     -> project, domain or system on which the user has a role; none asked: the default project or none
 *
 * Every refusal is the same 401. The password is checked before the scope, so a stranger learns nothing about
 * which projects there are.
 */
import { hasCode } from '../../proto/error.ts';
import type { AuthRequest } from '../../proto/rest/identity.ts';
import { secondMs } from '../../proto/units.ts';
import { toBase64Url } from '../base/bytes.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Authenticator } from './authenticate.ts';
import type { Directory } from './directory.ts';
import { expecting, forbidden, notFound, unauthorized } from './error.ts';
import { openFinder, type RefInDomain } from './finder.ts';
import type { Target } from './grants.ts';
import type { Lockout } from './lockout.ts';
import type { Passwords } from './password.ts';
import type { ProjectRow, UserRow } from './records.ts';
import { issueToken, type Signer, type TokenPayload, type TokenScope } from './token.ts';

type Auth = AuthRequest['auth'];

export interface Login {
  issue(auth: Auth): Promise<{ readonly token: string; readonly payload: TokenPayload }>;
  /** The user, when the password is right and the account open. Throws NOT_AUTHENTICATED, BAD_REQUEST. */
  checkPassword(ref: RefInDomain, password: string): Promise<UserRow>;
}

interface Known {
  readonly user: UserRow;
  readonly methods: readonly string[];
  readonly from?: TokenPayload;
}

export const openLogin = (
  {
    runtime,
    directory,
    passwords,
    lockout,
    authenticator,
    signer,
  }: {
    readonly runtime: Runtime;
    readonly directory: Directory;
    readonly passwords: Passwords;
    readonly lockout: Lockout;
    readonly authenticator: Authenticator;
    readonly signer: Signer;
  },
  settings: { readonly tokenSeconds: number },
): Login => {
  const { findUser, findProject, findDomain } = openFinder(directory);

  const isOpen = async (domainId: string): Promise<boolean> =>
    (await directory.domain(domainId))?.enabled === true;

  const checkPassword = async (ref: RefInDomain, password: string): Promise<UserRow> => {
    const user = await findUser(ref);
    if (user && (await lockout.isLocked(user.id)))
      throw unauthorized(`The account is locked for user: ${user.id}.`);
    const matches = await passwords.verify(user?.password, password);
    if (!user) throw unauthorized();
    if (!matches) {
      await lockout.failed(user.id);
      throw unauthorized();
    }
    if (!user.enabled || !(await isOpen(user.domainId))) throw unauthorized();
    await lockout.clear(user.id);
    return user;
  };

  /** 404 as Keystone: the token is the thing that is asked about. */
  const byToken = async (text: string): Promise<Known> => {
    try {
      const { payload } = await authenticator.inspect(text);
      const user = await directory.user(payload.userId);
      if (!user || user.generation !== payload.generation) throw unauthorized();
      return { user, methods: ['token', ...payload.methods], from: payload };
    } catch (error) {
      if (hasCode(error, 'NOT_AUTHENTICATED')) throw notFound('token', 'it is not valid');
      throw error;
    }
  };

  const identify = async ({ methods, password, token }: Auth['identity']): Promise<Known> => {
    const known: Known[] = [];
    for (const method of new Set(methods)) {
      if (method === 'token') {
        if (!token) throw expecting('token', 'identity');
        known.push(await byToken(token.id));
      } else if (method === 'password') {
        if (!password) throw expecting('password', 'identity');
        known.push({
          user: await checkPassword(password.user, password.user.password ?? ''),
          methods: [method],
        });
      } else throw unauthorized('Attempted to authenticate with an unsupported method.');
    }
    const first = known[0];
    if (!first || known.some(({ user }) => user.id !== first.user.id)) throw unauthorized();
    const from = known.find((one) => one.from)?.from;
    return {
      user: first.user,
      methods: [...new Set(known.flatMap((one) => one.methods))],
      ...(from && { from }),
    };
  };

  const mayEnter = async (user: UserRow, target: Target): Promise<boolean> =>
    (await directory.rolesOn(user.id, target)).length > 0;

  const enterProject = async (
    user: UserRow,
    project: ProjectRow | undefined,
  ): Promise<TokenScope | undefined> => {
    if (!project?.enabled || !(await isOpen(project.domainId))) return undefined;
    const scope = { kind: 'project', id: project.id } as const;
    return (await mayEnter(user, scope)) ? scope : undefined;
  };

  const enter = async (user: UserRow, asked: Auth['scope']): Promise<TokenScope> => {
    if (asked === undefined) {
      const preferred = user.defaultProjectId && (await directory.project(user.defaultProjectId));
      return (preferred && (await enterProject(user, preferred))) || { kind: 'unscoped' };
    }
    if (asked === 'unscoped') return { kind: 'unscoped' };
    const { project, domain, system, unscoped } = asked;
    if ([project, domain, system, unscoped].filter(Boolean).length !== 1)
      throw expecting('system, project, domain, OS-TRUST:trust or unscoped', 'scope');
    if (unscoped) return { kind: 'unscoped' };
    let scope: TokenScope | undefined;
    if (project) scope = await enterProject(user, await findProject(project));
    else if (domain) {
      const found = await findDomain(domain);
      if (found?.enabled && (await mayEnter(user, { kind: 'domain', id: found.id })))
        scope = { kind: 'domain', id: found.id };
    } else if (await mayEnter(user, { kind: 'system' })) scope = { kind: 'system' };
    if (!scope) throw unauthorized();
    return scope;
  };

  return {
    checkPassword,
    async issue({ identity, scope: asked }) {
      const { user, methods, from } = await identify(identity);
      const narrows = typeof asked === 'object' && (asked.project ?? asked.domain);
      if (from?.scope.kind === 'system' && narrows)
        throw forbidden(
          'Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.',
        );
      const scope = await enter(user, asked);
      const issuedAtMs = runtime.clock.wallMs();
      const payload: TokenPayload = {
        userId: user.id,
        generation: user.generation,
        scope,
        methods,
        auditId: toBase64Url(runtime.chance.bytes(16)),
        ...(from && { parentAuditId: from.parentAuditId ?? from.auditId }),
        issuedAtMs,
        expiresAtMs: from?.expiresAtMs ?? Math.ceil(issuedAtMs / secondMs + settings.tokenSeconds) * secondMs,
      };
      return { token: await issueToken(signer, payload), payload };
    },
  };
};
