/** Users: who may log in. */
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { principalOf } from '../../http/port.ts';
import { checkAge, checkPattern, passwordEndMs } from '../compliance.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { badRequest, forbidden, notFound } from '../error.ts';
import { nameKey } from '../named.ts';
import { boundDomain } from '../policy.ts';
import { projectsFor } from '../reach.ts';
import type { GroupRow, UserRow } from '../records.ts';
import { removeUser } from '../removal.ts';
import { extraOf, mustStay, withOptions } from './extra.ts';
import { listed, matches, rowsFor } from './filter.ts';
import { showGroup, showProject, showUser } from './render.ts';
import { matchesEnd } from './time-filter.ts';

const own = ['name', 'enabled', 'options', 'domain_id', 'default_project_id', 'password'];

const filters = {
  name: ({ name }: UserRow) => name,
  domain_id: ({ domainId }: UserRow) => domainId,
  enabled: ({ enabled }: UserRow) => enabled,
};

/** A new password ends all tokens and joins the former ones. */
const withPassword = (row: UserRow, password: string | null, history: number, nowMs: number): UserRow => ({
  ...row,
  password,
  passwordAtMs: nowMs,
  formerPasswords: [...(row.password === null ? [] : [row.password]), ...row.formerPasswords].slice(
    0,
    history,
  ),
  generation: row.generation + 1,
});

export const serveUser = (context: IdentityContext): void => {
  const { http, directory, passwords, lockout, passwordCheck, runtime } = context;
  const { list, create, show, update, remove, password, projects, groups } = identityRoutes.user;
  const nowMs = (): number => runtime.clock.wallMs();

  const mustExist = async (id: string): Promise<UserRow> => {
    const row = await directory.user(id);
    if (!row) throw notFound('user', id);
    return row;
  };

  /** With the end of the password, which the rules of the domain decide. */
  const shown = async (origin: string, rows: readonly UserRow[]) => {
    const domains = [...new Set(rows.map(({ domainId }) => domainId))];
    const rules = new Map(
      await Promise.all(domains.map(async (id) => [id, await passwordCheck.rulesOf(id)] as const)),
    );
    return rows.map((row) => showUser(origin, row, passwordEndMs(rules.get(row.domainId) ?? {}, row)));
  };
  const answer = async (origin: string, row: UserRow) => ({
    body: { user: (await shown(origin, [row]))[0] },
  });

  http.serve(list, async (request) => {
    const { origin, query } = request;
    const found = await rowsFor(directory, directory.users, query, principalOf(request));
    const users = await shown(origin, found.filter(matches(query, filters)));
    return {
      body: listed(request, { key: 'users', path: 'users' }, users.filter(matchesEnd(query)), (user) => user),
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.user;
    const domainId = asked.domain_id ?? boundDomain(principalOf(request)) ?? 'default';
    if (!(await directory.domain(domainId))) throw notFound('domain', domainId);
    if (asked.password != null) checkPattern(await passwordCheck.rulesOf(domainId), asked.password);
    const options = withOptions({}, asked.options);
    const row: UserRow = {
      id: newHexId(),
      name: asked.name.trim(),
      domainId,
      enabled: asked.enabled ?? true,
      defaultProjectId: asked.default_project_id ?? null,
      password: asked.password == null ? null : await passwords.hash(asked.password),
      passwordAtMs: nowMs(),
      mustChangePassword: options.ignore_change_password_upon_first_use !== true,
      formerPasswords: [],
      generation: 1,
      options,
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'user.create', row.id, () =>
      directory.changing('user', row.id, () => directory.users.create(domainId, row)),
    );
    return answer(request.origin, row);
  });

  http.serve(show, async ({ origin, params: { userId = '' } }) => answer(origin, await mustExist(userId)));

  http.serve(update, async (request) => {
    const { userId = '' } = request.params;
    const asked = request.body.user;
    const present = await mustExist(userId);
    const rules = await passwordCheck.rulesOf(present.domainId);
    if (asked.password != null) checkPattern(rules, asked.password);
    const hash = asked.password == null ? null : await passwords.hash(asked.password);
    const history = rules.unique_last_password_count ?? 0;
    const setAtMs = nowMs();
    const next = (row: UserRow): UserRow => {
      mustStay('domain_id', asked.domain_id, row.domainId);
      const changed = asked.password === undefined ? row : withPassword(row, hash, history, setAtMs);
      const ends = row.enabled && asked.enabled === false;
      const options = withOptions(row.options, asked.options);
      return {
        ...changed,
        ...(asked.password !== undefined && {
          mustChangePassword: options.ignore_change_password_upon_first_use !== true,
        }),
        name: asked.name?.trim() ?? row.name,
        enabled: asked.enabled ?? row.enabled,
        defaultProjectId:
          asked.default_project_id === undefined ? row.defaultProjectId : asked.default_project_id,
        generation: changed.generation + (ends ? 1 : 0),
        options,
        extra: { ...row.extra, ...extraOf(asked, own) },
      };
    };
    const row = await journaled(context, request, 'user.update', userId, () =>
      directory.changing('user', userId, () => directory.users.change(present.domainId, userId, next)),
    );
    if (hash !== null) await lockout.forget(userId);
    return answer(request.origin, row);
  });

  http.serve(remove, async (request) => {
    const { userId = '' } = request.params;
    await journaled(context, request, 'user.delete', userId, () => removeUser(context, userId));
    return {};
  });

  const mustBeNew = async (row: UserRow, wanted: string, history: number): Promise<void> => {
    const former = [row.password, ...row.formerPasswords].slice(0, history);
    for (const one of former)
      if (await passwords.verify(one, wanted))
        throw badRequest(
          `Password validation error: The new password cannot be identical to a previous password. The total number which includes the new password must be unique is ${history}.`,
        );
  };

  // Public: the old password is the proof, also for whoever has no token or one that is about to end.
  http.serve(password, async (request) => {
    const { userId = '' } = request.params;
    const { original_password: original, password: wanted } = request.body.user;
    const checked = await passwordCheck.check({ id: userId }, original);
    if (checked.options?.lock_password === true) throw forbidden('identity:change_password, it is locked');
    const rules = await passwordCheck.rulesOf(checked.domainId);
    const history = rules.unique_last_password_count ?? 0;
    checkAge(rules, checked, nowMs());
    checkPattern(rules, wanted);
    await mustBeNew(checked, wanted, history);
    const hash = await passwords.hash(wanted);
    const setAtMs = nowMs();
    const next = (row: UserRow): UserRow => ({
      ...withPassword(row, hash, history, setAtMs),
      mustChangePassword: false,
    });
    await journaled(context, request, 'user.password', userId, () =>
      directory.changing('user', userId, () => directory.users.change(checked.domainId, userId, next)),
    );
    return {};
  });

  http.serve(projects, async (request) => {
    const { userId = '' } = request.params;
    await mustExist(userId);
    const { origin } = request;
    const rows = await projectsFor(directory, userId);
    return {
      body: listed(request, { key: 'projects', path: `users/${userId}/projects` }, rows, (row) =>
        showProject(origin, row),
      ),
    };
  });

  http.serve(groups, async (request) => {
    const { userId = '' } = request.params;
    await mustExist(userId);
    const { origin, query } = request;
    const only = boundDomain(principalOf(request));
    const { groupIds } = await directory.grants.of({ kind: 'user', id: userId });
    const found = await Promise.all(groupIds.map((id) => directory.group(id)));
    const rows = found
      .filter((row): row is GroupRow => row !== undefined)
      .filter(({ domainId, name }) => {
        const wanted = query.get('name');
        return (only ?? domainId) === domainId && (wanted === null || nameKey(name) === nameKey(wanted));
      });
    return {
      body: listed(request, { key: 'groups', path: `users/${userId}/groups` }, rows, (row) => ({
        ...showGroup(origin, row),
        membership_expires_at: null,
      })),
    };
  });
};
