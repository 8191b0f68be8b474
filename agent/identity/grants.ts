/**
 * Who has which role on what. A grant is a row without content: two callers who give different roles never meet.
 *
 *     grant      (user, target/role)     the truth: read with every token, all of a user's in one range
 *     grant-on   (target, user/role)     an index for "who has something here"
 *
 * The index is written before the truth and removed after it, so kill -9 in between leaves at most an index row
 * without a grant, and those are checked against the truth when they are read.
 *
 * A grant to or of something that was deleted means nothing: ids are never used again.
 */
import { mapLimit } from '../base/map-limit.ts';
import type { Rows, Tables } from '../table/port.ts';
import { listRowsMax, pageRowsMax, readsMax } from './limits.ts';

export type Target =
  | { readonly kind: 'project' | 'domain'; readonly id: string }
  | { readonly kind: 'system' };

export interface Grant {
  readonly userId: string;
  readonly target: Target;
  readonly roleId: string;
}

export interface Grants {
  give(grant: Grant): Promise<void>;
  take(grant: Grant): Promise<void>;
  has(grant: Grant): Promise<boolean>;
  /** Role ids. */
  rolesOf(userId: string, target: Target): Promise<readonly string[]>;
  ofUser(userId: string): Promise<readonly Grant[]>;
  ofTarget(target: Target): Promise<readonly Grant[]>;
}

export const targetKey = (target: Target): string =>
  target.kind === 'system' ? 'system/all' : `${target.kind}/${target.id}`;

const targetOf = (kind: string, id: string): Target =>
  kind === 'project' || kind === 'domain' ? { kind, id } : { kind: 'system' };

type Mark = { readonly given: true };
const mark: Mark = { given: true };

export const openGrants = ({ tables }: { readonly tables: Tables }): Grants => {
  const grants: Rows<Mark> = tables.rows({ name: 'identity.grant' });
  const index: Rows<Mark> = tables.rows({ name: 'identity.grant-on' });
  const truthKey = ({ target, roleId }: Grant): string => `${targetKey(target)}/${roleId}`;
  const indexKey = ({ userId, roleId }: Grant): string => `${userId}/${roleId}`;

  const keysOf = async (rows: Rows<Mark>, partition: string, prefix?: string): Promise<readonly string[]> => {
    const keys: string[] = [];
    for (let more = true; more && keys.length < listRowsMax; ) {
      const after = keys.at(-1);
      const page = await rows.range(partition, {
        limit: pageRowsMax,
        ...(prefix !== undefined && { prefix }),
        ...(after !== undefined && { after }),
      });
      for (const { sortKey } of page.entries) keys.push(sortKey);
      more = page.more;
    }
    return keys;
  };

  const has = async (grant: Grant): Promise<boolean> =>
    (await grants.get(grant.userId, truthKey(grant))) !== undefined;

  return {
    has,
    async give(grant) {
      await index.put(targetKey(grant.target), indexKey(grant), mark);
      await grants.put(grant.userId, truthKey(grant), mark);
    },
    async take(grant) {
      await grants.delete(grant.userId, truthKey(grant));
      await index.delete(targetKey(grant.target), indexKey(grant));
    },
    async rolesOf(userId, target) {
      const prefix = `${targetKey(target)}/`;
      return (await keysOf(grants, userId, prefix)).map((key) => key.slice(prefix.length));
    },
    async ofUser(userId) {
      return (await keysOf(grants, userId)).map((key) => {
        const [kind = '', id = '', roleId = ''] = key.split('/');
        return { userId, target: targetOf(kind, id), roleId };
      });
    },
    async ofTarget(target) {
      const named = (await keysOf(index, targetKey(target))).map((key): Grant => {
        const [userId = '', roleId = ''] = key.split('/');
        return { userId, target, roleId };
      });
      const standing = await mapLimit(named, readsMax, has);
      return named.filter((_, i) => standing[i]);
    },
  };
};
