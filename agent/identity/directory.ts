/**
 * All records of identity, the seconds-old copies that tokens are checked with, and the word to the other hosts
 * when one changes.
 */
import type { ShoalError } from '../../proto/error.ts';
import type { Gossip } from '../peer/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Registers, Tables } from '../table/port.ts';
import { type FreshCache, openCache } from './cache.ts';
import { type Credentials, openCredentials } from './credentials.ts';
import { type Readers, rolesOn } from './effective.ts';
import { conflict } from './error.ts';
import { type Grants, type Holdings, openGrants, parseActorKey, type Target } from './grants.ts';
import { type InferenceRules, type Inferences, openInferences } from './inference.ts';
import { cacheEntriesMax } from './limits.ts';
import { type NamedRecords, openNamed } from './named.ts';
import type {
  ApplicationCredentialRow,
  CredentialRow,
  DomainRow,
  GroupRow,
  ProjectRow,
  RoleRow,
  UserRow,
} from './records.ts';
import { openRevocations, type Revocations } from './revocation.ts';
import { openTree, type ProjectTree } from './tree.ts';

/** The one scope of names that belong to no domain. */
export const everywhere = 'all';

/** A domain's own settings, by group and option. */
export type DomainConfig = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Seconds old at most. Keys: ids; `actorKey` for holdings, `userId/id` for application credentials. */
export interface Recent {
  readonly domain: FreshCache<DomainRow>;
  /** A domain's id gives the domain as a project. */
  readonly project: FreshCache<ProjectRow>;
  readonly user: FreshCache<UserRow>;
  readonly group: FreshCache<GroupRow>;
  readonly role: FreshCache<RoleRow>;
  readonly holdings: FreshCache<Holdings>;
  /** Under `everywhere`. */
  readonly inferences: FreshCache<Inferences>;
  readonly application: FreshCache<ApplicationCredentialRow>;
  readonly credential: FreshCache<CredentialRow>;
  readonly config: FreshCache<DomainConfig>;
  /** Ids of domains, users and projects by `kind/scope/nameKey`. */
  readonly name: FreshCache<string>;
  /** By `auditId/expiresAtMs`. */
  readonly token: FreshCache<{ readonly revoked: boolean }>;
}

export interface Directory extends Readers {
  readonly domains: NamedRecords<DomainRow>;
  readonly projects: NamedRecords<ProjectRow>;
  readonly users: NamedRecords<UserRow>;
  readonly groups: NamedRecords<GroupRow>;
  /** In the scope of a domain, or `everywhere`. */
  readonly roles: NamedRecords<RoleRow>;
  /** In the scope of their user. */
  readonly applications: NamedRecords<ApplicationCredentialRow>;
  readonly credentials: Credentials;
  readonly configs: Registers<DomainConfig>;
  readonly tree: ProjectTree;
  readonly grants: Grants;
  readonly rules: InferenceRules;
  readonly revocations: Revocations;
  /** Linearizable, by id alone. */
  project(id: string): Promise<ProjectRow | undefined>;
  user(id: string): Promise<UserRow | undefined>;
  group(id: string): Promise<GroupRow | undefined>;
  domain(id: string): Promise<DomainRow | undefined>;
  role(id: string): Promise<RoleRow | undefined>;
  /** What the user may do on the target, from whatever source. Linearizable. */
  rolesOn(userId: string, target: Target): Promise<readonly RoleRow[]>;
  readonly recent: Recent;
  /** Counts the words that something has changed: what was put together of copies before the last one may be outdated. */
  changes(): number;
  /** Runs a change and, whatever came of it, makes every host forget its copy. */
  changing<Result>(kind: keyof Recent, key: string, work: () => Promise<Result>): Promise<Result>;
  /** Others can keep copies of their own: `drop` is called when a host has told that they changed. */
  onChange(kind: string, drop: (key: string) => void): void;
  /** The same word for those. */
  tell(kind: string, key: string): void;
}

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

/** A domain as the project that it is to Keystone. */
export const asProject = (row: DomainRow): ProjectRow => ({
  ...row,
  tags: row.tags ?? [],
  domainId: row.id,
  parentId: row.id,
  isDomain: true,
});

const openRecords = (open: { readonly runtime: Runtime; readonly tables: Tables }) => ({
  domains: openNamed<DomainRow>(open, {
    kind: 'domain',
    taken: ({ name }) =>
      conflict(
        'domain',
        `it is not permitted to have two projects acting as domains with the same name: ${name}`,
      ),
  }),
  projects: openNamed<ProjectRow>(open, {
    kind: 'project',
    taken: ({ name, id }) =>
      conflict(
        'project',
        `it is not permitted to have two projects with either the same name or same id in the same domain: name is ${name}, project id ${id}`,
      ),
  }),
  users: openNamed<UserRow>(open, { kind: 'user', taken: duplicate('user') }),
  groups: openNamed<GroupRow>(open, { kind: 'group', taken: duplicate('group') }),
  roles: openNamed<RoleRow>(open, { kind: 'role', taken: duplicate('role') }),
  applications: openNamed<ApplicationCredentialRow>(open, {
    kind: 'application_credential',
    taken: ({ name }) => conflict('application_credential', `Duplicate entry found with name ${name}`),
  }),
});

export const openDirectory = ({
  runtime,
  tables,
  gossip,
}: {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly gossip: Gossip;
}): Directory => {
  const records = openRecords({ runtime, tables });
  const grants = openGrants({ tables });
  const rules = openInferences({ tables });
  const credentials = openCredentials({ tables });
  const revocations = openRevocations({ tables, clock: runtime.clock });
  const configs: Registers<DomainConfig> = tables.registers({ name: 'identity.domain-config' });

  const domain = (id: string) => records.domains.get(everywhere, id);
  const plainProject = byId(records.projects);
  const project = async (id: string): Promise<ProjectRow | undefined> => {
    const row = await plainProject(id);
    if (row) return row;
    const acting = await domain(id);
    return acting && asProject(acting);
  };
  const [user, group, role] = [byId(records.users), byId(records.groups), byId(records.roles)];

  const recent: Recent = {
    domain: openCache(runtime, domain),
    project: openCache(runtime, project),
    user: openCache(runtime, user),
    group: openCache(runtime, group),
    role: openCache(runtime, role),
    holdings: openCache(runtime, (key) => grants.of(parseActorKey(key))),
    inferences: openCache(runtime, () => rules.all()),
    application: openCache(runtime, (key) => {
      const [userId = '', id = ''] = key.split('/');
      return records.applications.get(userId, id);
    }),
    credential: openCache(runtime, credentials.get),
    config: openCache(runtime, async (id) => (await configs.get(id, '')) ?? {}),
    name: openCache(runtime, async (key) => {
      const [, kind = '', scope = '', name = ''] = /^(\w+)\/([^/]*)\/(.*)$/s.exec(key) ?? [];
      const named = { domain: records.domains, user: records.users, project: records.projects }[kind];
      return (await named?.find(scope, name))?.id;
    }),
    token: openCache(runtime, async (key) => {
      const [auditId = '', expiresAtMs] = key.split('/');
      return { revoked: await revocations.isRevoked(auditId, Number(expiresAtMs)) };
    }),
  };
  const drops = new Map<string, (key: string) => void>(
    Object.entries(recent).map(([kind, cache]) => [kind, (key) => cache.drop(key)]),
  );
  let changes = 0;
  const drop = (kind: string, key: string): void => {
    changes += 1;
    drops.get(kind)?.(key);
    if (kind === 'domain') recent.project.drop(key);
  };
  const tell = (kind: string, key: string): void => {
    drop(kind, key);
    gossip.publish(topic, { kind, key });
  };

  gossip.subscribe(topic, (_from, body) => {
    const { kind, key } = (body ?? {}) as { readonly kind?: unknown; readonly key?: unknown };
    if (typeof kind === 'string') drop(kind, String(key));
  });

  const readers: Readers = { holdings: grants.of, group, project, role, inferences: rules.all };

  return {
    ...records,
    ...readers,
    rolesOn: (userId, target) => rolesOn(readers, userId, target),
    credentials,
    configs,
    tree: openTree({ tables, projects: records.projects }),
    grants,
    rules,
    revocations,
    project,
    user,
    group,
    domain,
    role,
    recent,
    changes: () => changes,
    tell,
    onChange: (kind, forget) => void drops.set(kind, forget),
    async changing(kind, key, work) {
      try {
        return await work();
      } finally {
        tell(kind, key);
      }
    },
  };
};
