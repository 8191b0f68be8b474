/** How a request becomes a caller and a path, and how its change gets into the journal. */
import { ShoalError } from '../../../proto/error.ts';
import { type ApiRequest, actorOf } from '../../http/port.ts';
import type { Caller, Grant } from '../access-list.ts';
import { factsOf } from '../bucket-policy/facts.ts';
import type { Context } from '../context.ts';
import { askerOf } from '../events/asker.ts';
import { headerText } from '../metadata.ts';
import { accountOf, checkPath, type ObjectPath, parsePath } from '../name.ts';
import type { Reader } from '../readable.ts';
import { checkVersionId } from '../versions.ts';

export interface Asked {
  readonly path: ObjectPath;
  readonly caller: Caller;
}

/** A request that may carry more than its token: what a signed address allows. */
export interface Ask extends ApiRequest {
  readonly grant?: Grant;
}

const isSecure = ({ origin }: ApiRequest): boolean => origin.startsWith('https:');

/** Throws PRECONDITION_FAILED or BAD_REQUEST on names that can't be, FORBIDDEN never: nobody was asked yet. */
export const asked = (request: Ask): Asked => ({
  path: checkPath(parsePath(request.params)),
  caller: {
    principal: request.principal,
    asker: askerOf(request),
    referrer: headerText(request.headers, 'referer'),
    grant: request.grant,
    deletes: request.method === 'DELETE',
    facts: (project, nowMs) =>
      factsOf({ ...request, principal: request.principal, project, nowMs, isSecure: isSecure(request) }),
  },
});

export const readerOf = (context: Context, request: Ask): Reader => ({
  context,
  caller: asked(request).caller,
  signal: request.signal,
});

/** `?version-id=`. Throws BAD_REQUEST. */
export const versionAsked = ({ query }: ApiRequest): string | undefined => {
  const id = query.get('version-id');
  return id === null ? undefined : checkVersionId(id);
};

/** Writes the change to the journal: who did what to which path. */
export const record = (
  { journal }: Context,
  request: Pick<ApiRequest, 'requestId' | 'principal'>,
  action: string,
  { project, container, object }: ObjectPath,
  detail?: Readonly<Record<string, unknown>>,
): void => {
  const { principal } = request;
  journal.append({
    requestId: request.requestId,
    actor: principal ? actorOf(principal) : null,
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
