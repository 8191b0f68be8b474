/** Roles of users and groups on projects, domains and the system, plain and inherited. */
import { Type } from 'typebox';
import { Role } from './people.ts';
import { act, ListOf, read } from './schema.ts';

export const grantActors = ['user', 'group'] as const;
export const grantTargets = ['project', 'domain', 'system'] as const;
export type GrantActor = (typeof grantActors)[number];
export type GrantTarget = (typeof grantTargets)[number];

const title = (word: string): string => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
const below: Readonly<Record<GrantTarget, string>> = {
  project: '/projects/:projectId',
  domain: '/domains/:domainId',
  system: '/system',
};

/** The four calls that give, show and take a role; HEAD comes with GET. */
const grants = (actor: GrantActor, target: GrantTarget, inherited: boolean) => {
  const [prefix, suffix] = inherited ? ['/v3/OS-INHERIT', '/inherited_to_projects'] : ['/v3', ''];
  const path = `${prefix}${below[target]}/${actor}s/:${actor}Id/roles`;
  const what = `${inherited ? 'Inherited' : ''}${title(target)}${title(actor)}Grant`;
  const one = `${path}/:roleId${suffix}`;
  return {
    actor,
    target,
    inherited,
    routes: {
      list: read(`list${what}s`, `${path}${suffix}`, ListOf('roles', Role)),
      check: act(`check${what}`, 'GET', one),
      create: act(`create${what}`, 'PUT', one),
      remove: act(`delete${what}`, 'DELETE', one),
    },
  };
};

/** The system has nothing below it that could inherit. */
export const grantFamilies = [false, true].flatMap((inherited) =>
  grantActors.flatMap((actor) =>
    grantTargets
      .filter((target) => !inherited || target !== 'system')
      .map((target) => grants(actor, target, inherited)),
  ),
);

const Assignment = Type.Object({
  role: Type.Object({ id: Type.String() }),
  user: Type.Optional(Type.Object({ id: Type.String() })),
  group: Type.Optional(Type.Object({ id: Type.String() })),
  scope: Type.Object({}),
  links: Type.Object({ assignment: Type.String() }),
});

export const grantRoutes = {
  grants: grantFamilies.flatMap(({ routes }) => Object.values(routes)),
  assignments: read('listRoleAssignments', '/v3/role_assignments', ListOf('role_assignments', Assignment)),
} as const;
