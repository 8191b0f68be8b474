/** Where a login or a check of a token reads: rows as they are now, or copies that are seconds old. */
import { type Directory, everywhere } from './directory.ts';
import type { Readers } from './effective.ts';
import { actorKey } from './grants.ts';
import { nameKey } from './named.ts';
import type { ApplicationCredentialRow, DomainRow, ProjectRow, UserRow } from './records.ts';

export interface Source extends Readers {
  domain(id: string): Promise<DomainRow | undefined>;
  user(id: string): Promise<UserRow | undefined>;
  application(userId: string, id: string): Promise<ApplicationCredentialRow | undefined>;
  domainNamed(name: string): Promise<DomainRow | undefined>;
  userNamed(domainId: string, name: string): Promise<UserRow | undefined>;
  projectNamed(domainId: string, name: string): Promise<ProjectRow | undefined>;
}

/** Linearizable. */
export const freshSource = (directory: Directory): Source => ({
  holdings: directory.holdings,
  group: directory.group,
  project: directory.project,
  role: directory.role,
  inferences: directory.inferences,
  domain: directory.domain,
  user: directory.user,
  application: (userId, id) => directory.applications.get(userId, id),
  domainNamed: (name) => directory.domains.find(everywhere, name),
  userNamed: (domainId, name) => directory.users.find(domainId, name),
  projectNamed: (domainId, name) => directory.projects.find(domainId, name),
});

/** Copies that are `freshMs` old at most and were not read before `sinceMs` (wall clock). */
export const recentSource = ({ recent }: Directory, sinceMs?: number): Source => {
  /** A copy of a name says whose it was; the record says whether it still is. */
  const named =
    <Row extends { readonly name: string }>(kind: string, load: (id: string) => Promise<Row | undefined>) =>
    async (scope: string, name: string): Promise<Row | undefined> => {
      const key = `${kind}/${scope}/${nameKey(name)}`;
      const find = async (): Promise<Row | undefined> => {
        const id = await recent.name.get(key, sinceMs);
        const row = id === undefined ? undefined : await load(id);
        return row && nameKey(row.name) === nameKey(name) ? row : undefined;
      };
      const found = await find();
      if (found) return found;
      recent.name.drop(key);
      return find();
    };
  const domain: Source['domain'] = (id) => recent.domain.get(id, sinceMs);
  const user: Source['user'] = (id) => recent.user.get(id, sinceMs);
  const project: Source['project'] = (id) => recent.project.get(id, sinceMs);
  const domainNamed = named('domain', domain);
  return {
    domain,
    user,
    project,
    holdings: (actor) => recent.holdings.get(actorKey(actor), sinceMs),
    group: (id) => recent.group.get(id, sinceMs),
    // Roles and what they imply change seldom and never by the hand of their holder.
    role: (id) => recent.role.get(id),
    inferences: async () => (await recent.inferences.get(everywhere)) ?? new Map(),
    application: (userId, id) => recent.application.get(`${userId}/${id}`, sinceMs),
    domainNamed: (name) => domainNamed(everywhere, name),
    userNamed: named('user', user),
    projectNamed: named('project', project),
  };
};
