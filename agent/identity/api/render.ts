/** Records and tokens as Keystone shows them. */
import type { Token } from '../../../proto/rest/identity.ts';
import { apiPrefix } from '../../../proto/rest/route.ts';
import type { Principal } from '../../http/port.ts';
import type { DomainRow, GroupRow, ProjectRow, RoleRow, UserRow } from '../records.ts';

export const linkOf = (origin: string, path: string): string => `${origin}${apiPrefix.identity}/v3/${path}`;

export const selfOf = (origin: string, path: string) => ({ links: { self: linkOf(origin, path) } });

/** Keystone's own fields win over what a client once stored under their names. */
export const showDomain = (origin: string, { id, name, description, enabled, ...row }: DomainRow) => ({
  ...row.extra,
  id,
  name,
  description,
  enabled,
  tags: row.tags ?? [],
  options: row.options ?? {},
  ...selfOf(origin, `domains/${id}`),
});

export const showProject = (origin: string, project: ProjectRow) => ({
  ...project.extra,
  id: project.id,
  name: project.name,
  description: project.description,
  enabled: project.enabled,
  domain_id: project.isDomain ? null : project.domainId,
  parent_id: project.isDomain ? null : project.parentId,
  is_domain: project.isDomain === true,
  tags: project.tags,
  options: project.options ?? {},
  ...selfOf(origin, `projects/${project.id}`),
});

/** Keystone's six digits of a second. */
export const isoTime = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, -1)}000Z`;
export const isoTimeOrNull = (atMs: number | null): string | null => (atMs === null ? null : isoTime(atMs));

/** Never the password, in no form. */
export const showUser = (origin: string, user: UserRow, passwordEndMs: number | null) => ({
  ...user.extra,
  id: user.id,
  name: user.name,
  domain_id: user.domainId,
  enabled: user.enabled,
  ...(user.defaultProjectId !== null && { default_project_id: user.defaultProjectId }),
  password_expires_at: isoTimeOrNull(passwordEndMs),
  options: user.options ?? {},
  ...selfOf(origin, `users/${user.id}`),
});

export const showGroup = (origin: string, { id, name, description, domainId, extra }: GroupRow) => ({
  ...extra,
  id,
  name,
  description,
  domain_id: domainId,
  ...selfOf(origin, `groups/${id}`),
});

export const showRole = (origin: string, role: RoleRow) => ({
  ...role.extra,
  id: role.id,
  name: role.name,
  description: role.description,
  domain_id: role.domainId ?? null,
  options: role.options ?? {},
  ...selfOf(origin, `roles/${role.id}`),
});

/** Of a list that comes whole, up to `listRowsMax`. */
export const listLinks = (origin: string, path: string) => ({
  links: { self: linkOf(origin, path), next: null, previous: null },
});

/** What made the token stays visible in it. */
const showBounds = ({ applicationCredential, accessRules }: Partial<Principal>) => {
  if (!applicationCredential) return {};
  const { consumerId, ...credential } = applicationCredential;
  return consumerId === undefined
    ? {
        application_credential: { ...credential, ...(accessRules && { access_rules: [...accessRules] }) },
      }
    : { 'OS-OAUTH1': { access_token_id: credential.id, consumer_id: consumerId } };
};

export const showToken = (
  { user, scope, roles, methods, auditIds, issuedAtMs, expiresAtMs, ...bounds }: Principal,
  catalog: Token['catalog'],
  passwordEndMs: number | null,
): Token => ({
  methods: [...methods],
  user: {
    domain: { ...user.domain },
    id: user.id,
    name: user.name,
    password_expires_at: isoTimeOrNull(passwordEndMs),
  },
  audit_ids: [...auditIds],
  expires_at: isoTime(expiresAtMs),
  issued_at: isoTime(issuedAtMs),
  ...(scope.kind === 'project' && {
    project: { domain: { ...scope.domain }, id: scope.id, name: scope.name },
    is_domain: scope.isDomain === true,
  }),
  ...(scope.kind === 'domain' && { domain: { id: scope.id, name: scope.name } }),
  ...(scope.kind === 'system' && { system: { all: true } }),
  ...(scope.kind !== 'unscoped' && { roles: [...roles], ...(catalog && { catalog }) }),
  ...showBounds(bounds),
});
