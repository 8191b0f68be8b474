/** What the handlers of compute share. */

import type { CreateServer } from '../../proto/rest/compute/server.ts';
import type { Route } from '../../proto/rest/route.ts';
import { textOf } from '../base/text.ts';
import {
  type ApiAnswer,
  type ApiRequest,
  actorOf,
  isAdmin,
  type Principal,
  principalOf,
} from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Members } from '../membership/port.ts';
import type { Created } from './create-server.ts';
import type { Flavors } from './flavors.ts';
import type { KeyPairs } from './key-pairs.ts';
import type { Microversion } from './microversion.ts';
import type { Viewer } from './server-view.ts';
import type { Servers } from './servers.ts';

export interface Context {
  readonly members: Members;
  readonly journal: Journal;
  readonly servers: Servers;
  readonly flavors: Flavors;
  readonly keyPairs: KeyPairs;
  create(principal: Principal, body: CreateServer, signal: AbortSignal): Promise<Created>;
}

export type Serve<R extends Route = Route> = (
  context: Context,
  request: ApiRequest<R>,
  version: Microversion,
) => Promise<ApiAnswer>;

export const viewerOf = (context: Context, request: ApiRequest): Viewer => ({
  origin: request.origin,
  isAdmin: isAdmin(principalOf(request)),
  members: context.members,
});

/** The router gives each name of a path a value. */
export const param = (request: ApiRequest, name: string): string => request.params[name] ?? '';

/** Nova's booleans in bodies and queries. */
export const isTrue = (value: unknown): boolean =>
  value === true || /^(1|t|true|y|yes|on)$/i.test(textOf(value));

/** An accepted change, for the journal. */
export const record = (
  { journal }: Context,
  request: ApiRequest,
  action: string,
  target: string,
  detail?: Record<string, unknown>,
): void => {
  journal.append({
    requestId: request.requestId,
    actor: actorOf(principalOf(request)),
    action,
    target,
    outcome: 'accepted',
    ...(detail && { detail }),
  });
};
