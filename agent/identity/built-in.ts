/** What each cloud has from the start. Ids are made from names, so that all hosts make the same. */
import { createHash } from 'node:crypto';

export const builtInRoles = ['admin', 'manager', 'member', 'reader', 'ResellerAdmin', 'service'] as const;
export const defaultDomainId = 'default';

export const builtInId = (what: string): string =>
  createHash('sha256').update(`shoal ${what}`).digest('hex').slice(0, 32);

/** As in Keystone after its bootstrap: admin implies manager implies member implies reader. */
export const builtInRules = (
  [
    ['admin', 'manager'],
    ['manager', 'member'],
    ['member', 'reader'],
  ] as const
).map(([prior, implied]) => [builtInId(`role ${prior}`), builtInId(`role ${implied}`)] as const);

/**
 * Roles whose power reaches beyond a project, so nobody but a cloud admin gives them: `admin` on a project is the
 * cloud's admin to old clients, `service` looks at anyone's token, `ResellerAdmin` into anyone's objects.
 */
export const mightyRoles: readonly string[] = ['admin', 'service', 'ResellerAdmin'];
