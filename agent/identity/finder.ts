/** What a login request names: by id, or by name in a domain that is itself named by id or name. */
import { badRequest, expecting } from './error.ts';
import type { DomainRow, ProjectRow, UserRow } from './records.ts';
import type { Source } from './source.ts';

export type Ref = { readonly id?: string; readonly name?: string };
export type RefInDomain = Ref & { readonly domain?: Ref };

/** Each throws BAD_REQUEST on a reference that names nothing, and answers undefined when there is no such thing. */
export const openFinder = (source: Source) => {
  const findDomain = async (ref: Ref): Promise<DomainRow | undefined> => {
    if (ref.name) return source.domainNamed(ref.name);
    if (ref.id) return source.domain(ref.id);
    throw expecting('id or name', 'domain');
  };

  const findUser = async (ref: RefInDomain): Promise<UserRow | undefined> => {
    if (ref.name) {
      if (!ref.domain) throw expecting('domain', 'user');
      const domain = await findDomain(ref.domain);
      return domain && source.userNamed(domain.id, ref.name);
    }
    if (ref.id) return source.user(ref.id);
    throw badRequest('Invalid input for field identity/password/user: id or name must be present.');
  };

  const findProject = async (ref: RefInDomain): Promise<ProjectRow | undefined> => {
    if (ref.name) {
      if (!ref.domain) throw expecting('domain', 'project');
      const domain = await findDomain(ref.domain);
      return domain && source.projectNamed(domain.id, ref.name);
    }
    if (ref.id) return source.project(ref.id);
    throw badRequest('Invalid input for field scope/project: id or name must be present.');
  };

  return { findDomain, findUser, findProject };
};
