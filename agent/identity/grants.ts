/**
 * What users and groups have: roles on targets, and users their groups. Each is a row without content, so two
 * callers who give different roles never meet.
 *
 *     held    (actor, target/role)      the truth: all that an actor has is one range, read with every token
 *             (user, member/group)
 *     on      (target, actor/role)      an index for "who has something here"
 *             (group, user)
 *
 * The index is written before the truth and removed after it, so kill -9 in between leaves at most an index row
 * without a grant, and those are checked against the truth when they are read.
 *
 * A grant to or of something that was deleted means nothing: ids are never used again.
 */
import { ShoalError } from '../../proto/error.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Rows, Tables } from '../table/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { holdingsMax, listRowsMax, pageRowsMax, readsMax } from './limits.ts';

export type Target =
  | { readonly kind: 'project' | 'domain'; readonly id: string }
  | { readonly kind: 'system' };

export interface Actor {
  readonly kind: 'user' | 'group';
  readonly id: string;
}

export interface Grant {
  readonly actor: Actor;
  readonly target: Target;
  readonly roleId: string;
  /** For all projects below the target instead of the target itself. */
  readonly inherited: boolean;
}

export interface Holdings {
  readonly grants: readonly Grant[];
  /** Empty for a group. */
  readonly groupIds: readonly string[];
}

export interface Grants {
  /** Throws FORBIDDEN when the actor has too many to read with each token. */
  give(grant: Grant): Promise<void>;
  take(grant: Grant): Promise<void>;
  has(grant: Grant): Promise<boolean>;
  join(userId: string, groupId: string): Promise<void>;
  leave(userId: string, groupId: string): Promise<void>;
  isMember(userId: string, groupId: string): Promise<boolean>;
  of(actor: Actor): Promise<Holdings>;
  ofTarget(target: Target): Promise<readonly Grant[]>;
  /** User ids. */
  members(groupId: string): Promise<readonly string[]>;
}

export const targetKey = (target: Target): string =>
  target.kind === 'system' ? 'system/all' : `${target.kind}/${target.id}`;
/** Users came first: theirs is the bare id. */
export const actorKey = ({ kind, id }: Actor): string => (kind === 'user' ? id : `group:${id}`);
export const parseActorKey = (key: string): Actor =>
  key.startsWith('group:') ? { kind: 'group', id: key.slice(6) } : { kind: 'user', id: key };
export const grantKey = (grant: Grant): string => `${actorKey(grant.actor)} ${heldKey(grant)}`;

const targetOf = (kind: string, id: string): Target =>
  kind === 'project' || kind === 'domain' ? { kind, id } : { kind: 'system' };

const inheritedMark = 'inherited';
const roleKey = ({ roleId, inherited }: Grant): string => (inherited ? `${roleId}/${inheritedMark}` : roleId);
const heldKey = (grant: Grant): string => `${targetKey(grant.target)}/${roleKey(grant)}`;
const onKey = (grant: Grant): string => `${actorKey(grant.actor)}/${roleKey(grant)}`;
const memberKey = (groupId: string): string => `member/${groupId}`;
const membersPartition = (groupId: string): string => `group/${groupId}`;

type Mark = { readonly given: true };
const mark: Mark = { given: true };

export const openGrants = ({ tables }: { readonly tables: Tables }): Grants => {
  const held: Rows<Mark> = tables.rows({ name: 'identity.grant' });
  const on: Rows<Mark> = tables.rows({ name: 'identity.grant-on' });

  const keysOf = async (rows: Rows<Mark>, partition: string): Promise<readonly string[]> => {
    const keys: string[] = [];
    for await (const { sortKey } of walkRows(rows, partition, { limit: pageRowsMax })) {
      keys.push(sortKey);
      if (keys.length === listRowsMax) break;
    }
    return keys;
  };

  const hold = async (
    actor: string,
    key: string,
    indexPartition: string,
    indexKey: string,
  ): Promise<void> => {
    const { rows } = await held.tally(actor);
    if (rows >= holdingsMax && (await held.get(actor, key)) === undefined)
      throw new ShoalError(
        'FORBIDDEN',
        `Cannot give "${actor}" more than ${holdingsMax} roles and groups: give roles to a group, or inherited ones`,
      );
    await on.put(indexPartition, indexKey, mark);
    await held.put(actor, key, mark);
  };

  const has = async (grant: Grant): Promise<boolean> =>
    (await held.get(actorKey(grant.actor), heldKey(grant))) !== undefined;
  const isMember = async (userId: string, groupId: string): Promise<boolean> =>
    (await held.get(userId, memberKey(groupId))) !== undefined;

  return {
    has,
    isMember,
    give: (grant) => hold(actorKey(grant.actor), heldKey(grant), targetKey(grant.target), onKey(grant)),
    async take(grant) {
      await held.delete(actorKey(grant.actor), heldKey(grant));
      await on.delete(targetKey(grant.target), onKey(grant));
    },
    join: (userId, groupId) => hold(userId, memberKey(groupId), membersPartition(groupId), userId),
    async leave(userId, groupId) {
      await held.delete(userId, memberKey(groupId));
      await on.delete(membersPartition(groupId), userId);
    },
    async of(actor) {
      const grants: Grant[] = [];
      const groupIds: string[] = [];
      for (const key of await keysOf(held, actorKey(actor))) {
        const [kind = '', id = '', roleId = '', how] = key.split('/');
        if (kind === 'member') groupIds.push(id);
        else grants.push({ actor, target: targetOf(kind, id), roleId, inherited: how === inheritedMark });
      }
      return { grants, groupIds };
    },
    async ofTarget(target) {
      const named = (await keysOf(on, targetKey(target))).map((key): Grant => {
        const [actor = '', roleId = '', how] = key.split('/');
        return { actor: parseActorKey(actor), target, roleId, inherited: how === inheritedMark };
      });
      const standing = await mapLimit(named, readsMax, has);
      return named.filter((_, i) => standing[i]);
    },
    async members(groupId) {
      const named = await keysOf(on, membersPartition(groupId));
      const standing = await mapLimit(named, readsMax, (userId) => isMember(userId, groupId));
      return named.filter((_, i) => standing[i]);
    },
  };
};
