/** Tokens: issue, look at, take back; and what one may do with them. */
import { hasCode, ShoalError } from '../../../proto/error.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { type ApiAnswer, type ApiRequest, type Principal, principalOf } from '../../http/port.ts';
import { revocationKey } from '../authenticate.ts';
import { passwordEndMs } from '../compliance.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { forbidden } from '../error.ts';
import { isAllowed } from '../guard.ts';
import { expiredWindowMs } from '../limits.ts';
import type { Issued } from '../login.ts';
import { policies } from '../policy.ts';
import { domainsFor, projectsFor } from '../reach.ts';
import { flag } from './filter.ts';
import { linkOf, listLinks, showDomain, showProject, showToken } from './render.ts';
import { signedRequestOf } from './signed.ts';

/** The body of a token, and the token in its header. */
export const answerToken = async (
  { directory, catalog, passwordCheck }: IdentityContext,
  request: Pick<ApiRequest, 'origin' | 'query'>,
  { token, principal }: Pick<Issued, 'token' | 'principal'>,
): Promise<ApiAnswer> => {
  const [user, rules] = await Promise.all([
    directory.recent.user.get(principal.user.id),
    passwordCheck.rulesOf(principal.user.domain.id),
  ]);
  const shown = request.query.has('nocatalog') ? undefined : await catalog.of(request.origin, principal);
  return {
    headers: { 'X-Subject-Token': token, Vary: 'X-Auth-Token' },
    body: { token: showToken(principal, shown, user ? passwordEndMs(rules, user) : null) },
  };
};

export const serveAuth = (context: IdentityContext): void => {
  const { http, directory, authenticator, catalog } = context;
  const { token, auth } = identityRoutes;

  http.serve(token.issue, async (request) =>
    answerToken(
      context,
      request,
      await context.issue(request.requestId, request.body.auth, signedRequestOf(request)),
    ),
  );

  /** The token that the call is about: one's own, or anyone's for those whom the policy names. */
  const subjectOf = async (request: ApiRequest, action: 'validateToken' | 'revokeToken', graceMs: number) => {
    const text = request.headers['x-subject-token'];
    if (typeof text !== 'string') throw new ShoalError('NOT_FOUND', 'No token in the request');
    const caller = principalOf(request);
    try {
      const subject = await authenticator.inspect(text, graceMs);
      const asked = { ...request, params: { userId: subject.principal.user.id } };
      if (!(await isAllowed(directory, policies[action] ?? {}, caller, asked)))
        throw forbidden(`identity:${action === 'validateToken' ? 'validate_token' : 'revoke_token'}`);
      return { token: text, ...subject };
    } catch (error) {
      if (hasCode(error, 'NOT_AUTHENTICATED')) throw new ShoalError('NOT_FOUND', 'Failed to validate token');
      throw error;
    }
  };

  http.serve(token.show, async (request) => {
    const graceMs = flag(request.query, 'allow_expired') ? expiredWindowMs : 0;
    return answerToken(context, request, await subjectOf(request, 'validateToken', graceMs));
  });

  http.serve(token.revoke, async (request) => {
    const { payload } = await subjectOf(request, 'revokeToken', 0);
    await journaled(context, request, 'token.revoke', payload.auditId, () =>
      directory.changing('token', revocationKey(payload), () =>
        directory.revocations.revoke(payload.auditId, payload.expiresAtMs),
      ),
    );
    return {};
  });

  http.serve(auth.catalog, async (request) => {
    const caller: Principal = principalOf(request);
    if (caller.scope.kind !== 'project')
      throw new ShoalError('FORBIDDEN', 'A project-scoped token is required to produce a service catalog.');
    const { origin } = request;
    return {
      body: { catalog: await catalog.of(origin, caller), links: { self: linkOf(origin, 'auth/catalog') } },
    };
  });

  http.serve(auth.projects, async (request) => {
    const { origin } = request;
    const projects = await projectsFor(directory, principalOf(request).user.id);
    return {
      body: {
        projects: projects.map((row) => showProject(origin, row)),
        ...listLinks(origin, 'auth/projects'),
      },
    };
  });

  http.serve(auth.domains, async (request) => {
    const { origin } = request;
    const domains = await domainsFor(directory, principalOf(request).user.id);
    return {
      body: { domains: domains.map((row) => showDomain(origin, row)), ...listLinks(origin, 'auth/domains') },
    };
  });

  http.serve(auth.system, async (request) => {
    const roles = await directory.rolesOn(principalOf(request).user.id, { kind: 'system' });
    return {
      body: {
        system: roles.length > 0 ? [{ all: true }] : [],
        links: { self: linkOf(request.origin, 'auth/system') },
      },
    };
  });
};
