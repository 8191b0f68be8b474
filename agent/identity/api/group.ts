/** Groups and who is in them. */
import { ShoalError } from '../../../proto/error.ts';
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { mapLimit } from '../../base/map-limit.ts';
import { principalOf } from '../../http/port.ts';
import { passwordEndMs } from '../compliance.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { isDefined } from '../effective.ts';
import { notFound } from '../error.ts';
import { readsMax } from '../limits.ts';
import { boundDomain } from '../policy.ts';
import type { GroupRow } from '../records.ts';
import { removeGroup } from '../removal.ts';
import { extraOf, mustStay } from './extra.ts';
import { listed, matches, rowsFor } from './filter.ts';
import { showGroup, showUser } from './render.ts';

const own = ['name', 'description', 'domain_id'];

const filters = {
  name: ({ name }: GroupRow) => name,
  domain_id: ({ domainId }: GroupRow) => domainId,
};

export const serveGroup = (context: IdentityContext): void => {
  const { http, directory, passwordCheck } = context;
  const { list, create, show, update, remove } = identityRoutes.group;
  const { member } = identityRoutes;

  const mustExist = async (id: string): Promise<GroupRow> => {
    const row = await directory.group(id);
    if (!row) throw notFound('group', id);
    return row;
  };

  http.serve(list, async (request) => {
    const { origin, query } = request;
    const found = await rowsFor(directory, directory.groups, query, principalOf(request));
    return {
      body: listed(request, { key: 'groups', path: 'groups' }, found.filter(matches(query, filters)), (row) =>
        showGroup(origin, row),
      ),
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.group;
    const domainId = asked.domain_id ?? boundDomain(principalOf(request)) ?? 'default';
    if (!(await directory.domain(domainId))) throw notFound('domain', domainId);
    const row: GroupRow = {
      id: newHexId(),
      name: asked.name.trim(),
      domainId,
      description: asked.description ?? '',
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'group.create', row.id, () =>
      directory.changing('group', row.id, () => directory.groups.create(domainId, row)),
    );
    return { body: { group: showGroup(request.origin, row) } };
  });

  http.serve(show, async ({ origin, params: { groupId = '' } }) => ({
    body: { group: showGroup(origin, await mustExist(groupId)) },
  }));

  http.serve(update, async (request) => {
    const { groupId = '' } = request.params;
    const asked = request.body.group;
    const present = await mustExist(groupId);
    const next = (row: GroupRow): GroupRow => {
      mustStay('domain_id', asked.domain_id, row.domainId);
      return {
        ...row,
        name: asked.name?.trim() ?? row.name,
        description: asked.description === undefined ? row.description : (asked.description ?? ''),
        extra: { ...row.extra, ...extraOf(asked, own) },
      };
    };
    const row = await journaled(context, request, 'group.update', groupId, () =>
      directory.changing('group', groupId, () => directory.groups.change(present.domainId, groupId, next)),
    );
    return { body: { group: showGroup(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    const { groupId = '' } = request.params;
    await journaled(context, request, 'group.delete', groupId, () => removeGroup(context, groupId));
    return {};
  });

  http.serve(member.list, async (request) => {
    const { origin, query, params } = request;
    const { groupId = '' } = params;
    await mustExist(groupId);
    const ids = await directory.grants.members(groupId);
    const rows = (await mapLimit(ids, readsMax, (id) => directory.user(id))).filter(isDefined);
    const users = await mapLimit(
      rows.filter(matches(query, { name: ({ name }) => name, enabled: ({ enabled }) => enabled })),
      readsMax,
      async (row) => showUser(origin, row, passwordEndMs(await passwordCheck.rulesOf(row.domainId), row)),
    );
    return {
      body: listed(request, { key: 'users', path: `groups/${groupId}/users` }, users, (user) => user),
    };
  });

  /** Both must exist to be joined or asked about; only the row counts when one leaves. */
  const pair = async ({ groupId = '', userId = '' }: Readonly<Record<string, string>>) => {
    await mustExist(groupId);
    if (!(await directory.user(userId))) throw notFound('user', userId);
    return { groupId, userId };
  };
  const mustBeMember = async (userId: string, groupId: string): Promise<void> => {
    if (await directory.grants.isMember(userId, groupId)) return;
    throw new ShoalError('NOT_FOUND', `User ${userId} not found in group ${groupId}`);
  };

  http.serve(member.check, async ({ params }) => {
    const { groupId, userId } = await pair(params);
    await mustBeMember(userId, groupId);
    return {};
  });
  http.serve(member.add, async (request) => {
    const { groupId, userId } = await pair(request.params);
    await journaled(context, request, 'group.join', `${userId} ${groupId}`, () =>
      directory.changing('holdings', userId, () => directory.grants.join(userId, groupId)),
    );
    return {};
  });
  http.serve(member.remove, async (request) => {
    const { groupId = '', userId = '' } = request.params;
    await mustExist(groupId);
    await mustBeMember(userId, groupId);
    await journaled(context, request, 'group.leave', `${userId} ${groupId}`, () =>
      directory.changing('holdings', userId, () => directory.grants.leave(userId, groupId)),
    );
    return {};
  });
};
