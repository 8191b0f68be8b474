/** OAuth 1.0a: a user lets a program act on a project with some roles, without a password. */
import { Type } from 'typebox';
import { route } from '../route.ts';
import { act, collection, Links, ListOf, maybe, Nullable, Ref, read, send } from './schema.ts';

const prefix = '/v3/OS-OAUTH1';

const Consumer = Type.Object({ id: Type.String(), description: Nullable(Type.String()), links: Links });
const { list, create, show, update, remove } = collection(
  { one: 'consumer', many: 'consumers', title: 'Consumer', titles: 'Consumers' },
  { description: maybe(Type.String()) },
  { description: maybe(Type.String()) },
  Consumer,
);
const below = <R extends { readonly path: string }>(one: R): R => ({
  ...one,
  path: one.path.replace('/v3', prefix),
});

/** The signature in the header is the proof; the answer is a form, as RFC 5849 has it. */
const signed = (name: string, path: string) =>
  route({ api: 'identity', name, method: 'POST', path: `${prefix}${path}`, policy: 'public', status: 201 });

const AccessToken = Type.Object({
  id: Type.String(),
  consumer_id: Type.String(),
  project_id: Type.String(),
  authorizing_user_id: Type.String(),
  expires_at: Nullable(Type.String()),
  links: Links,
});
const Role = Type.Object({ id: Type.String(), name: Type.String() });
const tokens = '/v3/users/:userId/OS-OAUTH1/access_tokens';

export const oauthRoutes = {
  consumer: {
    list: below(list),
    create: below(create),
    show: below(show),
    update: below(update),
    remove: below(remove),
  },
  oauth: {
    request: signed('createRequestToken', '/request_token'),
    access: signed('createAccessToken', '/access_token'),
    authorize: send(
      'authorizeRequestToken',
      'PUT',
      `${prefix}/authorize/:requestTokenId`,
      Type.Object({ roles: Type.Array(Ref, { minItems: 1, maxItems: 64 }) }),
      Type.Object({ token: Type.Object({ oauth_verifier: Type.String() }) }),
    ),
    list: read('listAccessTokens', tokens, ListOf('access_tokens', AccessToken)),
    show: read('showAccessToken', `${tokens}/:accessTokenId`, Type.Object({ access_token: AccessToken })),
    remove: act('deleteAccessToken', 'DELETE', `${tokens}/:accessTokenId`),
    roles: read('listAccessTokenRoles', `${tokens}/:accessTokenId/roles`, ListOf('roles', Role)),
    role: read('showAccessTokenRole', `${tokens}/:accessTokenId/roles/:roleId`, Type.Object({ role: Role })),
  },
} as const;
