/** What a login request names: by id, or by name in a domain that is itself named by id or name. */
import { type Directory, everywhere } from './directory.ts';
import { badRequest, expecting } from './error.ts';
import type { DomainRow, ProjectRow, UserRow } from './records.ts';

export type Ref = { readonly id?: string; readonly name?: string };
export type RefInDomain = Ref & { readonly domain?: Ref };

/** Each throws BAD_REQUEST on a reference that names nothing, and answers undefined when there is no such thing. */
export const openFinder = (directory: Directory) => {
  const findDomain = async (ref: Ref): Promise<DomainRow | undefined> => {
    if (ref.name) return directory.domains.find(everywhere, ref.name);
    if (ref.id) return directory.domain(ref.id);
    throw expecting('id or name', 'domain');
  };

  const findUser = async (ref: RefInDomain): Promise<UserRow | undefined> => {
    if (ref.name) {
      if (!ref.domain) throw expecting('domain', 'user');
      const domain = await findDomain(ref.domain);
      return domain && directory.users.find(domain.id, ref.name);
    }
    if (ref.id) return directory.user(ref.id);
    throw badRequest('Invalid input for field identity/password/user: id or name must be present.');
  };

  const findProject = async (ref: RefInDomain): Promise<ProjectRow | undefined> => {
    if (ref.name) {
      if (!ref.domain) throw expecting('domain', 'project');
      const domain = await findDomain(ref.domain);
      return domain && directory.projects.find(domain.id, ref.name);
    }
    if (ref.id) return directory.project(ref.id);
    throw badRequest('Invalid input for field scope/project: id or name must be present.');
  };

  return { findDomain, findUser, findProject };
};
