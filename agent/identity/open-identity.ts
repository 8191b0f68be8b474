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
import { openAuthenticator } from './authenticate.ts';
import { type Bootstrap, openBootstrap } from './bootstrap.ts';
import { openCatalog, type ServiceType } from './catalog.ts';
import type { IdentityContext } from './context.ts';
import { openDirectory } from './directory.ts';
import { expecting } from './error.ts';
import { openLockout } from './lockout.ts';
import { openLogin } from './login.ts';
import { openPasswords } from './password.ts';
import { serveAuth } from './serve-auth.ts';
import { serveDiscovery } from './serve-discovery.ts';
import { serveDomain } from './serve-domain.ts';
import { serveGrant } from './serve-grant.ts';
import { serveProject } from './serve-project.ts';
import { serveRole } from './serve-role.ts';
import { serveUser } from './serve-user.ts';
import type { Signer } from './token.ts';

export interface IdentitySettings {
  /** The one region of this cloud. Default `RegionOne`. */
  readonly region?: string;
  /** What the catalog lists. */
  readonly services: readonly ServiceType[];
  /** Life of a token from a password. Default an hour, as Keystone's. */
  readonly tokenSeconds?: number;
  /** Wrong passwords in a row that lock an account. Default 0: never. */
  readonly lockoutFailures?: number;
  /** For how long. 0: until an admin sets a new password. Default 1800, as Keystone's. */
  readonly lockoutSeconds?: number;
  /** A new password must differ from this many former ones, the present included. Default 0: no such rule. */
  readonly passwordHistory?: number;
}

export interface Identity {
  readonly authenticate: Authenticate;
  readonly bootstrap: Bootstrap['run'];
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
  const lockout = openLockout(
    { tables, clock: runtime.clock },
    { failures: settings.lockoutFailures ?? 0, seconds: settings.lockoutSeconds ?? 1800 },
  );
  const authenticator = openAuthenticator({ runtime, directory, signer });
  const login = openLogin(
    { runtime, directory, passwords, lockout, authenticator, signer },
    { tokenSeconds: settings.tokenSeconds ?? 3600 },
  );
  const catalog = openCatalog({ region: settings.region ?? 'RegionOne', services: settings.services });
  const bootstrap = openBootstrap({ tables, directory, passwords });
  const context: IdentityContext = {
    runtime,
    http,
    journal,
    directory,
    passwords,
    lockout,
    authenticator,
    login,
    catalog,
    passwordHistory: settings.passwordHistory ?? 0,
  };
  http.shapeErrors('identity', shape);
  http.setAuthenticate(authenticator.authenticate);
  for (const serve of [
    serveDiscovery,
    serveAuth,
    serveDomain,
    serveProject,
    serveUser,
    serveRole,
    serveGrant,
  ])
    serve(context);

  return {
    authenticate: authenticator.authenticate,
    bootstrap: bootstrap.run,
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
