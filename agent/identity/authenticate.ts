/**
 * From a token's text to who calls. The signature is checked once; whether the user, the project, their domains
 * and the roles still stand is looked up in copies that are seconds old at most, and never older than the token
 * itself: whoever got a role and then a token can use both at once on any host.
 */
import { hasCode } from '../../proto/error.ts';
import type { DomainRef, Principal, Scope } from '../http/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { withImplied } from './built-in.ts';
import { type Directory, rolesKey } from './directory.ts';
import { unauthorized } from './error.ts';
import type { Target } from './grants.ts';
import { tokensCachedMax } from './limits.ts';
import type { RoleRow } from './records.ts';
import { readToken, type SignedToken, type Signer, type TokenPayload, type TokenScope } from './token.ts';

export interface Authenticator {
  /** Throws NOT_AUTHENTICATED, and QUORUM_MISSED when that cannot be known now. */
  authenticate(token: string): Promise<Principal>;
  /** The same with what the token says, also up to `graceMs` after its end. */
  inspect(
    token: string,
    graceMs?: number,
  ): Promise<{ readonly payload: TokenPayload; readonly principal: Principal }>;
}

const targetOfScope = (scope: TokenScope): Target | undefined =>
  scope.kind === 'unscoped' ? undefined : scope;

export const revocationKey = ({ auditId, expiresAtMs }: TokenPayload): string => `${auditId}/${expiresAtMs}`;

export const openAuthenticator = ({
  runtime,
  directory,
  signer,
}: {
  readonly runtime: Runtime;
  readonly directory: Directory;
  readonly signer: Signer;
}): Authenticator => {
  const { recent } = directory;
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

  const domainOf = async (id: string, sinceMs: number): Promise<DomainRef> => {
    const domain = await recent.domain.get(id, sinceMs);
    if (!domain?.enabled) throw unauthorized();
    return { id, name: domain.name };
  };

  const userOf = async (
    { userId, generation }: TokenPayload,
    sinceMs: number,
  ): Promise<Principal['user']> => {
    const user = await recent.user.get(userId, sinceMs);
    if (!user?.enabled || user.generation !== generation) throw unauthorized();
    return { id: user.id, name: user.name, domain: await domainOf(user.domainId, sinceMs) };
  };

  const scopeOf = async ({ scope }: TokenPayload, sinceMs: number): Promise<Scope> => {
    if (scope.kind === 'unscoped' || scope.kind === 'system') return scope;
    if (scope.kind === 'domain') return { kind: 'domain', ...(await domainOf(scope.id, sinceMs)) };
    const project = await recent.project.get(scope.id, sinceMs);
    if (!project?.enabled) throw unauthorized();
    return {
      kind: 'project',
      id: project.id,
      name: project.name,
      domain: await domainOf(project.domainId, sinceMs),
    };
  };

  const rolesOf = async ({ userId, scope }: TokenPayload, sinceMs: number): Promise<readonly RoleRow[]> => {
    const target = targetOfScope(scope);
    if (!target) return [];
    const ids = (await recent.roles.get(rolesKey(userId, target), sinceMs)) ?? [];
    const roles = await Promise.all(withImplied(ids).map((id) => recent.role.get(id)));
    const standing = roles.filter((role): role is RoleRow => role !== undefined);
    if (standing.length === 0) throw unauthorized();
    return standing;
  };

  const resolve = async (payload: TokenPayload, sinceMs: number): Promise<Principal> => {
    const [user, scope, roles, revocation] = await Promise.all([
      userOf(payload, sinceMs),
      scopeOf(payload, sinceMs),
      rolesOf(payload, sinceMs),
      recent.token.get(revocationKey(payload)),
    ]);
    if (revocation?.revoked) throw unauthorized();
    return {
      user,
      scope,
      roles: roles.map(({ id, name }) => ({ id, name })),
      methods: payload.methods,
      auditIds: payload.parentAuditId ? [payload.auditId, payload.parentAuditId] : [payload.auditId],
      issuedAtMs: payload.issuedAtMs,
      expiresAtMs: payload.expiresAtMs,
    };
  };

  const inspect: Authenticator['inspect'] = async (token, graceMs = 0) => {
    const payload = await read(token);
    if (runtime.clock.wallMs() >= payload.expiresAtMs + graceMs) throw unauthorized();
    try {
      return { payload, principal: await resolve(payload, payload.issuedAtMs) };
    } catch (error) {
      if (!hasCode(error, 'NOT_AUTHENTICATED')) throw error;
      // Clocks differ, so a copy may be older than it looks: a refusal is decided on rows read now.
      return { payload, principal: await resolve(payload, runtime.clock.wallMs()) };
    }
  };

  return { inspect, authenticate: async (token) => (await inspect(token)).principal };
};
