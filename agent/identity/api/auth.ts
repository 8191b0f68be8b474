/** Tokens: issue, look at, take back; and what one may do with them. */
import { asShoalError, hasCode, ShoalError } from '../../../proto/error.ts';
import { type AuthRequest, identityRoutes } from '../../../proto/rest/identity.ts';
import { minuteMs } from '../../../proto/units.ts';
import { type ApiAnswer, type ApiRequest, actorOf, type Principal, principalOf } from '../../http/port.ts';
import type { Clock } from '../../runtime/ports.ts';
import { revocationKey } from '../authenticate.ts';
import { passwordEndMs } from '../compliance.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { forbidden } from '../error.ts';
import { isAllowed } from '../guard.ts';
import { expiredWindowMs, refusalsPerMinuteMax } from '../limits.ts';
import type { Issued } from '../login.ts';
import { policies } from '../policy.ts';
import { domainsFor, projectsFor } from '../reach.ts';
import { flag } from './filter.ts';
import { linkOf, listLinks, showDomain, showProject, showToken } from './render.ts';
import { signedRequestOf } from './signed.ts';

/** True as often as `max` in each minute. */
const perMinute = (clock: Clock, max: number): (() => boolean) => {
  let endsAtMs = Number.NEGATIVE_INFINITY;
  let left = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= endsAtMs) {
      endsAtMs = nowMs + minuteMs;
      left = max;
    }
    left -= 1;
    return left >= 0;
  };
};

/** Who was asked about, for the journal; never what was given as the password. */
const nameOf = (proofs: AuthRequest['auth']['identity']): string => {
  const { password, application_credential: application } = proofs;
  const named = password?.user ?? application;
  return (named?.id ?? named?.name ?? 'token').slice(0, 255);
};

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
  const { http, directory, authenticator, login, catalog, journal, runtime } = context;
  const mayTell = perMinute(runtime.clock, refusalsPerMinuteMax);
  const { token, auth } = identityRoutes;

  http.serve(token.issue, async (request) => {
    const { requestId, body } = request;
    const event = { requestId, action: 'token.issue' } as const;
    try {
      const issued = await login.issue(body.auth, signedRequestOf(request));
      const actor = actorOf(issued.principal);
      journal.append({ ...event, actor, target: issued.payload.auditId, outcome: 'done' });
      return await answerToken(context, request, issued);
    } catch (error) {
      const { status, code } = asShoalError(error);
      if (status < 500 && mayTell()) {
        const target = nameOf(body.auth.identity);
        journal.append({ ...event, actor: null, target, outcome: 'refused', detail: { code } });
      }
      throw error;
    }
  });

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
