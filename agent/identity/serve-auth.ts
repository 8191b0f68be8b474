/** Tokens: issue, look at, take back; and what one may do with them. */
import { asShoalError, hasCode, ShoalError } from '../../proto/error.ts';
import { type AuthRequest, identityRoutes } from '../../proto/rest/identity.ts';
import { minuteMs } from '../../proto/units.ts';
import { mapLimit } from '../base/map-limit.ts';
import { type ApiRequest, hasRole, isAdmin, type Principal, principalOf } from '../http/port.ts';
import type { Clock } from '../runtime/ports.ts';
import { revocationKey } from './authenticate.ts';
import { actorOf, type IdentityContext, journaled } from './context.ts';
import { forbidden } from './error.ts';
import { flag } from './filter.ts';
import { expiredWindowMs, readsMax, refusalsPerMinuteMax } from './limits.ts';
import type { ProjectRow } from './records.ts';
import { linkOf, listLinks, showDomain, showProject, showToken } from './render.ts';

const defined = <Row extends object>(rows: readonly (Row | undefined)[]): readonly Row[] =>
  rows.filter((row): row is Row => row !== undefined);

/** Enabled projects on which a user has a role, in enabled domains. */
export const projectsOf = async (
  { directory }: Pick<IdentityContext, 'directory'>,
  userId: string,
): Promise<readonly ProjectRow[]> => {
  const grants = await directory.grants.ofUser(userId);
  const ids = new Set(grants.flatMap(({ target }) => (target.kind === 'project' ? [target.id] : [])));
  const projects = defined(await mapLimit(ids, readsMax, (id) => directory.project(id)));
  const domains = defined(
    await mapLimit(new Set(projects.map(({ domainId }) => domainId)), readsMax, (id) => directory.domain(id)),
  );
  const open = new Set(domains.flatMap(({ id, enabled }) => (enabled ? [id] : [])));
  return projects.filter(({ enabled, domainId }) => enabled && open.has(domainId));
};

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
const nameOf = ({ password }: AuthRequest['auth']['identity']): string =>
  (password?.user.id ?? password?.user.name ?? 'token').slice(0, 255);

export const serveAuth = (context: IdentityContext): void => {
  const { http, directory, authenticator, login, catalog, journal, runtime } = context;
  const mayTell = perMinute(runtime.clock, refusalsPerMinuteMax);
  const { token, auth } = identityRoutes;

  const catalogFor = (request: Pick<ApiRequest, 'origin' | 'query'>, { scope }: Principal) =>
    request.query.has('nocatalog')
      ? undefined
      : catalog.of(request.origin, scope.kind === 'project' ? scope.id : null);

  http.serve(token.issue, async (request) => {
    const { requestId, body } = request;
    try {
      const { token: text } = await login.issue(body.auth);
      const { principal } = await authenticator.inspect(text);
      journal.append({
        requestId,
        actor: actorOf(principal),
        action: 'token.issue',
        target: principal.auditIds[0] ?? '',
        outcome: 'done',
      });
      return {
        headers: { 'X-Subject-Token': text, Vary: 'X-Auth-Token' },
        body: { token: showToken(principal, catalogFor(request, principal)) },
      };
    } catch (error) {
      if (asShoalError(error).status < 500 && mayTell())
        journal.append({
          requestId,
          actor: null,
          action: 'token.issue',
          target: nameOf(body.auth.identity),
          outcome: 'refused',
          detail: { code: asShoalError(error).code },
        });
      throw error;
    }
  });

  /** The token that the call is about: one's own, or anyone's for an admin or a service. */
  const subjectOf = async (request: ApiRequest, action: string, graceMs: number) => {
    const text = request.headers['x-subject-token'];
    if (typeof text !== 'string') throw new ShoalError('NOT_FOUND', 'No token in the request');
    const caller = principalOf(request);
    try {
      const subject = await authenticator.inspect(text, graceMs);
      const own = subject.principal.user.id === caller.user.id;
      if (!own && !isAdmin(caller) && !hasRole(caller, 'service')) throw forbidden(action);
      return { text, ...subject };
    } catch (error) {
      if (hasCode(error, 'NOT_AUTHENTICATED')) throw new ShoalError('NOT_FOUND', 'Failed to validate token');
      throw error;
    }
  };

  http.serve(token.show, async (request) => {
    const graceMs = flag(request.query, 'allow_expired') ? expiredWindowMs : 0;
    const { text, principal } = await subjectOf(request, 'identity:validate_token', graceMs);
    return {
      headers: { 'X-Subject-Token': text, Vary: 'X-Auth-Token' },
      body: { token: showToken(principal, catalogFor(request, principal)) },
    };
  });

  http.serve(token.revoke, async (request) => {
    const { payload } = await subjectOf(request, 'identity:revoke_token', 0);
    await journaled(context, request, 'token.revoke', payload.auditId, () =>
      directory.changing('token', revocationKey(payload), () =>
        directory.revocations.revoke(payload.auditId, payload.expiresAtMs),
      ),
    );
    return {};
  });

  http.serve(auth.catalog, async (request) => {
    const { scope } = principalOf(request);
    if (scope.kind !== 'project')
      throw new ShoalError('FORBIDDEN', 'A project-scoped token is required to produce a service catalog.');
    const { origin } = request;
    return {
      body: { catalog: catalog.of(origin, scope.id), links: { self: linkOf(origin, 'auth/catalog') } },
    };
  });

  http.serve(auth.projects, async (request) => {
    const { origin } = request;
    const projects = await projectsOf(context, principalOf(request).user.id);
    return {
      body: {
        projects: projects.map((row) => showProject(origin, row)),
        ...listLinks(origin, 'auth/projects'),
      },
    };
  });

  http.serve(auth.domains, async (request) => {
    const { origin } = request;
    const grants = await directory.grants.ofUser(principalOf(request).user.id);
    const ids = new Set(grants.flatMap(({ target }) => (target.kind === 'domain' ? [target.id] : [])));
    const domains = defined(await mapLimit(ids, readsMax, (id) => directory.domain(id)));
    const open = domains.filter(({ enabled }) => enabled);
    return {
      body: { domains: open.map((row) => showDomain(origin, row)), ...listLinks(origin, 'auth/domains') },
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
