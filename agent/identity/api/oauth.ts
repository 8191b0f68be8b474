/** OAuth 1.0a: consumers, the three legs, and the access tokens that a user has given. */
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { toHex } from '../../base/bytes.ts';
import { mapLimit } from '../../base/map-limit.ts';
import { type ApiRequest, principalOf } from '../../http/port.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { isDefined, rolesOn } from '../effective.ts';
import { forbidden, notFound, unauthorized } from '../error.ts';
import { readsMax } from '../limits.ts';
import type { ConsumerRow, Oauth } from '../oauth.ts';
import type { ApplicationCredentialRow, RoleRow } from '../records.ts';
import { listed } from './filter.ts';
import { isoTimeOrNull, selfOf } from './render.ts';
import { signedRequestOf } from './signed.ts';

const secretBytes = 32;

const showConsumer = (origin: string, { id, description }: ConsumerRow) => ({
  id,
  description,
  ...selfOf(origin, `OS-OAUTH1/consumers/${id}`),
});

const form = (fields: Readonly<Record<string, string>>) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
});

export const serveOauth = (context: IdentityContext, oauth: Oauth): void => {
  const { http, directory, runtime } = context;
  const { consumer, oauth: routes } = identityRoutes;

  http.serve(consumer.list, async (request) => ({
    body: listed(
      request,
      { key: 'consumers', path: 'OS-OAUTH1/consumers' },
      await oauth.consumers.list(),
      (row) => showConsumer(request.origin, row),
    ),
  }));
  http.serve(consumer.create, async (request) => {
    const row: ConsumerRow = {
      id: newHexId(),
      secret: toHex(runtime.chance.bytes(secretBytes)),
      description: request.body.consumer.description ?? null,
    };
    await journaled(context, request, 'consumer.create', row.id, () => oauth.consumers.create(row));
    // The only time that the secret is shown.
    return { body: { consumer: { ...showConsumer(request.origin, row), secret: row.secret } } };
  });
  http.serve(consumer.show, async ({ origin, params: { consumerId = '' } }) => {
    const row = await oauth.consumers.get(consumerId);
    if (!row) throw notFound('consumer', consumerId);
    return { body: { consumer: showConsumer(origin, row) } };
  });
  http.serve(consumer.update, async (request) => {
    const { consumerId = '' } = request.params;
    const { description = null } = request.body.consumer;
    const row = await journaled(context, request, 'consumer.update', consumerId, () =>
      oauth.consumers.change(consumerId, (present) => ({ ...present, description })),
    );
    return { body: { consumer: showConsumer(request.origin, row) } };
  });
  http.serve(consumer.remove, async (request) => {
    const { consumerId = '' } = request.params;
    await journaled(context, request, 'consumer.delete', consumerId, () => oauth.deleteConsumer(consumerId));
    return {};
  });

  http.serve(routes.request, async (request) => {
    const projectId = request.headers['requested-project-id'];
    const row = await oauth.request(
      signedRequestOf(request),
      typeof projectId === 'string' ? projectId : undefined,
    );
    return form({
      oauth_token: row.id,
      oauth_token_secret: row.secret,
      oauth_expires_at: isoTimeOrNull(row.expiresAtMs) ?? '',
    });
  });
  http.serve(routes.access, async (request) => {
    const row = await journaled(context, request, 'access_token.create', 'oauth1', () =>
      oauth.access(signedRequestOf(request)),
    );
    return form({
      oauth_token: row.id,
      oauth_token_secret: row.secret,
      oauth_expires_at: isoTimeOrNull(row.expiresAtMs) ?? '',
    });
  });

  http.serve(routes.authorize, async (request) => {
    const { requestTokenId = '' } = request.params;
    const caller = principalOf(request);
    if (caller.applicationCredential)
      throw forbidden('Cannot authorize a request token with a token issued via delegation');
    const project = { kind: 'project', id: await oauth.projectOf(requestTokenId) } as const;
    const own = await rolesOn(directory, caller.user.id, project);
    const asked = request.body.roles.map(({ id, name }) =>
      own.find((role) => (id === undefined ? role.name === name : role.id === id)),
    );
    if (!asked.every(isDefined)) throw unauthorized('authorizing user does not have role required');
    const roleIds = asked.filter(isDefined).map(({ id }) => id);
    const verifier = await journaled(context, request, 'request_token.authorize', requestTokenId, () =>
      oauth.authorize(requestTokenId, caller.user.id, roleIds),
    );
    return { body: { token: { oauth_verifier: verifier } } };
  });

  const find = async ({ params }: Pick<ApiRequest, 'params'>): Promise<ApplicationCredentialRow> => {
    const { userId = '', accessTokenId = '' } = params;
    const row = await directory.applications.get(userId, accessTokenId);
    if (row?.consumerId === undefined) throw notFound('access token', accessTokenId);
    return row;
  };
  const pathOf = ({ userId, id }: ApplicationCredentialRow): string =>
    `users/${userId}/OS-OAUTH1/access_tokens/${id}`;
  const show = (origin: string, row: ApplicationCredentialRow) => ({
    id: row.id,
    consumer_id: row.consumerId,
    project_id: row.projectId,
    authorizing_user_id: row.userId,
    expires_at: isoTimeOrNull(row.expiresAtMs),
    ...selfOf(origin, pathOf(row)),
  });
  const rolesOf = async ({ roleIds }: ApplicationCredentialRow): Promise<readonly RoleRow[]> =>
    (await mapLimit(roleIds, readsMax, (id) => directory.role(id))).filter(isDefined);

  http.serve(routes.list, async (request) => {
    const { origin, params } = request;
    const { userId = '' } = params;
    const rows = await directory.applications.list(userId);
    const tokens = rows.filter(({ consumerId }) => consumerId !== undefined);
    return {
      body: listed(
        request,
        { key: 'access_tokens', path: `users/${userId}/OS-OAUTH1/access_tokens` },
        tokens,
        (row) => show(origin, row),
      ),
    };
  });
  http.serve(routes.show, async (request) => ({
    body: { access_token: show(request.origin, await find(request)) },
  }));
  http.serve(routes.remove, async (request) => {
    const { userId, id } = await find(request);
    await journaled(context, request, 'access_token.delete', id, () =>
      directory.changing('application', `${userId}/${id}`, () => directory.applications.delete(userId, id)),
    );
    return {};
  });
  http.serve(routes.roles, async (request) => {
    const row = await find(request);
    return {
      body: listed(
        request,
        { key: 'roles', path: `${pathOf(row)}/roles` },
        await rolesOf(row),
        ({ id, name }) => ({ id, name }),
      ),
    };
  });
  http.serve(routes.role, async (request) => {
    const { roleId = '' } = request.params;
    const role = (await rolesOf(await find(request))).find(({ id }) => id === roleId);
    if (!role) throw notFound('role', roleId);
    return { body: { role: { id: role.id, name: role.name } } };
  });
};
