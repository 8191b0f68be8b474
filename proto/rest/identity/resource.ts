/** Domains and projects: what things belong to. */
import { Type } from 'typebox';
import { act, collection, Id, Links, maybe, Name, Nullable, read, send, strict, Tags } from './schema.ts';

/** Keystone's one option of domains, projects and roles. Null takes it away. */
export const ResourceOptions = Type.Object({ immutable: maybe(Type.Boolean()) }, strict);

const fields = {
  description: maybe(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
  tags: Type.Optional(Tags),
  options: Type.Optional(ResourceOptions),
};
const shown = {
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  enabled: Type.Boolean(),
  tags: Type.Array(Type.String()),
  options: Type.Object({}),
  links: Links,
};
export const Domain = Type.Object(shown);
export const Project = Type.Object({
  ...shown,
  /** Null for a project that is a domain. */
  domain_id: Nullable(Type.String()),
  parent_id: Nullable(Type.String()),
  is_domain: Type.Boolean(),
});

const place = {
  domain_id: maybe(Id),
  parent_id: maybe(Id),
  is_domain: Type.Optional(Type.Boolean()),
};

const tags = '/v3/projects/:projectId/tags';
const TagsAnswer = Type.Object({ tags: Type.Array(Type.String()), links: Links });

const Config = Type.Object({ config: Type.Record(Type.String(), Type.Unknown()) });
const config = '/v3/domains/:domainId/config';
const group = `${config}/:group`;
const option = `${group}/:option`;

export const resourceRoutes = {
  domain: collection(
    { one: 'domain', many: 'domains', title: 'Domain', titles: 'Domains' },
    { ...fields, name: Name(64), explicit_domain_id: Type.Optional(Id) },
    { ...fields, name: Type.Optional(Name(64)) },
    Domain,
  ),
  project: collection(
    { one: 'project', many: 'projects', title: 'Project', titles: 'Projects' },
    { ...fields, ...place, name: Name(64) },
    { ...fields, ...place, name: Type.Optional(Name(64)) },
    Project,
  ),
  tag: {
    list: read('listProjectTags', tags, TagsAnswer),
    replace: send('replaceProjectTags', 'PUT', tags, Type.Object({ tags: Tags }, strict), TagsAnswer),
    clear: act('deleteProjectTags', 'DELETE', tags),
    check: act('checkProjectTag', 'GET', `${tags}/:tag`),
    add: { ...act('addProjectTag', 'PUT', `${tags}/:tag`), status: 201 },
    remove: act('deleteProjectTag', 'DELETE', `${tags}/:tag`),
  },
  domainConfig: {
    create: send('createDomainConfig', 'PUT', config, Config, Config, 201),
    show: read('showDomainConfig', config, Config),
    update: send('updateDomainConfig', 'PATCH', config, Config, Config),
    remove: act('deleteDomainConfig', 'DELETE', config),
    showGroup: read('showDomainConfigGroup', group, Config),
    updateGroup: send('updateDomainConfigGroup', 'PATCH', group, Config, Config),
    removeGroup: act('deleteDomainConfigGroup', 'DELETE', group),
    showOption: read('showDomainConfigOption', option, Config),
    updateOption: send('updateDomainConfigOption', 'PATCH', option, Config, Config),
    removeOption: act('deleteDomainConfigOption', 'DELETE', option),
    defaults: read('showDefaultConfig', '/v3/domains/config/default', Config),
    defaultGroup: read('showDefaultConfigGroup', '/v3/domains/config/:group/default', Config),
    defaultOption: read('showDefaultConfigOption', '/v3/domains/config/:group/:option/default', Config),
  },
} as const;
