/**
 * Identity v3, put together. Opening reads no row, so it works before the cluster has a quorum.
 *
 *     http routes -> use cases -> directory (registers, grants, copies) -> tables
 *                        \-> tokens signed by this host's key
 */
import { hourMs } from '../../proto/units.ts';
import type { Authenticate, ErrorShape, Http } from '../http/port.ts';
import { keystoneShape } from '../http/shape.ts';
import type { Journal } from '../journal/port.ts';
import type { Gossip } from '../peer/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Tables } from '../table/port.ts';
import { serveApplicationCredential } from './api/application-credential.ts';
import { serveAuth } from './api/auth.ts';
import { serveCatalog } from './api/catalog.ts';
import { serveCredential } from './api/credential.ts';
import { serveDiscovery } from './api/discovery.ts';
import { serveDomain } from './api/domain.ts';
import { serveDomainConfig } from './api/domain-config.ts';
import { serveEc2 } from './api/ec2.ts';
import { serveEndpointFilter } from './api/endpoint-filter.ts';
import { serveGrant } from './api/grant.ts';
import { serveGroup } from './api/group.ts';
import { serveInference } from './api/inference.ts';
import { serveOauth } from './api/oauth.ts';
import { servePolicy } from './api/policy.ts';
import { serveProject } from './api/project.ts';
import { serveRole } from './api/role.ts';
import { serveTag } from './api/tag.ts';
import { serveUser } from './api/user.ts';
import { openAuthenticator } from './authenticate.ts';
import { type Bootstrap, openBootstrap } from './bootstrap.ts';
import { openCatalog, type ServiceType } from './catalog.ts';
import { openCatalogStore } from './catalog-store.ts';
import type { IdentityContext } from './context.ts';
import { openDirectory } from './directory.ts';
import { type Ec2, openEc2 } from './ec2.ts';
import { expecting } from './error.ts';
import { guarded } from './guard.ts';
import { openIdentify } from './identify.ts';
import { openIssue } from './issue.ts';
import { openLockout } from './lockout.ts';
import { openLogin } from './login.ts';
import { openOauth } from './oauth.ts';
import { openPasswords } from './password.ts';
import { openPasswordCheck } from './password-check.ts';
import { openSignIn, type SignIn } from './sign-in.ts';
import type { Signer } from './token.ts';

export interface IdentitySettings {
  /** The one region of this cloud. Default `RegionOne`. */
  readonly region?: string;
  /** What the catalog lists. */
  readonly services: readonly ServiceType[];
  /** Life of a token from a password. Default an hour, as Keystone's. */
  readonly tokenSeconds?: number;
  /** May a token with a scope be used to get one with another? Default yes, as Keystone's `allow_rescope_scoped_token`. */
  readonly allowRescope?: boolean;
  /** Wrong passwords in a row that lock an account. Default 0: never. A domain's config goes before these three. */
  readonly lockoutFailures?: number;
  /** For how long. 0: until an admin sets a new password. Default 1800, as Keystone's. */
  readonly lockoutSeconds?: number;
  /** A new password must differ from this many former ones, the present included. Default 0: no such rule. */
  readonly passwordHistory?: number;
}

export interface Identity {
  readonly authenticate: Authenticate;
  readonly bootstrap: Bootstrap['run'];
  /** The domain of a project; undefined: there is no such project. Seconds old at most. */
  domainOf(project: string): Promise<string | undefined>;
  /** For Swift's door. */
  readonly signIn: SignIn;
  /** For the S3 door: the secret of an access key and who calls with it. */
  readonly ec2Secret: Ec2['secretOf'];
  /** Sweeps what expired, about every hour, until the signal aborts. Never throws. */
  tend(signal: AbortSignal): Promise<void>;
}

/** Keystone answers 400 where others answer 415. */
const shape: ErrorShape = (error, request) =>
  keystoneShape(
    error.code === 'UNSUPPORTED_MEDIA' ? expecting('application/json', 'Content-Type header') : error,
    request,
  );

export const openIdentity = async (
  {
    runtime,
    tables,
    gossip,
    signer,
    journal,
    http,
  }: {
    readonly runtime: Runtime;
    readonly tables: Tables;
    readonly gossip: Gossip;
    readonly signer: Signer;
    readonly journal: Journal;
    readonly http: Http;
  },
  settings: IdentitySettings,
): Promise<Identity> => {
  const directory = openDirectory({ runtime, tables, gossip });
  const passwords = await openPasswords();
  const lockout = openLockout({ tables, clock: runtime.clock });
  const passwordCheck = openPasswordCheck(
    { clock: runtime.clock, directory, passwords, lockout },
    {
      lockout_failure_attempts: settings.lockoutFailures ?? 0,
      lockout_duration: settings.lockoutSeconds ?? 1800,
      unique_last_password_count: settings.passwordHistory ?? 0,
    },
  );
  const authenticator = openAuthenticator({ runtime, directory, signer });
  const oauth = openOauth({ runtime, directory, tables });
  const identify = openIdentify({
    ...{ clock: runtime.clock, directory, passwords, passwordCheck },
    ...{ authenticator, oauth },
  });
  const login = openLogin(
    { runtime, directory, identify, authenticator, signer },
    { tokenSeconds: settings.tokenSeconds ?? 3600, allowRescope: settings.allowRescope ?? true },
  );
  const issue = openIssue({ login, journal, clock: runtime.clock });
  const ec2 = openEc2({ runtime, directory, authenticator, login });
  const store = openCatalogStore({ runtime, tables, directory });
  const catalog = openCatalog(
    { store },
    { region: settings.region ?? 'RegionOne', services: settings.services },
  );
  const bootstrap = openBootstrap({ tables, directory, passwords });
  const context: IdentityContext = {
    runtime,
    http: guarded({ http, directory }),
    journal,
    directory,
    passwords,
    passwordCheck,
    lockout,
    authenticator,
    login,
    issue,
    catalog,
    store,
  };
  http.shapeErrors('identity', shape);
  http.setAuthenticate(authenticator.authenticate);
  for (const serve of [
    serveDiscovery,
    serveAuth,
    serveDomain,
    serveDomainConfig,
    serveProject,
    serveTag,
    serveUser,
    serveGroup,
    serveRole,
    serveInference,
    serveGrant,
    serveCredential,
    serveCatalog,
    serveEndpointFilter,
    servePolicy,
  ])
    serve(context);
  serveApplicationCredential(context, { tables });
  serveEc2(context, ec2);
  serveOauth(context, oauth);

  return {
    authenticate: authenticator.authenticate,
    bootstrap: bootstrap.run,
    signIn: openSignIn(issue),
    ec2Secret: ec2.secretOf,
    domainOf: async (project) => (await directory.recent.project.get(project))?.domainId,
    async tend(signal) {
      const log = runtime.log.with({ part: 'identity' });
      while (!signal.aborted) {
        try {
          // All hosts sweep; chance keeps them from doing it in the same minute.
          await runtime.timers.sleep(hourMs * (0.5 + runtime.chance.random()), signal);
          await directory.revocations.sweep();
        } catch (error) {
          if (!signal.aborted) log.warn('sweep failed', { error: String(error) });
        }
      }
    },
  };
};
