/** Signing in with the names of a project and a user, both of the default domain, as Swift's first way of authentication has it. */
import type { RequestId } from '../../proto/ids.ts';
import type { Principal } from '../http/port.ts';
import { unauthorized } from './error.ts';
import type { Issue } from './issue.ts';

export interface SignedIn {
  readonly token: string;
  readonly principal: Principal;
  readonly project: string;
}

/** Throws NOT_AUTHENTICATED, whatever is wrong. */
export type SignIn = (
  requestId: RequestId,
  /** `project` undefined: the user's default one. */
  names: { readonly project: string | undefined; readonly user: string; readonly password: string },
) => Promise<SignedIn>;

const domain = { id: 'default' };
/** There is no signature of OAuth's to look at. */
const unsigned = { method: 'GET', url: '', query: new URLSearchParams(), authorization: undefined };

export const openSignIn =
  (issue: Issue): SignIn =>
  async (requestId, { project, user, password }) => {
    const identity = { methods: ['password'], password: { user: { name: user, domain, password } } };
    const scope = project === undefined ? {} : { scope: { project: { name: project, domain } } };
    const { token, principal } = await issue(requestId, { identity, ...scope }, unsigned);
    if (principal.scope.kind !== 'project') throw unauthorized();
    return { token, principal, project: principal.scope.id };
  };
