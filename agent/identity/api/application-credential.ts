/** Application credentials: a secret for a program, bound to one project, some roles and, if wanted, some calls. */
import { createHash } from 'node:crypto';
import { ShoalError } from '../../../proto/error.ts';
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import type { BodyOf } from '../../../proto/rest/route.ts';
import { mapLimit } from '../../base/map-limit.ts';
import { type ApiRequest, type Principal, principalOf } from '../../http/port.ts';
import type { Registers, Tables } from '../../table/port.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { isDefined } from '../effective.ts';
import { badRequest, forbidden, notFound } from '../error.ts';
import { withImplied } from '../inference.ts';
import { credentialsMax, readsMax } from '../limits.ts';
import { nameKey } from '../named.ts';
import type { ApplicationCredentialRow } from '../records.ts';
import { hashSecret, newSecret } from '../secret.ts';
import { listed } from './filter.ts';
import { selfOf } from './render.ts';

type AccessRuleRow = NonNullable<ApplicationCredentialRow['accessRules']>[number];
type Asked = BodyOf<typeof identityRoutes.application.create>['application_credential'];

/** What a token of a restricted application credential may not do. Throws FORBIDDEN. */
export const mustBeUnrestricted = ({ applicationCredential }: Principal, action: string): void => {
  if (applicationCredential?.restricted)
    throw forbidden(
      `${action}: using method 'application_credential' is not allowed for managing credentials`,
    );
};

/** The same words are the same rule, whoever says them again. */
const ruleOf = (userId: string, { service, method, path }: Omit<AccessRuleRow, 'id'>): AccessRuleRow => ({
  id: createHash('sha256').update([userId, service, method, path].join('\n')).digest('hex').slice(0, 32),
  service,
  method,
  path,
});

/** Without an offset it is UTC, as Keystone reads it; microseconds are kept as a part of the millisecond. Throws BAD_REQUEST. */
const parseEnd = (text: string | null | undefined, nowMs: number): number | null => {
  if (text == null) return null;
  const [, whole, digits = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:?\d\d)?$/i.exec(text.trim()) ?? [];
  const atMs = Date.parse(`${whole}${zone}`) + Number(digits.padEnd(6, '0')) / 1000;
  if (Number.isNaN(atMs))
    throw badRequest(`Invalid input for field expires_at: ${text} is no time like 2027-01-31T12:00:00Z.`);
  if (atMs <= nowMs) throw badRequest('Invalid application credential: expires_at must be in the future.');
  return atMs;
};

/** Keystone's: no zone, always six digits of the second. */
const showEnd = (atMs: number | null): string | null => {
  if (atMs === null) return null;
  const micro = Math.round((atMs % 1000) * 1000);
  return `${new Date(atMs).toISOString().slice(0, 19)}.${String(micro).padStart(6, '0')}`;
};

export const serveApplicationCredential = (
  context: IdentityContext,
  { tables }: { readonly tables: Tables },
): void => {
  const { http, directory, passwords, runtime } = context;
  const { application, accessRule } = identityRoutes;
  const rules: Registers<AccessRuleRow> = tables.registers({ name: 'identity.access-rule' });

  const rulesOf = async (userId: string): Promise<readonly AccessRuleRow[]> =>
    (await rules.range(userId, { limit: credentialsMax })).entries.map(({ row }) => row);

  const mustFind = async (userId: string, id: string): Promise<ApplicationCredentialRow> => {
    const row = await directory.applications.get(userId, id);
    if (!row || row.consumerId !== undefined) throw notFound('application credential', id);
    return row;
  };

  const show = async (origin: string, row: ApplicationCredentialRow) => {
    const roles = (await mapLimit(row.roleIds, readsMax, (id) => directory.role(id))).filter(isDefined);
    const { id, userId } = row;
    return {
      id,
      name: row.name,
      description: row.description,
      project_id: row.projectId,
      user_id: userId,
      roles: roles.map((role) => ({ id: role.id, name: role.name, domain_id: role.domainId ?? null })),
      expires_at: showEnd(row.expiresAtMs),
      unrestricted: row.unrestricted,
      system: null,
      ...(row.accessRules && { access_rules: row.accessRules }),
      ...selfOf(origin, `users/${userId}/application_credentials/${id}`),
    };
  };

  /** The token's roles, or those of them that were named with what they imply. Throws BAD_REQUEST. */
  const rolesFor = async (caller: Principal, asked: Asked['roles']): Promise<readonly string[]> => {
    if (!asked || asked.length === 0) return caller.roles.map(({ id }) => id);
    const named = asked.map(({ id, name }) =>
      caller.roles.find((role) => (id === undefined ? role.name === name : role.id === id)),
    );
    if (!named.every(isDefined))
      throw badRequest(
        'Invalid application credential: Cannot create an application credential with unassigned role',
      );
    const all = withImplied(
      await directory.rules.all(),
      named.filter(isDefined).map(({ id }) => id),
    );
    return caller.roles.map(({ id }) => id).filter((id) => all.has(id));
  };

  const accessRulesFor = async (
    userId: string,
    asked: Asked['access_rules'],
  ): Promise<readonly AccessRuleRow[] | undefined> => {
    if (!asked) return undefined;
    const known = await rulesOf(userId);
    if (known.length + asked.length > credentialsMax)
      throw new ShoalError('FORBIDDEN', `Cannot keep more than ${credentialsMax} access rules of one user`);
    return mapLimit(asked, readsMax, async (rule) => {
      if (!('path' in rule)) {
        const found = known.find(({ id }) => id === rule.id);
        if (!found) throw badRequest(`Invalid application credential: there is no access rule ${rule.id}`);
        return found;
      }
      const row = ruleOf(userId, rule);
      await rules.change(userId, row.id, (current) => current ?? row);
      return row;
    });
  };

  http.serve(application.list, async (request) => {
    const { origin, query, params } = request;
    const { userId = '' } = params;
    const name = query.get('name');
    const rows = (await directory.applications.list(userId)).filter(
      (row) => row.consumerId === undefined && (name === null || nameKey(row.name) === nameKey(name)),
    );
    const shown = await mapLimit(rows, readsMax, (row) => show(origin, row));
    return {
      body: listed(
        request,
        { key: 'application_credentials', path: `users/${userId}/application_credentials` },
        shown,
        (row) => row,
      ),
    };
  });

  http.serve(application.create, async (request) => {
    const caller = principalOf(request);
    mustBeUnrestricted(caller, 'identity:create_application_credential');
    const { scope, user } = caller;
    if (scope.kind !== 'project')
      throw badRequest('Invalid application credential: it takes a token scoped to a project');
    if ((await directory.applications.list(user.id)).length >= credentialsMax)
      throw new ShoalError(
        'FORBIDDEN',
        `Cannot keep more than ${credentialsMax} application credentials of one user`,
      );
    const asked = request.body.application_credential;
    // A credential made by a bounded token is bounded at least as much.
    const accessRules = asked.access_rules
      ? await accessRulesFor(user.id, asked.access_rules)
      : await accessRulesFor(
          user.id,
          caller.accessRules ? ([...caller.accessRules] as Asked['access_rules']) : undefined,
        );
    const secret = asked.secret ?? newSecret(runtime.chance);
    const row: ApplicationCredentialRow = {
      id: newHexId(),
      name: asked.name.trim(),
      description: asked.description ?? null,
      userId: user.id,
      projectId: scope.id,
      roleIds: await rolesFor(caller, asked.roles),
      secret: await hashSecret(passwords, secret, asked.secret != null),
      expiresAtMs: parseEnd(asked.expires_at, runtime.clock.wallMs()),
      unrestricted: asked.unrestricted ?? false,
      ...(accessRules && { accessRules }),
    };
    await journaled(context, request, 'application_credential.create', row.id, () =>
      directory.changing('application', `${user.id}/${row.id}`, () =>
        directory.applications.create(user.id, row),
      ),
    );
    const shown = await show(request.origin, row);
    return { body: { application_credential: { ...shown, secret } } };
  });

  http.serve(application.show, async ({ origin, params }) => {
    const row = await mustFind(params.userId ?? '', params.applicationCredentialId ?? '');
    return { body: { application_credential: await show(origin, row) } };
  });

  http.serve(application.remove, async (request) => {
    mustBeUnrestricted(principalOf(request), 'identity:delete_application_credential');
    const { userId = '', applicationCredentialId: id = '' } = request.params;
    await mustFind(userId, id);
    await journaled(context, request, 'application_credential.delete', id, () =>
      directory.changing('application', `${userId}/${id}`, () => directory.applications.delete(userId, id)),
    );
    return {};
  });

  const showRule = (origin: string, userId: string, rule: AccessRuleRow) => ({
    ...rule,
    ...selfOf(origin, `users/${userId}/access_rules/${rule.id}`),
  });
  const findRule = async ({ params: { userId = '', accessRuleId: id = '' } }: Pick<ApiRequest, 'params'>) => {
    const row = await rules.get(userId, id);
    if (!row) throw notFound('access rule', id);
    return row;
  };

  http.serve(accessRule.list, async (request) => {
    const { origin, query, params } = request;
    const { userId = '' } = params;
    const rows = (await rulesOf(userId)).filter((rule) =>
      (['service', 'path', 'method'] as const).every((field) =>
        [null, rule[field]].includes(query.get(field)),
      ),
    );
    return {
      body: listed(request, { key: 'access_rules', path: `users/${userId}/access_rules` }, rows, (rule) =>
        showRule(origin, userId, rule),
      ),
    };
  });
  http.serve(accessRule.show, async (request) => ({
    body: { access_rule: showRule(request.origin, request.params.userId ?? '', await findRule(request)) },
  }));
  http.serve(accessRule.remove, async (request) => {
    const { userId = '' } = request.params;
    const { id } = await findRule(request);
    const users = await directory.applications.list(userId);
    if (users.some(({ accessRules }) => accessRules?.some((rule) => rule.id === id)))
      throw forbidden('identity:delete_access_rule, an application credential uses it');
    await rules.change(userId, id, () => undefined);
    return {};
  });
};
