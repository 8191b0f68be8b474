/** Credentials of users: for applications, for S3, and whatever else Keystone's clients keep there. */
import { Type } from 'typebox';
import { route } from '../route.ts';
import {
  act,
  bodyBytesMax,
  collection,
  Id,
  Links,
  ListOf,
  maybe,
  Name,
  Nullable,
  only,
  Ref,
  read,
  send,
  strict,
} from './schema.ts';

const rule = {
  path: Type.String({ minLength: 1, maxLength: 128, pattern: '^/|^\\*\\*' }),
  method: Type.Union(
    (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'COPY'] as const).map((method) =>
      Type.Literal(method),
    ),
  ),
  service: Name(64),
};
const AccessRule = Type.Object({
  id: Type.String(),
  path: Type.String(),
  method: Type.String(),
  service: Type.String(),
});

const ApplicationCredential = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Nullable(Type.String()),
  project_id: Type.String(),
  user_id: Type.String(),
  roles: Type.Array(
    Type.Object({ id: Type.String(), name: Type.String(), domain_id: Nullable(Type.String()) }),
  ),
  expires_at: Nullable(Type.String()),
  unrestricted: Type.Boolean(),
  access_rules: Type.Optional(Type.Array(AccessRule)),
  links: Links,
});

const ofUser = '/v3/users/:userId';
const applications = `${ofUser}/application_credentials`;
const rules = `${ofUser}/access_rules`;
const ec2 = `${ofUser}/credentials/OS-EC2`;

const Credential = Type.Object({
  id: Type.String(),
  type: Type.String(),
  blob: Type.String(),
  user_id: Type.String(),
  project_id: Nullable(Type.String()),
  links: Links,
});
const credentialFields = {
  blob: Type.Optional(Type.Union([Type.String(), Type.Object({})])),
  type: Type.Optional(Name(255)),
  project_id: maybe(Id),
};

const Ec2Credential = Type.Object({
  access: Type.String(),
  secret: Type.String(),
  user_id: Type.String(),
  tenant_id: Type.String(),
  trust_id: Type.Null(),
  links: Links,
});

export const credentialRoutes = {
  application: {
    list: read(
      'listApplicationCredentials',
      applications,
      ListOf('application_credentials', ApplicationCredential),
    ),
    create: send(
      'createApplicationCredential',
      'POST',
      applications,
      Type.Object(
        only(
          'application_credential',
          Type.Object({
            name: Name(255),
            description: maybe(Type.String()),
            secret: maybe(Type.String({ minLength: 1 })),
            expires_at: maybe(Type.String()),
            roles: maybe(Type.Array(Ref, { maxItems: 64 })),
            unrestricted: maybe(Type.Boolean()),
            access_rules: maybe(
              Type.Array(
                Type.Union([
                  Type.Object({ id: Type.String() }, strict),
                  Type.Object({ ...rule, id: Type.Optional(Type.String()) }, strict),
                ]),
                {
                  maxItems: 64,
                },
              ),
            ),
          }),
        ),
        strict,
      ),
      Type.Object(only('application_credential', ApplicationCredential)),
    ),
    show: read(
      'showApplicationCredential',
      `${applications}/:applicationCredentialId`,
      Type.Object(only('application_credential', ApplicationCredential)),
    ),
    remove: act('deleteApplicationCredential', 'DELETE', `${applications}/:applicationCredentialId`),
  },
  accessRule: {
    list: read('listAccessRules', rules, ListOf('access_rules', AccessRule)),
    show: read('showAccessRule', `${rules}/:accessRuleId`, Type.Object(only('access_rule', AccessRule))),
    remove: act('deleteAccessRule', 'DELETE', `${rules}/:accessRuleId`),
  },
  credential: collection(
    { one: 'credential', many: 'credentials', title: 'Credential', titles: 'Credentials' },
    {
      ...credentialFields,
      blob: Type.Union([Type.String(), Type.Object({})]),
      type: Name(255),
      user_id: Type.Optional(Id),
    },
    { ...credentialFields, user_id: Type.Optional(Id) },
    Credential,
  ),
  ec2: {
    list: read('listEc2Credentials', ec2, ListOf('credentials', Ec2Credential)),
    create: route({
      api: 'identity',
      name: 'createEc2Credential',
      method: 'POST',
      path: ec2,
      policy: 'token',
      body: Type.Object({ tenant_id: Id }),
      answer: Type.Object({ credential: Ec2Credential }),
      status: 201,
      bodyBytesMax,
    }),
    show: read('showEc2Credential', `${ec2}/:access`, Type.Object({ credential: Ec2Credential })),
    remove: act('deleteEc2Credential', 'DELETE', `${ec2}/:access`),
  },
} as const;
