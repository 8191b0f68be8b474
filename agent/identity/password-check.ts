/**
 * Is that the user's password, and may it be used? Copies that are seconds old are good enough for a yes: a token
 * made from an old password has an old generation, so nobody takes it. A no is decided on the row as it is now.
 */
import type { Clock } from '../runtime/ports.ts';
import { type Compliance, complianceGroup, passwordEndMs } from './compliance.ts';
import type { Directory } from './directory.ts';
import { unauthorized } from './error.ts';
import { openFinder, type RefInDomain } from './finder.ts';
import type { Lockout } from './lockout.ts';
import type { Passwords } from './password.ts';
import type { UserRow } from './records.ts';
import { recentSource } from './source.ts';

export interface PasswordCheck {
  /** The user, when the password is right and the account open. Throws NOT_AUTHENTICATED, BAD_REQUEST. */
  check(ref: RefInDomain, password: string): Promise<UserRow>;
  /** The same for a login: not with a password that only serves to be changed. */
  checkLogin(ref: RefInDomain, password: string): Promise<UserRow>;
  /** The rules that hold for users of the domain. */
  rulesOf(domainId: string): Promise<Compliance>;
}

export const openPasswordCheck = (
  {
    clock,
    directory,
    passwords,
    lockout,
  }: {
    readonly clock: Clock;
    readonly directory: Directory;
    readonly passwords: Passwords;
    readonly lockout: Lockout;
  },
  defaults: Compliance,
): PasswordCheck => {
  const source = recentSource(directory);
  const { findUser } = openFinder(source);

  const rulesOf = async (domainId: string): Promise<Compliance> => ({
    ...defaults,
    ...(await directory.recent.config.get(domainId))?.[complianceGroup],
  });

  const verifies = async (user: UserRow, password: string): Promise<UserRow | undefined> => {
    if (await passwords.verify(user.password, password)) return user;
    const now = await directory.user(user.id);
    if (!now || now.password === user.password) return undefined;
    return (await passwords.verify(now.password, password)) ? now : undefined;
  };

  const check: PasswordCheck['check'] = async (ref, password) => {
    const found = await findUser(ref);
    if (!found) {
      await passwords.verify(undefined, password);
      throw unauthorized();
    }
    const rules = await rulesOf(found.domainId);
    const locks = found.options?.ignore_lockout_failure_attempts !== true;
    if (locks && (await lockout.isLocked(rules, found.id)))
      throw unauthorized(`The account is locked for user: ${found.id}.`);
    const user = await verifies(found, password);
    if (!user) {
      if (locks) await lockout.failed(rules, found.id);
      throw unauthorized();
    }
    const isOpen = user.enabled && (await source.domain(user.domainId))?.enabled === true;
    const now = isOpen ? user : await directory.user(user.id);
    if (!now?.enabled || (await directory.recent.domain.get(now.domainId))?.enabled !== true)
      throw unauthorized();
    await lockout.clear(rules, now.id);
    return now;
  };

  return {
    rulesOf,
    check,
    async checkLogin(ref, password) {
      const user = await check(ref, password);
      const endMs = passwordEndMs(await rulesOf(user.domainId), user);
      if (endMs !== null && clock.wallMs() >= endMs)
        throw unauthorized(`The password is expired and needs to be changed for user: ${user.id}.`);
      return user;
    },
  };
};
