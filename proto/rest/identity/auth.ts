/** Versions and tokens. */
import { type Static, Type } from 'typebox';
import { route } from '../route.ts';
import { CatalogEntry } from './catalog.ts';
import { Domain, Project } from './resource.ts';
import {
  act,
  bodyBytesMax,
  Links,
  ListOf,
  NamedRef,
  NamedRefInDomain,
  Nullable,
  Ref,
  RefInDomain,
  read,
} from './schema.ts';

export const AuthRequest = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String()),
      password: Type.Optional(
        Type.Object({
          user: Type.Object({ ...RefInDomain, password: Type.Optional(Type.String()) }),
        }),
      ),
      totp: Type.Optional(
        Type.Object({ user: Type.Object({ ...RefInDomain, passcode: Type.Optional(Type.String()) }) }),
      ),
      token: Type.Optional(Type.Object({ id: Type.String() })),
      application_credential: Type.Optional(
        Type.Object({
          ...Ref.properties,
          secret: Type.Optional(Type.String()),
          user: Type.Optional(Type.Object(RefInDomain)),
        }),
      ),
    }),
    /** `"unscoped"` and, from old clients, `{"unscoped": {}}` ask for no scope in so many words. */
    scope: Type.Optional(
      Type.Union([
        Type.Literal('unscoped'),
        Type.Object({
          project: Type.Optional(Type.Object(RefInDomain)),
          domain: Type.Optional(Ref),
          system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
          unscoped: Type.Optional(Type.Object({})),
        }),
      ]),
    ),
  }),
});
export type AuthRequest = Static<typeof AuthRequest>;

const Token = Type.Object({
  methods: Type.Array(Type.String()),
  user: Type.Object({ ...NamedRefInDomain.properties, password_expires_at: Nullable(Type.String()) }),
  audit_ids: Type.Array(Type.String()),
  issued_at: Type.String(),
  expires_at: Type.String(),
  project: Type.Optional(NamedRefInDomain),
  is_domain: Type.Optional(Type.Boolean()),
  domain: Type.Optional(NamedRef),
  system: Type.Optional(Type.Object({ all: Type.Boolean() })),
  roles: Type.Optional(Type.Array(NamedRef)),
  catalog: Type.Optional(Type.Array(CatalogEntry)),
  application_credential: Type.Optional(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      restricted: Type.Boolean(),
      access_rules: Type.Optional(Type.Array(Type.Object({}))),
    }),
  ),
  'OS-OAUTH1': Type.Optional(Type.Object({ access_token_id: Type.String(), consumer_id: Type.String() })),
});
export type Token = Static<typeof Token>;

const Version = Type.Object({
  id: Type.String(),
  status: Type.String(),
  updated: Type.String(),
  links: Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })),
  'media-types': Type.Array(Type.Object({ base: Type.String(), type: Type.String() })),
});

const TokenAnswer = Type.Object({ token: Token });
const tokens = '/v3/auth/tokens';

/** Boto's signers and the gateways of S3 send what was signed, whatever it was. */
const SignedRequest = Type.Object({
  credentials: Type.Optional(Type.Object({})),
  credential: Type.Optional(Type.Object({})),
  ec2Credentials: Type.Optional(Type.Object({})),
});

const signed = (name: string, path: string) =>
  route({
    api: 'identity',
    name,
    method: 'POST',
    path,
    policy: 'token',
    body: SignedRequest,
    answer: TokenAnswer,
    status: 200,
    bodyBytesMax,
  });

export const authRoutes = {
  versions: route({
    api: 'identity',
    name: 'listVersions',
    method: 'GET',
    path: '',
    policy: 'public',
    answer: Type.Object({ versions: Type.Object({ values: Type.Array(Version) }) }),
    status: 300,
  }),
  version: route({
    api: 'identity',
    name: 'showVersion',
    method: 'GET',
    path: '/v3',
    policy: 'public',
    answer: Type.Object({ version: Version }),
    status: 200,
  }),
  token: {
    issue: route({
      api: 'identity',
      name: 'issueToken',
      method: 'POST',
      path: tokens,
      policy: 'public',
      body: AuthRequest,
      answer: TokenAnswer,
      status: 201,
      bodyBytesMax,
    }),
    show: read('validateToken', tokens, TokenAnswer),
    revoke: act('revokeToken', 'DELETE', tokens),
    ofEc2: signed('issueEc2Token', '/v3/ec2tokens'),
    ofS3: signed('issueS3Token', '/v3/s3tokens'),
  },
  auth: {
    catalog: read(
      'getAuthCatalog',
      '/v3/auth/catalog',
      Type.Object({ catalog: Type.Array(CatalogEntry), links: Links }),
    ),
    projects: read('getAuthProjects', '/v3/auth/projects', ListOf('projects', Project)),
    domains: read('getAuthDomains', '/v3/auth/domains', ListOf('domains', Domain)),
    system: read(
      'getAuthSystem',
      '/v3/auth/system',
      Type.Object({ system: Type.Array(Type.Object({ all: Type.Boolean() })), links: Links }),
    ),
  },
} as const;
