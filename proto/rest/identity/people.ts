/** Users, groups and roles: who may do what. */
import { Type } from 'typebox';
import { route } from '../route.ts';
import { Project, ResourceOptions } from './resource.ts';
import {
  act,
  bodyBytesMax,
  check,
  collection,
  Id,
  Links,
  ListOf,
  maybe,
  Name,
  Nullable,
  read,
  strict,
} from './schema.ts';

/** Null takes an option away. */
const UserOptions = Type.Object(
  {
    ignore_change_password_upon_first_use: maybe(Type.Boolean()),
    ignore_password_expiry: maybe(Type.Boolean()),
    ignore_lockout_failure_attempts: maybe(Type.Boolean()),
    ignore_user_inactivity: maybe(Type.Boolean()),
    lock_password: maybe(Type.Boolean()),
    multi_factor_auth_enabled: maybe(Type.Boolean()),
    multi_factor_auth_rules: maybe(
      Type.Array(
        Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 8, uniqueItems: true }),
        {
          maxItems: 16,
          uniqueItems: true,
        },
      ),
    ),
  },
  strict,
);
const userFields = {
  description: maybe(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
  domain_id: maybe(Id),
  default_project_id: maybe(Type.String({ maxLength: 64 })),
  password: maybe(Type.String()),
  options: Type.Optional(UserOptions),
};
export const User = Type.Object({
  id: Type.String(),
  name: Type.String(),
  enabled: Type.Boolean(),
  domain_id: Type.String(),
  password_expires_at: Nullable(Type.String()),
  options: Type.Object({}),
  links: Links,
});

const groupFields = { description: maybe(Type.String()), domain_id: maybe(Id) };
export const Group = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  domain_id: Type.String(),
  links: Links,
});

const roleFields = {
  description: maybe(Type.String()),
  domain_id: maybe(Id),
  options: Type.Optional(ResourceOptions),
};
export const Role = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Nullable(Type.String()),
  domain_id: Nullable(Type.String()),
  links: Links,
});

const RoleRef = Type.Object({ id: Type.String(), name: Type.String(), links: Links });
const Inference = Type.Object({ prior_role: RoleRef, implies: RoleRef });
const Inferences = Type.Object({ prior_role: RoleRef, implies: Type.Array(RoleRef) });
const implies = '/v3/roles/:roleId/implies';
const InferenceAnswer = Type.Object({ role_inference: Inference, links: Links });

const member = '/v3/groups/:groupId/users/:userId';

export const peopleRoutes = {
  user: {
    ...collection(
      { one: 'user', many: 'users', title: 'User', titles: 'Users' },
      { ...userFields, name: Name(255) },
      { ...userFields, name: Type.Optional(Name(255)) },
      User,
    ),
    password: route({
      api: 'identity',
      name: 'changePassword',
      method: 'POST',
      path: '/v3/users/:userId/password',
      policy: 'public',
      body: Type.Object(
        { user: Type.Object({ original_password: Type.String(), password: Type.String() }, strict) },
        strict,
      ),
      status: 204,
      bodyBytesMax,
    }),
    projects: read('listUserProjects', '/v3/users/:userId/projects', ListOf('projects', Project)),
    groups: read('listUserGroups', '/v3/users/:userId/groups', ListOf('groups', Group)),
  },
  group: collection(
    { one: 'group', many: 'groups', title: 'Group', titles: 'Groups' },
    { ...groupFields, name: Name(64) },
    { ...groupFields, name: Type.Optional(Name(64)) },
    Group,
  ),
  member: {
    list: read('listGroupUsers', '/v3/groups/:groupId/users', ListOf('users', User)),
    check: act('checkGroupUser', 'GET', member),
    add: act('addGroupUser', 'PUT', member),
    remove: act('removeGroupUser', 'DELETE', member),
  },
  role: collection(
    { one: 'role', many: 'roles', title: 'Role', titles: 'Roles' },
    { ...roleFields, name: Name(255) },
    { ...roleFields, name: Type.Optional(Name(255)) },
    Role,
  ),
  inference: {
    list: read(
      'listRoleInferences',
      '/v3/role_inferences',
      Type.Object({ role_inferences: Type.Array(Inferences), links: Links }),
    ),
    ofRole: read('listImpliedRoles', implies, Type.Object({ role_inference: Inferences, links: Links })),
    show: read('showImpliedRole', `${implies}/:impliedId`, InferenceAnswer),
    check: check('checkImpliedRole', `${implies}/:impliedId`),
    create: route({
      api: 'identity',
      name: 'createImpliedRole',
      method: 'PUT',
      path: `${implies}/:impliedId`,
      policy: 'token',
      answer: InferenceAnswer,
      status: 201,
    }),
    remove: act('deleteImpliedRole', 'DELETE', `${implies}/:impliedId`),
  },
} as const;
