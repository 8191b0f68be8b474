/** What the handlers of the object service share, and how a request becomes a caller and a path. */
import { ShoalError } from '../../proto/error.ts';
import type { ApiRequest } from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checkAccess, type Use } from './access.ts';
import type { Caller } from './access-list.ts';
import { type Containers, noContainer } from './containers.ts';
import { headerText } from './metadata.ts';
import { accountOf, checkPath, type ObjectPath, parsePath } from './name.ts';
import type { ObjectRows } from './objects.ts';
import type { ContainerRow, Records } from './records.ts';

export interface Context {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly containers: Containers;
  readonly objects: ObjectRows;
  readonly journal: Journal;
}

export interface Asked {
  readonly path: ObjectPath;
  readonly caller: Caller;
}

/** Throws PRECONDITION_FAILED or BAD_REQUEST on names that can't be, FORBIDDEN never: nobody was asked yet. */
export const asked = (request: ApiRequest): Asked => ({
  path: checkPath(parsePath(request.params)),
  caller: { principal: request.principal, referrer: headerText(request.headers, 'referer') },
});

/** The container, when the caller may use it so. Strangers get the same answer whether it exists or not. */
export const openContainer = async (
  { containers }: Context,
  use: Use,
  { project, container }: Pick<ObjectPath, 'project' | 'container'>,
  caller: Caller,
): Promise<ContainerRow> => {
  const row = await containers.find(project, container);
  checkAccess(use, project, caller, row);
  if (!row) throw noContainer(container);
  return row;
};

/** Writes the change to the journal: who did what to which path. */
export const record = (
  { journal }: Context,
  request: ApiRequest,
  action: string,
  { project, container, object }: ObjectPath,
  detail?: Readonly<Record<string, unknown>>,
): void => {
  const { principal } = request;
  journal.append({
    requestId: request.requestId,
    actor: principal
      ? {
          userId: principal.user.id,
          userName: principal.user.name,
          projectId: principal.scope.kind === 'project' ? principal.scope.id : null,
        }
      : null,
    action,
    target: [accountOf(project), container, object].filter((part) => part !== '').join('/'),
    outcome: 'done',
    ...(detail ? { detail } : {}),
  });
};

/** `limit`: what is no number is ignored, as Swift does. Throws PRECONDITION_FAILED beyond the maximum. */
export const readLimit = (query: URLSearchParams, max: number): number => {
  const text = query.get('limit') ?? '';
  if (!/^\d+$/.test(text)) return max;
  if (Number(text) > max) throw new ShoalError('PRECONDITION_FAILED', `Maximum limit is ${max}`);
  return Number(text);
};

/** A query's value, undefined when absent or empty. */
export const queryText = (query: URLSearchParams, name: string): string | undefined =>
  query.get(name) || undefined;

export const isTrue = (text: string | null | undefined): boolean => /^(true|1|yes|on|t|y)$/i.test(text ?? '');
