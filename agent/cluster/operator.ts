/**
 * The operator API: what the cluster is, and the few things that only an operator decides. It asks the parts that
 * know; it keeps nothing of its own.
 */
import { ShoalError } from '../../proto/error.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import type { ApiServer } from '../http/port.ts';
import type { Journal } from '../journal/port.ts';
import type { Member, Members } from '../membership/port.ts';
import type { OwnRoster } from '../peer/roster.ts';
import type { RosterChanges } from '../peer/roster-changes.ts';
import type { RingOperator } from '../ring/ring-operator.ts';
import type { Clock } from '../runtime/ports.ts';
import { type EventsOf, listEvents } from './events.ts';
import { type Facts, healthOf } from './health.ts';
import type { StateOf } from './host-state.ts';
import { hostView } from './host-view.ts';
import { inviteSecondsDefault } from './limits.ts';
import { recorder as openRecorder } from './recorder.ts';
import { serveLayout } from './serve-layout.ts';
import { serveUpkeep, type UpkeepOf } from './upkeep.ts';

export interface OperatorParts {
  readonly http: ApiServer;
  readonly members: Members;
  readonly layout: RingOperator;
  readonly roster: Pick<RosterChanges, 'remove' | 'expire'> & Pick<OwnRoster, 'list' | 'isOver'>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly journal: Journal;
  readonly events: EventsOf;
  readonly health: StateOf;
  readonly upkeep: UpkeepOf;
  /** Has the agent all that it needs to answer for the cluster? */
  isReady(): boolean;
  /** A one-time token that lets one host in. */
  createInvite(
    expiresInSeconds: number,
    hostExpiresInSeconds?: number,
  ): Promise<{ readonly token: string; readonly expiresAtMs: number }>;
}

const findHost = (members: Members, wanted: string): Member => {
  const all = members.list();
  const found = all.filter((member) => member.hostId === wanted || member.name === wanted);
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
  const recorder = openRecorder(journal);
  const facts = (): Facts => {
    const [newest] = layout.history();
    const rostered = roster.list().map(({ hostId }) => hostId);
    return {
      settlesForMs: newest ? Math.max(0, parts.clock.wallMs() - newest.atMs) : 0,
      overstaying: rostered.filter(roster.isOver).map((hostId) => ({
        hostId,
        why: layout.needOf(hostId, (host) => host !== hostId && rostered.includes(host)) ?? 'it leaves now',
      })),
    };
  };
  serveLayout({ ...parts, recorder });
  serveUpkeep({ ...parts, recorder });
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
    await roster.remove(
      hostId,
      forced ? { force: true } : { check: (isLeft) => layout.checkSpare(hostId, isLeft) },
    );
    if (forced) await layout.force(hostId);
    recorder.record(request, {
      action: 'host.remove',
      target: hostId,
      detail: { forced },
      outcome: 'accepted',
    });
    return {};
  });

  http.serve(clusterRoutes.changeHost, async (request) => {
    const { hostId } = findHost(members, request.params.host ?? '');
    const { drained, expiresInSeconds: seconds } = request.body;
    if (drained !== undefined) {
      await layout.drain(hostId, drained, recorder.actorOf(request).userName);
      recorder.record(request, {
        action: drained ? 'host.drain' : 'host.undrain',
        target: hostId,
        outcome: 'accepted',
      });
    }
    if (seconds !== undefined) {
      const expiresAtMs = seconds === null ? null : Math.floor(parts.clock.wallMs() + seconds * 1_000);
      await roster.expire(hostId, expiresAtMs);
      recorder.record(request, { action: 'host.expire', target: hostId, detail: { expiresAtMs } });
    }
    return {};
  });

  http.serve(clusterRoutes.showHealth, async () => ({
    body: { health: await healthOf(parts.health, members, layout.describe(), facts()) },
  }));

  http.serve(clusterRoutes.createInvite, async (request) => {
    const { expiresInSeconds = inviteSecondsDefault, hostExpiresInSeconds } = request.body;
    const invite = await parts.createInvite(expiresInSeconds, hostExpiresInSeconds);
    recorder.record(request, { action: 'invite.create', target: new Date(invite.expiresAtMs).toISOString() });
    return { body: { invite } };
  });

  http.serve(clusterRoutes.listEvents, (request) => listEvents(parts.events, request));
};
