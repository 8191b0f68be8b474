/** What the routes of identity work with, and how each accepted change is told. */
import { asShoalError } from '../../proto/error.ts';
import { type ApiRequest, actorOf, type Http } from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Authenticator } from './authenticate.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogStore } from './catalog-store.ts';
import type { Directory } from './directory.ts';
import type { Issue } from './issue.ts';
import type { Lockout } from './lockout.ts';
import type { Login } from './login.ts';
import type { Passwords } from './password.ts';
import type { PasswordCheck } from './password-check.ts';

export interface IdentityContext {
  readonly runtime: Runtime;
  /** Behind the policy table, see guard.ts. */
  readonly http: Pick<Http, 'serve'>;
  readonly journal: Journal;
  readonly directory: Directory;
  readonly passwords: Passwords;
  readonly passwordCheck: PasswordCheck;
  readonly lockout: Lockout;
  readonly authenticator: Authenticator;
  readonly login: Login;
  readonly issue: Issue;
  readonly catalog: Catalog;
  readonly store: CatalogStore;
}

/** Runs an accepted change and journals what came of it: a refusal by a rule is no change and is not written. */
export const journaled = async <Result>(
  { journal }: Pick<IdentityContext, 'journal'>,
  { requestId, principal }: Pick<ApiRequest, 'requestId' | 'principal'>,
  action: string,
  target: string,
  work: () => Promise<Result>,
): Promise<Result> => {
  const event = { requestId, actor: principal ? actorOf(principal) : null, action, target };
  try {
    const result = await work();
    journal.append({ ...event, outcome: 'done' });
    return result;
  } catch (thrown) {
    const { status, code } = asShoalError(thrown);
    if (status >= 500) journal.append({ ...event, outcome: 'failed', detail: { code } });
    throw thrown;
  }
};
