/**
 * From a token's text to who calls. The signature is checked once; whether the user, the project, their domains
 * and the roles still stand is looked up in copies that are seconds old at most, and never older than the token
 * itself: whoever got a role and then a token can use both at once on any host.
 */
import { hasCode } from '../../proto/error.ts';
import type { DomainRef, Principal, Scope } from '../http/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Directory } from './directory.ts';
import { rolesOn } from './effective.ts';
import { unauthorized } from './error.ts';
import { tokensCachedMax } from './limits.ts';
import type { ApplicationCredentialRow, RoleRow } from './records.ts';
import { recentSource, type Source } from './source.ts';
import { openStandings } from './standing.ts';
import { readToken, type SignedToken, type Signer, type TokenPayload } from './token.ts';

export interface Authenticator {
  /** Throws NOT_AUTHENTICATED, and QUORUM_MISSED when that cannot be known now. */
  authenticate(token: string): Promise<Principal>;
  /** The same with what the token says, also up to `graceMs` after its end. */
  inspect(
    token: string,
    graceMs?: number,
  ): Promise<{ readonly payload: TokenPayload; readonly principal: Principal }>;
  /** Who that is, whether signed or not, from no copy older than `sinceMs` (wall). Throws NOT_AUTHENTICATED. */
  resolve(payload: TokenPayload, sinceMs?: number): Promise<Principal>;
}

export const revocationKey = ({ auditId, expiresAtMs }: TokenPayload): string => `${auditId}/${expiresAtMs}`;

const domainOf = async (source: Source, id: string): Promise<DomainRef> => {
  const domain = await source.domain(id);
  if (!domain?.enabled) throw unauthorized();
  return { id, name: domain.name };
};

const userOf = async (source: Source, { userId, generation }: TokenPayload): Promise<Principal['user']> => {
  const user = await source.user(userId);
  if (!user?.enabled || user.generation !== generation) throw unauthorized();
  return { id: user.id, name: user.name, domain: await domainOf(source, user.domainId) };
};

const scopeOf = async (source: Source, { scope }: TokenPayload): Promise<Scope> => {
  if (scope.kind === 'unscoped' || scope.kind === 'system') return scope;
  if (scope.kind === 'domain') return { kind: 'domain', ...(await domainOf(source, scope.id)) };
  const project = await source.project(scope.id);
  if (!project?.enabled) throw unauthorized();
  const { id, name, isDomain } = project;
  const domain = await domainOf(source, project.domainId);
  return { kind: 'project', id, name, domain, ...(isDomain && { isDomain }) };
};

/** The application credential that bounds a token, while it stands. */
const applicationOf = async (
  source: Source,
  { applicationId, userId, scope }: TokenPayload,
): Promise<ApplicationCredentialRow | undefined> => {
  if (applicationId === undefined) return undefined;
  const row = await source.application(userId, applicationId);
  if (!row || scope.kind !== 'project' || row.projectId !== scope.id) throw unauthorized();
  return row;
};

const rolesOf = async (source: Source, { userId, scope }: TokenPayload): Promise<readonly RoleRow[]> =>
  scope.kind === 'unscoped' ? [] : rolesOn(source, userId, scope);

export const openAuthenticator = ({
  runtime,
  directory,
  signer,
}: {
  readonly runtime: Runtime;
  readonly directory: Directory;
  readonly signer: Signer;
}): Authenticator => {
  const verified = new Map<string, SignedToken>();

  const read = async (token: string): Promise<TokenPayload> => {
    const known = verified.get(token);
    if (known) {
      // A host that was taken off the roster signs for nobody, however well its tokens are remembered.
      if (!signer.isHost(known.host)) throw unauthorized();
      return known.payload;
    }
    const signed = await readToken(signer, token);
    verified.set(token, signed);
    const oldest = verified.keys().next();
    if (verified.size > tokensCachedMax && !oldest.done) verified.delete(oldest.value);
    return signed.payload;
  };

  const resolve = async (payload: TokenPayload, sinceMs?: number): Promise<Principal> => {
    const source = recentSource(directory, sinceMs);
    const [user, scope, held, application] = await Promise.all([
      userOf(source, payload),
      scopeOf(source, payload),
      rolesOf(source, payload),
      applicationOf(source, payload),
    ]);
    const roles = application ? held.filter(({ id }) => application.roleIds.includes(id)) : held;
    if (scope.kind !== 'unscoped' && roles.length === 0) throw unauthorized();
    return {
      user,
      scope,
      roles: roles.map(({ id, name }) => ({ id, name })),
      methods: payload.methods,
      ...(application && {
        applicationCredential: {
          id: application.id,
          name: application.name,
          restricted: !application.unrestricted,
          ...(application.consumerId !== undefined && { consumerId: application.consumerId }),
        },
      }),
      ...(application?.accessRules && { accessRules: application.accessRules }),
      auditIds: payload.parentAuditId ? [payload.auditId, payload.parentAuditId] : [payload.auditId],
      issuedAtMs: payload.issuedAtMs,
      expiresAtMs: payload.expiresAtMs,
    };
  };

  /** Clocks differ, so a copy may be older than it looks: a refusal is decided on rows read now. */
  const resolveSurely = async (payload: TokenPayload, sinceMs?: number): Promise<Principal> => {
    try {
      return await resolve(payload, sinceMs);
    } catch (error) {
      if (!hasCode(error, 'NOT_AUTHENTICATED')) throw error;
      return resolve(payload, runtime.clock.wallMs());
    }
  };

  const principalOf = openStandings({ clock: runtime.clock, changes: directory.changes }, async (token) => {
    const payload = await read(token);
    const [principal, revocation] = await Promise.all([
      resolveSurely(payload, payload.issuedAtMs),
      directory.recent.token.get(revocationKey(payload)),
    ]);
    return revocation?.revoked ? undefined : principal;
  });

  const inspect: Authenticator['inspect'] = async (token, graceMs = 0) => {
    const payload = await read(token);
    if (runtime.clock.wallMs() >= payload.expiresAtMs + graceMs) throw unauthorized();
    const principal = await principalOf(token);
    if (!principal) throw unauthorized();
    return { payload, principal };
  };

  return { inspect, authenticate: async (token) => (await inspect(token)).principal, resolve: resolveSurely };
};
