/**
 * POST /v3/auth/tokens: who are you (identify.ts), and for what do you want a token (enter.ts)?
 *
 * Both work on copies that are seconds old, and what they refuse is looked at again in rows read now. A token that
 * was made on an old copy is harmless: before it is handed out it is resolved from rows not older than itself.
 *
 * Every refusal is the same 401. The password is checked before the scope, so a stranger learns nothing about
 * which projects there are.
 */
import type { AuthRequest } from '../../proto/rest/identity.ts';
import { secondMs } from '../../proto/units.ts';
import { toBase64Url } from '../base/bytes.ts';
import type { Principal } from '../http/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Authenticator } from './authenticate.ts';
import type { Directory } from './directory.ts';
import { enter, enterApplication } from './enter.ts';
import { forbidden, unauthorized } from './error.ts';
import type { Known } from './identify.ts';
import type { OauthRequest } from './oauth-signature.ts';
import { freshSource, recentSource, type Source } from './source.ts';
import { issueToken, type Signer, type TokenPayload, type TokenScope } from './token.ts';

type Auth = AuthRequest['auth'];

export interface Issued {
  readonly token: string;
  readonly payload: TokenPayload;
  readonly principal: Principal;
}

export interface Login {
  /** `signed`: the request itself, which may be the proof. */
  issue(auth: Auth, signed: OauthRequest): Promise<Issued>;
  /** For someone who is known already, e.g. by a signed request. Throws NOT_AUTHENTICATED. */
  issueFor(known: Known, scope: TokenScope): Promise<Issued>;
}

/** May a token of this scope be used to ask for one of that? Throws FORBIDDEN. */
const mustRescope = (from: TokenPayload, asked: Auth['scope'], allowRescope: boolean): void => {
  if (typeof asked !== 'object' || from.scope.kind === 'unscoped') return;
  if (from.scope.kind === 'system' && (asked.project ?? asked.domain))
    throw forbidden(
      'Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.',
    );
  if (!allowRescope) throw forbidden('rescope a scoped token');
};

export const openLogin = (
  {
    runtime,
    directory,
    identify,
    authenticator,
    signer,
  }: {
    readonly runtime: Runtime;
    readonly directory: Directory;
    readonly identify: (proofs: Auth['identity'], signed: OauthRequest) => Promise<Known>;
    readonly authenticator: Authenticator;
    readonly signer: Signer;
  },
  settings: { readonly tokenSeconds: number; readonly allowRescope: boolean },
): Login => {
  const [recent, fresh] = [recentSource(directory), freshSource(directory)];

  const scopeFor = async ({ user, from, application }: Known, asked: Auth['scope']): Promise<TokenScope> => {
    const enterFrom = (source: Source) =>
      application ? enterApplication(source, user, application) : enter(source, user, asked);
    if (application && asked !== undefined) {
      const sameAgain = from && typeof asked === 'object' && asked.project?.id === application.projectId;
      if (!sameAgain) throw unauthorized('Application credentials cannot request a scope.');
    }
    const scope = await enterFrom(recent);
    const isMuch = scope && !(asked === undefined && scope.kind === 'unscoped' && user.defaultProjectId);
    const sure = isMuch ? scope : await enterFrom(fresh);
    if (!sure) throw unauthorized();
    return sure;
  };

  const issueFor: Login['issueFor'] = async ({ user, methods, from, application }, scope) => {
    const issuedAtMs = runtime.clock.wallMs();
    const endsAtMs = Math.min(
      from?.expiresAtMs ?? Math.ceil(issuedAtMs / secondMs + settings.tokenSeconds) * secondMs,
      application?.expiresAtMs ?? Number.POSITIVE_INFINITY,
    );
    const payload: TokenPayload = {
      userId: user.id,
      generation: user.generation,
      scope,
      methods,
      auditId: toBase64Url(runtime.chance.bytes(16)),
      ...(from && { parentAuditId: from.parentAuditId ?? from.auditId }),
      ...(application && { applicationId: application.id }),
      issuedAtMs,
      expiresAtMs: Math.floor(endsAtMs / secondMs) * secondMs,
    };
    const principal = await authenticator.resolve(payload, issuedAtMs);
    return { token: await issueToken(signer, payload), payload, principal };
  };

  return {
    issueFor,
    async issue({ identity, scope: asked }, signed) {
      const known = await identify(identity, signed);
      if (known.from) mustRescope(known.from, asked, settings.allowRescope);
      return issueFor(known, await scopeFor(known, asked));
    },
  };
};
