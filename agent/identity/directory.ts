/**
 * All records of identity, the seconds-old copies that tokens are checked with, and the word to the other hosts
 * when one changes.
 */
import type { ShoalError } from '../../proto/error.ts';
import type { Gossip } from '../peer/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Tables } from '../table/port.ts';
import { withImplied } from './built-in.ts';
import { type FreshCache, openCache } from './cache.ts';
import { conflict } from './error.ts';
import { type Grants, openGrants, type Target, targetKey } from './grants.ts';
import { cacheEntriesMax } from './limits.ts';
import { type NamedRecords, openNamed } from './named.ts';
import type { DomainRow, ProjectRow, RoleRow, UserRow } from './records.ts';
import { openRevocations, type Revocations } from './revocation.ts';

/** The one scope of names that belong to no domain. */
export const everywhere = 'all';

type ChangeKind = 'domain' | 'project' | 'user' | 'role' | 'roles' | 'token';

export interface Directory {
  readonly domains: NamedRecords<DomainRow>;
  readonly projects: NamedRecords<ProjectRow>;
  readonly users: NamedRecords<UserRow>;
  readonly roles: NamedRecords<RoleRow>;
  readonly grants: Grants;
  readonly revocations: Revocations;
  /** Linearizable, by id alone. */
  project(id: string): Promise<ProjectRow | undefined>;
  user(id: string): Promise<UserRow | undefined>;
  domain(id: string): Promise<DomainRow | undefined>;
  role(id: string): Promise<RoleRow | undefined>;
  /** Names and ids of what the user may do on the target, implied ones included. Linearizable. */
  rolesOn(userId: string, target: Target): Promise<readonly RoleRow[]>;
  /** Seconds old at most; `rolesOn` by `rolesKey`, a token's revocation by `auditId/expiresAtMs`. */
  readonly recent: {
    readonly domain: FreshCache<DomainRow>;
    readonly project: FreshCache<ProjectRow>;
    readonly user: FreshCache<UserRow>;
    readonly role: FreshCache<RoleRow>;
    readonly roles: FreshCache<readonly string[]>;
    readonly token: FreshCache<{ readonly revoked: boolean }>;
  };
  /** Runs a change and, whatever came of it, makes every host forget its copy. */
  changing<Result>(kind: ChangeKind, key: string, work: () => Promise<Result>): Promise<Result>;
}

export const rolesKey = (userId: string, target: Target): string => `${userId}|${targetKey(target)}`;
const parseRolesKey = (key: string): readonly [string, Target] => {
  const [userId = '', target = ''] = key.split('|');
  const [kind = '', id = ''] = target.split('/');
  return [userId, kind === 'project' || kind === 'domain' ? { kind, id } : { kind: 'system' }];
};

const topic = 'identity.change';

const duplicate =
  (kind: string) =>
  (row: { readonly name: string }, scope: string): ShoalError =>
    conflict(
      kind,
      `Duplicate entry found with name ${row.name}${scope === everywhere ? '' : ` at domain ID ${scope}`}`,
    );

/** Finds a record by id alone. A place never changes, so it is remembered. */
const byId = <Row extends { readonly id: string; readonly name: string }>(records: NamedRecords<Row>) => {
  const places = new Map<string, string>();
  return async (id: string): Promise<Row | undefined> => {
    const place = places.get(id) ?? (await records.scopeOf(id));
    if (place === undefined) return undefined;
    if (places.size >= cacheEntriesMax) places.clear();
    places.set(id, place);
    return records.get(place, id);
  };
};

const defined = <Row>(rows: readonly (Row | undefined)[]): readonly Row[] =>
  rows.filter((row): row is Row & (object | string) => row !== undefined);

export const openDirectory = ({
  runtime,
  tables,
  gossip,
}: {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly gossip: Gossip;
}): Directory => {
  const open = { runtime, tables };
  const domains = openNamed<DomainRow>(open, {
    kind: 'domain',
    taken: ({ name }) =>
      conflict(
        'domain',
        `it is not permitted to have two projects acting as domains with the same name: ${name}`,
      ),
  });
  const projects = openNamed<ProjectRow>(open, {
    kind: 'project',
    taken: ({ name, id }) =>
      conflict(
        'project',
        `it is not permitted to have two projects with either the same name or same id in the same domain: name is ${name}, project id ${id}`,
      ),
  });
  const users = openNamed<UserRow>(open, { kind: 'user', taken: duplicate('user') });
  const roles = openNamed<RoleRow>(open, { kind: 'role', taken: duplicate('role') });
  const grants = openGrants({ tables });
  const revocations = openRevocations({ tables, clock: runtime.clock });

  const project = byId(projects);
  const user = byId(users);
  const domain = (id: string) => domains.get(everywhere, id);
  const role = (id: string) => roles.get(everywhere, id);

  const recent: Directory['recent'] = {
    domain: openCache(runtime, domain),
    project: openCache(runtime, project),
    user: openCache(runtime, user),
    role: openCache(runtime, role),
    roles: openCache(runtime, (key) => grants.rolesOf(...parseRolesKey(key))),
    token: openCache(runtime, async (key) => {
      const [auditId = '', expiresAtMs] = key.split('/');
      return { revoked: await revocations.isRevoked(auditId, Number(expiresAtMs)) };
    }),
  };

  gossip.subscribe(topic, (_from, body) => {
    const { kind, key } = (body ?? {}) as { readonly kind?: unknown; readonly key?: unknown };
    if (typeof kind === 'string' && Object.hasOwn(recent, kind)) recent[kind as ChangeKind].drop(String(key));
  });

  return {
    domains,
    projects,
    users,
    roles,
    grants,
    revocations,
    project,
    user,
    domain,
    role,
    async rolesOn(userId, target) {
      const ids = withImplied(await grants.rolesOf(userId, target));
      return defined(await Promise.all(ids.map(role)));
    },
    recent,
    async changing(kind, key, work) {
      try {
        return await work();
      } finally {
        recent[kind].drop(key);
        gossip.publish(topic, { kind, key });
      }
    },
  };
};
