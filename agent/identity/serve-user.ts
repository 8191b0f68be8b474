/** Users: who may log in. */
import { newHexId } from '../../proto/ids.ts';
import { identityRoutes } from '../../proto/rest/identity.ts';
import { isAdmin, type Principal, principalOf } from '../http/port.ts';
import { type IdentityContext, journaled } from './context.ts';
import { badRequest, forbidden, notFound } from './error.ts';
import { extraOf, mustStay } from './extra.ts';
import { listed, matches, rowsFor } from './filter.ts';
import type { UserRow } from './records.ts';
import { removeUser } from './removal.ts';
import { listLinks, showProject, showUser } from './render.ts';
import { projectsOf } from './serve-auth.ts';

const own = ['name', 'enabled', 'options', 'domain_id', 'default_project_id', 'password'];

const filters = {
  name: ({ name }: UserRow) => name,
  domain_id: ({ domainId }: UserRow) => domainId,
  enabled: ({ enabled }: UserRow) => enabled,
};

/** A new password ends all tokens and joins the former ones. */
const withPassword = (row: UserRow, password: string | null, historyLength: number): UserRow => ({
  ...row,
  password,
  formerPasswords: [...(row.password === null ? [] : [row.password]), ...row.formerPasswords].slice(
    0,
    historyLength,
  ),
  generation: row.generation + 1,
});

export const serveUser = (context: IdentityContext): void => {
  const { http, directory, passwords, lockout, login, passwordHistory } = context;
  const { list, create, show, update, remove, password, projects } = identityRoutes.user;

  const mustSee = (caller: Principal, id: string, action: string): void => {
    if (!isAdmin(caller) && caller.user.id !== id) throw forbidden(action);
  };

  http.serve(list, async ({ origin, query }) => {
    const rows = (await rowsFor(directory, directory.users, query)).filter(matches<UserRow>(query, filters));
    return {
      body: { ...listed('users', rows, (row) => showUser(origin, row)), ...listLinks(origin, 'users') },
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.user;
    const { scope } = principalOf(request);
    const domainId = asked.domain_id ?? (scope.kind === 'domain' ? scope.id : 'default');
    if (!(await directory.domain(domainId))) throw notFound('domain', domainId);
    const row: UserRow = {
      id: newHexId(),
      name: asked.name.trim(),
      domainId,
      enabled: asked.enabled ?? true,
      defaultProjectId: asked.default_project_id ?? null,
      password: asked.password == null ? null : await passwords.hash(asked.password),
      formerPasswords: [],
      generation: 1,
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'user.create', row.id, () =>
      directory.changing('user', row.id, () => directory.users.create(domainId, row)),
    );
    return { body: { user: showUser(request.origin, row) } };
  });

  http.serve(show, async (request) => {
    const { id = '' } = request.params;
    mustSee(principalOf(request), id, 'identity:get_user');
    const row = await directory.user(id);
    if (!row) throw notFound('user', id);
    return { body: { user: showUser(request.origin, row) } };
  });

  http.serve(update, async (request) => {
    const { id = '' } = request.params;
    const asked = request.body.user;
    const present = await directory.user(id);
    if (!present) throw notFound('user', id);
    const hash = asked.password == null ? null : await passwords.hash(asked.password);
    const next = (row: UserRow): UserRow => {
      mustStay('domain_id', asked.domain_id, row.domainId);
      const changed = asked.password === undefined ? row : withPassword(row, hash, passwordHistory);
      const ends = row.enabled && asked.enabled === false;
      return {
        ...changed,
        name: asked.name?.trim() ?? row.name,
        enabled: asked.enabled ?? row.enabled,
        defaultProjectId:
          asked.default_project_id === undefined ? row.defaultProjectId : asked.default_project_id,
        generation: changed.generation + (ends ? 1 : 0),
        extra: { ...row.extra, ...extraOf(asked, own) },
      };
    };
    const row = await journaled(context, request, 'user.update', id, () =>
      directory.changing('user', id, () => directory.users.change(present.domainId, id, next)),
    );
    if (hash !== null) await lockout.clear(id);
    return { body: { user: showUser(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    const { id = '' } = request.params;
    await journaled(context, request, 'user.delete', id, () => removeUser(context, id));
    return {};
  });

  const mustBeNew = async (row: UserRow, wanted: string): Promise<void> => {
    const former = [row.password, ...row.formerPasswords].slice(0, passwordHistory);
    for (const one of former)
      if (await passwords.verify(one, wanted))
        throw badRequest(
          `Password validation error: The new password cannot be identical to a previous password. The total number which includes the new password must be unique is ${passwordHistory}.`,
        );
  };

  // Public: the old password is the proof, also for whoever has no token or one that is about to end.
  http.serve(password, async (request) => {
    const { id = '' } = request.params;
    const { original_password: original, password: wanted } = request.body.user;
    const checked = await login.checkPassword({ id }, original);
    await mustBeNew(checked, wanted);
    const hash = await passwords.hash(wanted);
    const next = (row: UserRow): UserRow => withPassword(row, hash, passwordHistory);
    await journaled(context, request, 'user.password', id, () =>
      directory.changing('user', id, () => directory.users.change(checked.domainId, id, next)),
    );
    return {};
  });

  http.serve(projects, async (request) => {
    const { id = '' } = request.params;
    mustSee(principalOf(request), id, 'identity:list_user_projects');
    if (!(await directory.user(id))) throw notFound('user', id);
    const rows = await projectsOf(context, id);
    const { origin } = request;
    return {
      body: {
        ...listed('projects', rows, (row) => showProject(origin, row)),
        ...listLinks(origin, `users/${id}/projects`),
      },
    };
  });
};
