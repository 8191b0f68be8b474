/**
 * Who may call what: one row per route, after Keystone's secure defaults (readers, managers and admins of the
 * system, a domain, a project).
 *
 * `admin` on the system or on any project may call all of it, as old clients and their tools expect. `admin` on a
 * domain manages that domain and nothing else.
 */
import type { Route } from '../../proto/rest/route.ts';
import { hasRole, type Principal } from '../http/port.ts';
import { complianceGroup } from './compliance.ts';

export interface Policy {
  /** With any valid token. */
  readonly anyone?: true;
  /** Readers of the system too. */
  readonly system?: 'reader';
  /** Those with this role on the domain that all the call touches belongs to. */
  readonly domain?: 'reader' | 'manager';
  /** Whose own it is: the token's user, project or domain is the one in the path. */
  readonly own?: 'user' | 'project' | 'domain';
  /** A role that the owner needs. */
  readonly ownRole?: 'member';
  /** Nobody else, not even an admin: it would be done in the user's name. */
  readonly ownOnly?: true;
  /** Services too, to look at what their clients bring. */
  readonly service?: true;
  /** Anyone, where the path says so. */
  readonly anyoneAt?: Readonly<Record<string, string>>;
  /** It gives or takes the role in the path, so a domain's managers are held to those that stay in their domain. */
  readonly gives?: true;
}

const admin: Policy = {};
const anyone: Policy = { anyone: true };
const systemReader: Policy = { system: 'reader' };
const reader: Policy = { system: 'reader', domain: 'reader' };
const manager: Policy = { domain: 'manager' };
const readerOrUser: Policy = { ...reader, own: 'user' };
const readerOrProject: Policy = { ...reader, own: 'project' };
const giver: Policy = { ...manager, gives: true };
const ownOrReader: Policy = { system: 'reader', own: 'user' };
const owner: Policy = { own: 'user' };

/** The rows of a collection: who sees and who changes. */
const rows = (one: string, many: string, see: Policy, change: Policy): Readonly<Record<string, Policy>> => ({
  [`list${many}`]: see,
  [`show${one}`]: see,
  [`create${one}`]: change,
  [`update${one}`]: change,
  [`delete${one}`]: change,
});

/** What a grant is called: `createProjectUserGrant`, `listInheritedDomainGroupGrants`. */
const grants = (what: string, see: Policy, change: Policy): Readonly<Record<string, Policy>> => ({
  [`list${what}Grants`]: see,
  [`check${what}Grant`]: see,
  [`create${what}Grant`]: change,
  [`delete${what}Grant`]: change,
});

export const policies: Readonly<Record<string, Policy>> = {
  validateToken: { system: 'reader', service: true, own: 'user' },
  revokeToken: { own: 'user' },
  issueEc2Token: { service: true },
  issueS3Token: { service: true },
  getAuthCatalog: anyone,
  getAuthProjects: anyone,
  getAuthDomains: anyone,
  getAuthSystem: anyone,

  ...rows('Domain', 'Domains', reader, admin),
  showDomain: { ...reader, own: 'domain' },
  ...rows('Project', 'Projects', reader, manager),
  showProject: readerOrProject,
  listProjectTags: readerOrProject,
  checkProjectTag: readerOrProject,
  replaceProjectTags: manager,
  deleteProjectTags: manager,
  addProjectTag: manager,
  deleteProjectTag: manager,
  createDomainConfig: admin,
  showDomainConfig: systemReader,
  updateDomainConfig: admin,
  deleteDomainConfig: admin,
  // What a new password must look like is for those to know who choose one: the use case shows them no more.
  showDomainConfigGroup: { ...systemReader, anyoneAt: { group: complianceGroup } },
  updateDomainConfigGroup: admin,
  deleteDomainConfigGroup: admin,
  showDomainConfigOption: { ...systemReader, anyoneAt: { group: complianceGroup } },
  updateDomainConfigOption: admin,
  deleteDomainConfigOption: admin,
  showDefaultConfig: systemReader,
  showDefaultConfigGroup: systemReader,
  showDefaultConfigOption: systemReader,

  ...rows('User', 'Users', reader, manager),
  showUser: readerOrUser,
  listUserProjects: readerOrUser,
  listUserGroups: readerOrUser,
  ...rows('Group', 'Groups', reader, manager),
  listGroupUsers: reader,
  checkGroupUser: reader,
  addGroupUser: manager,
  removeGroupUser: manager,

  ...rows('Role', 'Roles', systemReader, admin),
  listRoles: { system: 'reader', domain: 'manager' },
  showRole: { system: 'reader', domain: 'manager' },
  listRoleInferences: systemReader,
  listImpliedRoles: systemReader,
  showImpliedRole: systemReader,
  checkImpliedRole: systemReader,
  createImpliedRole: admin,
  deleteImpliedRole: admin,

  ...grants('ProjectUser', reader, giver),
  ...grants('ProjectGroup', reader, giver),
  ...grants('DomainUser', reader, giver),
  ...grants('DomainGroup', reader, giver),
  ...grants('InheritedProjectUser', reader, giver),
  ...grants('InheritedProjectGroup', reader, giver),
  ...grants('InheritedDomainUser', reader, giver),
  ...grants('InheritedDomainGroup', reader, giver),
  ...grants('SystemUser', systemReader, admin),
  ...grants('SystemGroup', systemReader, admin),
  listRoleAssignments: reader,

  listApplicationCredentials: ownOrReader,
  showApplicationCredential: ownOrReader,
  createApplicationCredential: { own: 'user', ownOnly: true },
  deleteApplicationCredential: owner,
  listAccessRules: ownOrReader,
  showAccessRule: ownOrReader,
  deleteAccessRule: owner,
  // Credentials name their owner inside: the use cases show and change a user's own only, all to those above.
  listCredentials: anyone,
  showCredential: anyone,
  createCredential: anyone,
  updateCredential: anyone,
  deleteCredential: anyone,
  listEc2Credentials: ownOrReader,
  showEc2Credential: ownOrReader,
  createEc2Credential: { own: 'user', ownRole: 'member' },
  deleteEc2Credential: { own: 'user', ownRole: 'member' },

  ...rows('Consumer', 'Consumers', systemReader, admin),
  authorizeRequestToken: anyone,
  listAccessTokens: ownOrReader,
  showAccessToken: ownOrReader,
  deleteAccessToken: owner,
  listAccessTokenRoles: ownOrReader,
  showAccessTokenRole: ownOrReader,

  ...rows('Region', 'Regions', anyone, admin),
  putRegion: admin,
  ...rows('Service', 'Services', systemReader, admin),
  ...rows('Endpoint', 'Endpoints', systemReader, admin),
  ...rows('Policy', 'Policies', systemReader, admin),
  ...rows('EndpointGroup', 'EndpointGroups', systemReader, admin),
  checkEndpointGroup: systemReader,
  listEndpointsOfGroup: systemReader,
  listProjectsOfEndpointGroup: systemReader,
  listProjectEndpointGroups: systemReader,
  showProjectEndpointGroup: systemReader,
  addEndpointGroup: admin,
  removeEndpointGroup: admin,
  listProjectEndpoints: systemReader,
  listEndpointProjects: systemReader,
  checkProjectEndpoint: systemReader,
  addProjectEndpoint: admin,
  removeProjectEndpoint: admin,
  showLimitModel: anyone,
  listLimits: anyone,
  listRegisteredLimits: anyone,
};

/** What is left out is left out for everyone. Undefined for public routes and those without a row. */
export const policyOf = ({ name, status, policy }: Route): Policy | undefined =>
  policy === 'public' ? undefined : status === 501 ? anyone : policies[name];

/** The cloud's admin. */
export const isCloudAdmin = (caller: Principal): boolean =>
  caller.scope.kind !== 'domain' && hasRole(caller, 'admin');

export const isSystemReader = ({ scope, ...caller }: Principal): boolean =>
  scope.kind === 'system' && hasRole({ scope, ...caller }, 'reader');

/** The one domain that a caller is bound to. */
export const boundDomain = ({ scope }: Principal): string | undefined =>
  scope.kind === 'domain' ? scope.id : undefined;
