/** Records and tokens as Keystone shows them. */
import type { Token } from '../../proto/rest/identity.ts';
import { apiPrefix } from '../../proto/rest/route.ts';
import type { Principal } from '../http/port.ts';
import type { DomainRow, ProjectRow, RoleRow, UserRow } from './records.ts';

export const linkOf = (origin: string, path: string): string => `${origin}${apiPrefix.identity}/v3/${path}`;

const selfOf = (origin: string, path: string) => ({ links: { self: linkOf(origin, path) } });

/** Keystone's own fields win over what a client once stored under their names. */
export const showDomain = (origin: string, { id, name, description, enabled, extra }: DomainRow) => ({
  ...extra,
  id,
  name,
  description,
  enabled,
  tags: [],
  options: {},
  ...selfOf(origin, `domains/${id}`),
});

export const showProject = (origin: string, project: ProjectRow) => ({
  ...project.extra,
  id: project.id,
  name: project.name,
  description: project.description,
  enabled: project.enabled,
  domain_id: project.domainId,
  parent_id: project.parentId,
  is_domain: false,
  tags: project.tags,
  options: {},
  ...selfOf(origin, `projects/${project.id}`),
});

/** Never the password, in no form. */
export const showUser = (origin: string, user: UserRow) => ({
  ...user.extra,
  id: user.id,
  name: user.name,
  domain_id: user.domainId,
  enabled: user.enabled,
  ...(user.defaultProjectId !== null && { default_project_id: user.defaultProjectId }),
  password_expires_at: null,
  options: {},
  ...selfOf(origin, `users/${user.id}`),
});

export const showRole = (origin: string, role: RoleRow) => ({
  ...role.extra,
  id: role.id,
  name: role.name,
  description: role.description,
  domain_id: null,
  options: {},
  ...selfOf(origin, `roles/${role.id}`),
});

/** `next` and `previous` are null: lists come whole, up to `listRowsMax`. */
export const listLinks = (origin: string, path: string) => ({
  links: { self: linkOf(origin, path), next: null, previous: null },
});

/** Keystone's six digits of a second. */
const isoTime = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, -1)}000Z`;

export const showToken = (
  { user, scope, roles, methods, auditIds, issuedAtMs, expiresAtMs }: Principal,
  catalog: Token['catalog'],
): Token => ({
  methods: [...methods],
  user: { domain: { ...user.domain }, id: user.id, name: user.name, password_expires_at: null },
  audit_ids: [...auditIds],
  expires_at: isoTime(expiresAtMs),
  issued_at: isoTime(issuedAtMs),
  ...(scope.kind === 'project' && {
    project: { domain: { ...scope.domain }, id: scope.id, name: scope.name },
    is_domain: false,
  }),
  ...(scope.kind === 'domain' && { domain: { id: scope.id, name: scope.name } }),
  ...(scope.kind === 'system' && { system: { all: true } }),
  ...(scope.kind !== 'unscoped' && { roles: [...roles], ...(catalog && { catalog }) }),
});
