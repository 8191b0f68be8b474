/** The layout for operators: what it is, what comes next, what was, and how they hold and shape it. */
import type { HostId } from '../../proto/ids.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import type { ApiServer } from '../http/port.ts';
import type { Members } from '../membership/port.ts';
import type { RingOperator } from '../ring/ring-operator.ts';
import { askStates, known, movingOf, type StateOf } from './host-state.ts';
import type { Recorder } from './recorder.ts';

export const serveLayout = (parts: {
  readonly http: ApiServer;
  readonly members: Members;
  readonly layout: RingOperator;
  readonly health: StateOf;
  readonly recorder: Recorder;
}): void => {
  const { http, members, layout, health, recorder } = parts;
  const named = <T extends { readonly hostId: HostId }>(entry: T): T & { readonly name: string } => ({
    ...entry,
    name: members.get(entry.hostId)?.name ?? entry.hostId,
  });

  http.serve(clusterRoutes.showLayout, async () => {
    const facts = layout.describe();
    const moving = facts.settled ? null : movingOf(await askStates(health, members));
    return { body: { layout: { ...facts, moving, members: facts.members.map(named) } } };
  });

  http.serve(clusterRoutes.planLayout, async () => {
    const { next, hold, coming, pairs } = layout.plan();
    const states = known(await askStates(health, members));
    /** Partitions are alike, for hashes choose them: so much of all that the hosts hold. */
    const share = next ? next.partitionsToMove / Math.max(1, pairs) : 0;
    const total = (kind: 'rows' | 'bytes'): number =>
      Math.round(share * states.reduce((sum, { held }) => sum + held[kind], 0));
    return {
      body: {
        plan: {
          next: next && {
            ...next,
            members: next.members.map(named),
            rowsToMove: total('rows'),
            bytesToMove: total('bytes'),
          },
          hold,
          coming: coming.map(named),
        },
      },
    };
  });

  http.serve(clusterRoutes.listLayouts, async () => ({ body: { versions: layout.history().map(named) } }));

  http.serve(clusterRoutes.changeLayout, async (request) => {
    const { paused, replicas } = request.body;
    const by = recorder.actorOf(request).userName;
    if (paused !== undefined) {
      await layout.pause(paused, by);
      recorder.record(request, { action: paused ? 'layout.pause' : 'layout.resume', target: 'layout' });
    }
    if (replicas !== undefined) {
      await layout.setReplicas(replicas, by);
      recorder.record(request, { action: 'layout.replicas', target: 'layout', detail: { replicas } });
    }
    return {};
  });
};
