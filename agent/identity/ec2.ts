/** Keys of S3 and EC2: whose they are, and tokens for what they have signed. */
import { hasCode } from '../../proto/error.ts';
import type { Principal } from '../http/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Authenticator } from './authenticate.ts';
import { accessId, keyPairOf } from './credentials.ts';
import type { Directory } from './directory.ts';
import { type SignedRequest, signedAtMs } from './ec2-signature.ts';
import { notFound, unauthorized } from './error.ts';
import type { Known } from './identify.ts';
import { signatureAgeMs } from './limits.ts';
import type { Issued, Login } from './login.ts';
import { recentSource } from './source.ts';
import { openStandings } from './standing.ts';

export interface Ec2 {
  /**
   * For a door that checks signatures itself. Copies are seconds old at most, and a key that was just made or
   * deleted is known on all hosts as soon as gossip told it. Undefined: no such key, or nobody may use it now.
   */
  secretOf(access: string): Promise<{ readonly secret: string; readonly principal: Principal } | undefined>;
  /** Throws NOT_AUTHENTICATED, and NOT_FOUND for an unknown key. */
  issue(request: SignedRequest, verify: (secret: string, request: SignedRequest) => boolean): Promise<Issued>;
}

export const openEc2 = ({
  runtime,
  directory,
  authenticator,
  login,
}: {
  readonly runtime: Runtime;
  readonly directory: Directory;
  readonly authenticator: Authenticator;
  readonly login: Login;
}): Ec2 => {
  const source = recentSource(directory);

  /** The key, its owner and its project. Whether both are still good is decided where they are resolved. */
  const find = async (access: string) => {
    const row = await directory.recent.credential.get(accessId(access));
    const pair = row && keyPairOf(row);
    if (!row || pair?.access !== access || row.projectId === null) return undefined;
    const { app_cred_id: applicationId } = pair;
    const [user, application] = await Promise.all([
      source.user(row.userId),
      applicationId === undefined ? undefined : source.application(row.userId, applicationId),
    ]);
    if (!user || (applicationId !== undefined && !application)) return undefined;
    if (application && application.projectId !== row.projectId) return undefined;
    if (application?.expiresAtMs != null && runtime.clock.wallMs() >= application.expiresAtMs)
      return undefined;
    const known: Known = { user, methods: ['ec2credential'], ...(application && { application }) };
    return { secret: pair.secret, known, scope: { kind: 'project', id: row.projectId } as const };
  };

  const secretOf = openStandings({ clock: runtime.clock, changes: directory.changes }, async (access) => {
    const found = await find(access);
    if (!found) return undefined;
    const { known, scope, secret } = found;
    const nowMs = runtime.clock.wallMs();
    try {
      const principal = await authenticator.resolve({
        userId: known.user.id,
        generation: known.user.generation,
        scope,
        methods: known.methods,
        auditId: '',
        ...(known.application && { applicationId: known.application.id }),
        issuedAtMs: nowMs,
        expiresAtMs: nowMs,
      });
      return { secret, principal };
    } catch (error) {
      if (hasCode(error, 'NOT_AUTHENTICATED')) return undefined;
      throw error;
    }
  });

  return {
    secretOf,
    async issue(request, verify) {
      if (typeof request.access !== 'string') throw unauthorized('EC2 Signature not supplied');
      const found = await find(request.access);
      if (!found) throw notFound('EC2 access key', request.access.slice(0, 64));
      if (!verify(found.secret, request)) throw unauthorized('Invalid EC2 signature.');
      const atMs = signedAtMs(request);
      if (atMs !== undefined && !(Math.abs(runtime.clock.wallMs() - atMs) <= signatureAgeMs))
        throw unauthorized('Credential is expired');
      return login.issueFor(found.known, found.scope);
    },
  };
};
