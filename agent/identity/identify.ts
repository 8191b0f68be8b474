/**
 * Who asks for a token: one user, by one method or by several that all agree.
 *
 *     password                 the user's, after the hash (also when there is no such user)
 *     token                    the user of that token; the new one ends when that one does
 *     application_credential   its secret; the token is for its project and has its roles
 *     oauth1                   the signature of a consumer who holds a user's access token
 *     totp                     a code of a phone: a second proof, never the only one
 */
import { hasCode } from '../../proto/error.ts';
import type { AuthRequest } from '../../proto/rest/identity.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Authenticator } from './authenticate.ts';
import type { Directory } from './directory.ts';
import { expecting, notFound, unauthorized } from './error.ts';
import { openFinder } from './finder.ts';
import type { Oauth } from './oauth.ts';
import type { OauthRequest } from './oauth-signature.ts';
import type { Passwords } from './password.ts';
import type { PasswordCheck } from './password-check.ts';
import type { ApplicationCredentialRow, UserRow } from './records.ts';
import { verifySecret } from './secret.ts';
import { freshSource, recentSource } from './source.ts';
import type { TokenPayload } from './token.ts';
import { parseBase32, verifyTotp } from './totp.ts';

type Proofs = AuthRequest['auth']['identity'];

export interface Known {
  readonly user: UserRow;
  readonly methods: readonly string[];
  /** The token that was shown. */
  readonly from?: TokenPayload;
  readonly application?: ApplicationCredentialRow;
}

/** Does the user ask for more than one proof, and are these enough? As Keystone: one rule must be met as a whole. */
const meetsOwnRules = ({ options }: UserRow, methods: readonly string[]): boolean => {
  const rules = options?.multi_factor_auth_rules;
  if (options?.multi_factor_auth_enabled !== true || !Array.isArray(rules) || rules.length === 0) return true;
  return (rules as readonly (readonly string[])[]).some((rule) =>
    rule.every((method) => methods.includes(method)),
  );
};

export const openIdentify = ({
  clock,
  directory,
  passwords,
  passwordCheck,
  authenticator,
  oauth,
}: {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly passwords: Passwords;
  readonly passwordCheck: PasswordCheck;
  readonly authenticator: Authenticator;
  readonly oauth: Pick<Oauth, 'identify'>;
}) => {
  const recent = recentSource(directory);
  const { findUser } = openFinder(recent);

  /** 404 as Keystone: the token is the thing that is asked about. */
  const byToken = async (text: string): Promise<Known> => {
    try {
      const { payload } = await authenticator.inspect(text);
      const user = await recent.user(payload.userId);
      if (!user) throw unauthorized();
      const application =
        payload.applicationId === undefined
          ? undefined
          : await recent.application(user.id, payload.applicationId);
      // What bounded that token bounds the next one: without it there is none.
      if (payload.applicationId !== undefined && !application) throw unauthorized();
      return {
        user,
        methods: ['token', ...payload.methods],
        from: payload,
        ...(application && { application }),
      };
    } catch (error) {
      if (hasCode(error, 'NOT_AUTHENTICATED')) throw notFound('token', 'it is not valid');
      throw error;
    }
  };

  const findApplication = async (
    asked: NonNullable<Proofs['application_credential']>,
  ): Promise<ApplicationCredentialRow | undefined> => {
    if (asked.id) {
      const userId = await directory.applications.scopeOf(asked.id);
      return userId === undefined ? undefined : recent.application(userId, asked.id);
    }
    if (!asked.name || !asked.user) throw expecting('id, or name and user', 'application_credential');
    const user = await findUser(asked.user);
    return user && directory.applications.find(user.id, asked.name);
  };

  const byApplication = async (asked: NonNullable<Proofs['application_credential']>): Promise<Known> => {
    const found = await findApplication(asked);
    const row = found?.consumerId === undefined ? found : undefined;
    const matches = await verifySecret(passwords, row?.secret, asked.secret ?? '');
    if (!row || !matches) throw unauthorized();
    if (row.expiresAtMs !== null && clock.wallMs() >= row.expiresAtMs) throw unauthorized();
    const user = await recent.user(row.userId);
    if (!user?.enabled || (await recent.domain(user.domainId))?.enabled !== true) throw unauthorized();
    return { user, methods: ['application_credential'], application: row };
  };

  const byTotp = async ({ user: asked }: NonNullable<Proofs['totp']>): Promise<Known> => {
    const user = await findUser(asked);
    if (!user) throw unauthorized();
    const seeds = (await directory.credentials.ofUser(user.id))
      .filter(({ type }) => type === 'totp')
      .map(({ blob }) => parseBase32(blob));
    if (!seeds.some((seed) => seed && verifyTotp(seed, asked.passcode ?? '', clock.wallMs())))
      throw unauthorized();
    return { user, methods: ['totp'] };
  };

  const by = async (method: string, proofs: Proofs, signed: OauthRequest): Promise<Known> => {
    const { password, token, application_credential: application, totp } = proofs;
    if (method === 'token') {
      if (!token) throw expecting('token', 'identity');
      return byToken(token.id);
    }
    if (method === 'password') {
      if (!password) throw expecting('password', 'identity');
      const user = await passwordCheck.checkLogin(password.user, password.user.password ?? '');
      return { user, methods: [method] };
    }
    if (method === 'application_credential') {
      if (!application) throw expecting('application_credential', 'identity');
      return byApplication(application);
    }
    if (method === 'totp') {
      if (!totp) throw expecting('totp', 'identity');
      return byTotp(totp);
    }
    if (method === 'oauth1') return oauth.identify(signed);
    throw unauthorized('Attempted to authenticate with an unsupported method.');
  };

  /** All reads are of copies or better; who uses the result decides on rows not older than the token. */
  return async (proofs: Proofs, signed: OauthRequest): Promise<Known> => {
    // The code comes last: nobody may try codes without another proof.
    const asked = [...new Set(proofs.methods)].sort((a, b) => Number(a === 'totp') - Number(b === 'totp'));
    if (asked.length === 0 || asked[0] === 'totp') throw unauthorized();
    const known: Known[] = [];
    for (const method of asked) known.push(await by(method, proofs, signed));
    const first = known[0];
    if (!first || known.some(({ user }) => user.id !== first.user.id)) throw unauthorized();
    const methods = [...new Set(known.flatMap((one) => one.methods))];
    const user = meetsOwnRules(first.user, methods)
      ? first.user
      : await freshSource(directory).user(first.user.id);
    if (!user || !meetsOwnRules(user, methods)) throw unauthorized();
    return Object.assign({}, ...known, { user, methods }) as Known;
  };
};
