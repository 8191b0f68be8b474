/** What each cloud has from the start. Ids are made from names, so that all hosts make the same. */
import { createHash } from 'node:crypto';

export const builtInRoles = ['admin', 'member', 'reader', 'ResellerAdmin', 'service'] as const;
export const defaultDomainId = 'default';

export const builtInId = (what: string): string =>
  createHash('sha256').update(`shoal ${what}`).digest('hex').slice(0, 32);
const implied: ReadonlyMap<string, readonly string[]> = new Map([
  [builtInId('role admin'), [builtInId('role member'), builtInId('role reader')]],
  [builtInId('role member'), [builtInId('role reader')]],
]);

/** As in Keystone after its bootstrap: admin implies member implies reader. */
export const withImplied = (roleIds: readonly string[]): readonly string[] => [
  ...new Set(roleIds.flatMap((id) => [id, ...(implied.get(id) ?? [])])),
];
