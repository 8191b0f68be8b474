/**
 * The operator API: what the cluster is, and the few things that only an operator decides. It asks the parts that
 * know; it keeps nothing of its own.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import { type ApiServer, principalOf } from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Member, Members } from '../membership/port.ts';
import type { LayoutDescription } from '../ring/layout-report.ts';
import { type EventsOf, listEvents } from './events.ts';
import { type HealthOf, healthOf } from './health.ts';
import { hostView } from './host-view.ts';
import { inviteSecondsDefault } from './limits.ts';

/** A layout as the ring tells it; names are added here. */
export type LayoutFacts = LayoutDescription;

export interface OperatorParts {
  readonly http: ApiServer;
  readonly members: Members;
  readonly layout: { describe(): LayoutFacts; force(removed: HostId): Promise<void> };
  readonly roster: { remove(host: HostId): Promise<void> };
  readonly journal: Journal;
  readonly events: EventsOf;
  readonly health: HealthOf;
  /** Has the agent all that it needs to answer for the cluster? */
  isReady(): boolean;
  /** A one-time token that lets one host in. */
  createInvite(expiresInSeconds: number): Promise<{ readonly token: string; readonly expiresAtMs: number }>;
}

const findHost = (members: Members, wanted: string): Member => {
  const all = members.list();
  const found = all.filter((member) => member.hostId === wanted || member.card?.name === wanted);
  const [only] = found;
  if (found.length > 1)
    throw new ShoalError(
      'CONFLICT',
      `Cannot tell which host is "${wanted}": ${found.length} have that name, give an id`,
    );
  if (!only)
    throw new ShoalError('NOT_FOUND', `Cannot find host "${wanted}": the roster has no such name or id`);
  return only;
};

export const serveOperator = (parts: OperatorParts): void => {
  const { http, members, layout, roster, journal } = parts;
  http.serve(clusterRoutes.ping, async () => ({ body: { ready: parts.isReady() } }));

  const views = (some: readonly Member[]) => {
    const facts = layout.describe();
    return some.map((member) => hostView(member, facts, members.self));
  };

  http.serve(clusterRoutes.listHosts, async () => ({
    body: {
      hosts: views(members.list()).toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
    },
  }));
  http.serve(clusterRoutes.showHost, async ({ params }) => ({
    body: { host: views([findHost(members, params.host ?? '')])[0] },
  }));

  http.serve(clusterRoutes.removeHost, async (request) => {
    const { hostId } = findHost(members, request.params.host ?? '');
    const forced = request.query.get('force') === 'true';
    if (hostId === members.self)
      throw new ShoalError(
        'CONFLICT',
        'Cannot remove the host that is asked: ask another host to remove this one',
      );
    await roster.remove(hostId);
    if (forced) await layout.force(hostId);
    const { user, scope } = principalOf(request);
    journal.append({
      requestId: request.requestId,
      actor: { userId: user.id, userName: user.name, projectId: scope.kind === 'project' ? scope.id : null },
      action: 'host.remove',
      target: hostId,
      outcome: 'accepted',
      detail: { forced },
    });
    return {};
  });

  http.serve(clusterRoutes.showLayout, async () => {
    const facts = layout.describe();
    const nameOf = (hostId: HostId): string => members.get(hostId)?.card?.name ?? hostId;
    return {
      body: {
        layout: {
          ...facts,
          members: facts.members.map((member) => ({ ...member, name: nameOf(member.hostId) })),
        },
      },
    };
  });

  http.serve(clusterRoutes.showHealth, async () => ({
    body: { health: await healthOf(parts.health, members, layout.describe()) },
  }));

  http.serve(clusterRoutes.createInvite, async (request) => {
    const invite = await parts.createInvite(request.body.expiresInSeconds ?? inviteSecondsDefault);
    const { user, scope } = principalOf(request);
    journal.append({
      requestId: request.requestId,
      actor: { userId: user.id, userName: user.name, projectId: scope.kind === 'project' ? scope.id : null },
      action: 'invite.create',
      target: new Date(invite.expiresAtMs).toISOString(),
      outcome: 'done',
    });
    return { body: { invite } };
  });

  http.serve(clusterRoutes.listEvents, (request) => listEvents(parts.events, request));
};
