/**
 * What a new cloud starts with: the domain Default, the project and the user admin, the roles that OpenStack's
 * policies name, and admin's grants. Ids are the same on every host, so any number of hosts may do it at once
 * and after any kill -9 again: each step is a compare-and-set that the first one wins.
 *
 * A register remembers which version of it was done. That one it does not do again, so what an operator deletes
 * stays deleted.
 *
 *   1   all of it, without the role manager and the rules of what implies what, which were built in
 *   2   those as well
 */
import { hasCode } from '../../proto/error.ts';
import type { Registers, Tables } from '../table/port.ts';
import { builtInId, builtInRoles, builtInRules, defaultDomainId } from './built-in.ts';
import { type Directory, everywhere } from './directory.ts';
import type { Passwords } from './password.ts';

const version = 2;

export interface Bootstrap {
  /** Resolves with whether the cloud was new. Throws QUORUM_MISSED: call again. */
  run(settings: { readonly adminPassword: string }): Promise<{ readonly isNew: boolean }>;
}

/** A namesake or an earlier run was first: what matters is that it stands. */
const unlessThere = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) throw error;
  }
};

export const openBootstrap = ({
  tables,
  directory,
  passwords,
}: {
  readonly tables: Tables;
  readonly directory: Directory;
  readonly passwords: Passwords;
}): Bootstrap => {
  const marks: Registers<{ readonly version: number }> = tables.registers({ name: 'identity.bootstrap' });
  const { domains, projects, users, roles, grants, rules } = directory;

  const addRoles = async (): Promise<void> => {
    for (const name of builtInRoles)
      await unlessThere(() =>
        roles.create(everywhere, { id: builtInId(`role ${name}`), name, description: null, extra: {} }),
      );
    for (const [prior, implied] of builtInRules) await rules.add(prior, implied);
  };
  const mark = (): Promise<unknown> =>
    marks.change('done', '', (row) => (row && row.version >= version ? row : { version }));

  return {
    async run({ adminPassword }) {
      const done = (await marks.get('done', ''))?.version ?? 0;
      if (done >= version) return { isNew: false };
      if (done > 0) {
        await addRoles();
        await mark();
        return { isNew: false };
      }
      const extra = {};
      await unlessThere(() =>
        domains.create(everywhere, {
          id: defaultDomainId,
          name: 'Default',
          description: 'The default domain',
          enabled: true,
          extra,
        }),
      );
      await addRoles();
      const project = builtInId('project admin');
      await unlessThere(() =>
        projects.create(defaultDomainId, {
          id: project,
          name: 'admin',
          description: 'The first project',
          enabled: true,
          domainId: defaultDomainId,
          parentId: defaultDomainId,
          tags: [],
          extra,
        }),
      );
      const user = builtInId('user admin');
      const password = await passwords.hash(adminPassword);
      await unlessThere(() =>
        users.create(defaultDomainId, {
          id: user,
          name: 'admin',
          domainId: defaultDomainId,
          enabled: true,
          defaultProjectId: null,
          password,
          formerPasswords: [],
          generation: 1,
          extra,
        }),
      );
      const roleId = builtInId('role admin');
      for (const target of [
        { kind: 'project', id: project },
        { kind: 'domain', id: defaultDomainId },
        { kind: 'system' },
      ] as const)
        await grants.give({ actor: { kind: 'user', id: user }, target, roleId, inherited: false });
      await mark();
      return { isNew: true };
    },
  };
};
