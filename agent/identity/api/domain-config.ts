/**
 * A domain's own settings. The group `security_compliance` holds for the domain's users at once (compliance.ts).
 * `identity` and `ldap` are kept and shown as Keystone does without domain-specific drivers: nothing reads them.
 */
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { type ApiRequest, principalOf } from '../../http/port.ts';
import { complianceGroup, parseCompliance } from '../compliance.ts';
import { type IdentityContext, journaled } from '../context.ts';
import type { DomainConfig } from '../directory.ts';
import { badRequest, forbidden, notFound } from '../error.ts';
import { isCloudAdmin, isSystemReader } from '../policy.ts';

type Options = Readonly<Record<string, unknown>>;

/** What a group may hold, and what Keystone would do without it. Passwords are not among them. */
const groups: Readonly<Record<string, Options>> = {
  identity: { driver: 'sql', list_limit: null },
  ldap: {
    url: 'ldap://localhost',
    user: null,
    suffix: 'cn=example,cn=com',
    query_scope: 'one',
    page_size: 0,
    use_tls: false,
    user_tree_dn: null,
    user_filter: null,
    user_objectclass: 'inetOrgPerson',
    user_id_attribute: 'cn',
    user_name_attribute: 'sn',
    group_tree_dn: null,
    group_objectclass: 'groupOfNames',
  },
  [complianceGroup]: {
    lockout_failure_attempts: 0,
    lockout_duration: 1800,
    unique_last_password_count: 0,
    password_expires_days: 0,
    minimum_password_age: 0,
    password_regex: null,
    password_regex_description: null,
    change_password_upon_first_use: false,
  },
};

const isObject = (value: unknown): value is Options =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws FORBIDDEN on what is no option. */
const mustBeKnown = (group: string, option?: string): void => {
  const options = Object.hasOwn(groups, group) ? groups[group] : undefined;
  if (!options) throw forbidden(`identity:domain_config, the group ${group} is not supported`);
  if (option !== undefined && !Object.hasOwn(options, option))
    throw forbidden(`identity:domain_config, the option ${option} in group ${group} is not supported`);
};

/** Throws BAD_REQUEST, FORBIDDEN. */
const parseConfig = (config: Options): DomainConfig => {
  const entries = Object.entries(config);
  if (entries.length === 0) throw badRequest('Invalid domain specific configuration: No options specified');
  for (const [group, options] of entries) {
    if (!isObject(options)) throw badRequest(`Invalid domain specific configuration: ${group} is no group`);
    for (const option of Object.keys(options)) mustBeKnown(group, option);
    mustBeKnown(group);
    if (group === complianceGroup) parseCompliance(options);
  }
  return config as DomainConfig;
};

/** Throws NOT_FOUND. */
const part = (config: DomainConfig, group?: string, option?: string): Options => {
  const options = group === undefined ? undefined : config[group];
  const isThere =
    group === undefined
      ? Object.keys(config).length > 0
      : option === undefined
        ? options !== undefined
        : options !== undefined && Object.hasOwn(options, option);
  if (!isThere)
    throw notFound('domain configuration', [group ?? 'any group', option].filter(Boolean).join('.'));
  if (group === undefined) return config;
  return option === undefined ? { [group]: options } : { [option]: options?.[option] };
};

/** What everyone may know, as in Keystone: how a new password must look. */
const openOptions = ['password_regex', 'password_regex_description'];
const openConfig = ({ [complianceGroup]: rules = {} }: DomainConfig): DomainConfig => ({
  [complianceGroup]: Object.fromEntries(openOptions.map((name) => [name, rules[name] ?? null])),
});

const merged = (present: DomainConfig, next: DomainConfig): DomainConfig => ({
  ...present,
  ...Object.fromEntries(
    Object.entries(next).map(([group, options]) => [group, { ...present[group], ...options }]),
  ),
});

const without = (config: DomainConfig, group?: string, option?: string): DomainConfig => {
  if (group === undefined) return {};
  const { [group]: options = {}, ...others } = config;
  if (option === undefined) return others;
  const { [option]: _, ...rest } = options;
  return Object.keys(rest).length > 0 ? { ...others, [group]: rest } : others;
};

export const serveDomainConfig = (context: IdentityContext): void => {
  const { http, directory } = context;
  const routes = identityRoutes.domainConfig;

  const stored = async (domainId: string): Promise<DomainConfig> => {
    if (!(await directory.domain(domainId))) throw notFound('domain', domainId);
    return (await directory.configs.get(domainId, '')) ?? {};
  };

  const change = async (
    request: ApiRequest,
    next: (present: DomainConfig) => DomainConfig,
  ): Promise<DomainConfig> => {
    const { domainId = '' } = request.params;
    await stored(domainId);
    const row = await journaled(context, request, 'domain_config.update', domainId, () =>
      directory.changing('config', domainId, () =>
        directory.configs.change(domainId, '', (present) => {
          const config = next(present ?? {});
          return Object.keys(config).length > 0 ? config : undefined;
        }),
      ),
    );
    return row ?? {};
  };

  for (const route of [routes.show, routes.showGroup, routes.showOption])
    http.serve(route, async (request) => {
      const { domainId = '', group, option } = request.params;
      if (group !== undefined) mustBeKnown(group, option);
      const config = await stored(domainId);
      const caller = principalOf(request);
      const seesAll = isCloudAdmin(caller) || isSystemReader(caller);
      return { body: { config: part(seesAll ? config : openConfig(config), group, option) } };
    });
  for (const route of [routes.remove, routes.removeGroup, routes.removeOption])
    http.serve(route, async (request) => {
      const { group, option } = request.params;
      await change(request, (present) => {
        part(present, group, option);
        return without(present, group, option);
      });
      return {};
    });

  http.serve(routes.create, async (request) => {
    const config = parseConfig(request.body.config);
    return { body: { config: await change(request, () => config) } };
  });
  http.serve(routes.update, async (request) => {
    const config = parseConfig(request.body.config);
    return {
      body: {
        config: await change(request, (present) => {
          part(present);
          return merged(present, config);
        }),
      },
    };
  });
  http.serve(routes.updateGroup, async (request) => {
    const { group = '' } = request.params;
    const config = parseConfig(request.body.config);
    if (Object.keys(config).join() !== group)
      throw forbidden(`identity:domain_config, the body must hold the group ${group} and nothing else`);
    return {
      body: {
        config: await change(request, (present) => {
          part(present, group);
          return merged(present, config);
        }),
      },
    };
  });
  http.serve(routes.updateOption, async (request) => {
    const { group = '', option = '' } = request.params;
    if (Object.keys(request.body.config).join() !== option)
      throw forbidden(`identity:domain_config, the body must hold the option ${option} and nothing else`);
    const config = parseConfig({ [group]: request.body.config });
    return {
      body: {
        config: await change(request, (present) => {
          part(present, group, option);
          return merged(present, config);
        }),
      },
    };
  });

  for (const route of [routes.defaults, routes.defaultGroup, routes.defaultOption])
    http.serve(route, async ({ params: { group, option } }) => {
      if (group !== undefined) mustBeKnown(group, option);
      return { body: { config: part(groups, group, option) } };
    });
};
