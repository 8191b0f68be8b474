/**
 * A real HTTP server on a free port of 127.0.0.1 with a fake identity, for tests of services. Tokens it takes:
 *
 *   admin                       role admin on the project `admin` (id `p-admin`)
 *   member:PROJECT              role member on the project with this id (name the same), user `u-PROJECT`
 *   reader:PROJECT              role reader on it, user `r-PROJECT`
 *   unscoped:USER               no scope, no role
 */

import type { Http, Principal, Scope } from '../../agent/http/port.ts';
import { openHttp } from '../../agent/http/server.ts';
import { unauthorized } from '../../agent/identity/error.ts';
import type { SignIn } from '../../agent/identity/sign-in.ts';
import type { Log, Runtime } from '../../agent/runtime/ports.ts';
import { ShoalError } from '../../proto/error.ts';
import { steadyClock, steadyTimers } from './steady-time.ts';

const domain = { id: 'default', name: 'Default' };

/** Real time that a stall only pauses, real chance, and a log whose records can be read back. */
export const fakeRuntime = (): Runtime & {
  readonly records: { level: string; message: string; fields: object }[];
} => {
  const records: { level: string; message: string; fields: object }[] = [];
  const logWith = (base: object): Log => {
    const record =
      (level: string) =>
      (message: string, fields: object = {}) =>
        void records.push({ level, message, fields: { ...base, ...fields } });
    return {
      debug: record('debug'),
      info: record('info'),
      warn: record('warn'),
      error: record('error'),
      with: (fields) => logWith({ ...base, ...fields }),
    };
  };
  return {
    records,
    clock: steadyClock,
    timers: steadyTimers,
    chance: {
      random: () => Math.random(),
      bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    },
    log: logWith({}),
  };
};

export const fakePrincipal = (token: string): Principal => {
  const [kind = '', name = ''] = token.split(/:(.*)/s);
  const scope: Scope | undefined =
    kind === 'admin'
      ? { kind: 'project', id: 'p-admin', name: 'admin', domain }
      : kind === 'unscoped'
        ? { kind: 'unscoped' }
        : (kind === 'member' || kind === 'reader') && name
          ? { kind: 'project', id: name, name, domain }
          : undefined;
  if (!scope) throw new ShoalError('NOT_AUTHENTICATED', 'The request you have made requires authentication.');
  const user =
    kind === 'admin' ? 'admin' : kind === 'unscoped' ? name : `${kind === 'member' ? 'u' : 'r'}-${name}`;
  return {
    user: { id: user, name: user, domain },
    scope,
    roles: scope.kind === 'unscoped' ? [] : [{ id: `role-${kind}`, name: kind }],
    methods: ['password'],
    auditIds: [`audit-${token}`],
    issuedAtMs: Date.now(),
    expiresAtMs: Date.now() + 3_600_000,
  };
};

export const fakeAuthenticate = async (token: string): Promise<Principal> => fakePrincipal(token);

/** `PROJECT` and `u-PROJECT` with the password `secret` get `member:PROJECT`; the user's default project is that one. */
export const fakeSignIn: SignIn = async (_requestId, { project, user, password }) => {
  const own = user.replace(/^u-/, '');
  if (password !== 'secret' || (project ?? own) !== own) throw unauthorized();
  const token = `member:${own}`;
  return { token, principal: fakePrincipal(token), project: own };
};

export interface FakeApi {
  readonly url: string;
  readonly port: number;
  readonly http: Http;
  readonly runtime: ReturnType<typeof fakeRuntime>;
  stop(): Promise<void>;
}

/** `await startApi((http) => openObject({ http, ... }))`; stop it in `t.teardown`. */
export const startApi = async (
  services: (http: Http) => void | Promise<void>,
  settings: { readonly requestsMax?: number; readonly runtime?: FakeApi['runtime'] } = {},
): Promise<FakeApi> => {
  const { runtime = fakeRuntime(), ...limits } = settings;
  const http = openHttp({ runtime, authenticate: fakeAuthenticate }, { listen: '127.0.0.1:0', ...limits });
  await services(http);
  const { url, port } = await http.start();
  return { url, port, http, runtime, stop: () => http.stop() };
};
