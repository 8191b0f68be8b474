/**
 * How far each host is with mending and reading over what it holds, and a push to begin now. Every host keeps itself;
 * whoever is asked asks all that can be reached.
 */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { HostId } from '../../proto/ids.ts';
import { RepairState, ScrubState } from '../../proto/rest/cluster/upkeep.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import type { ApiServer } from '../http/port.ts';
import type { Members } from '../membership/port.ts';
import type { Rpc } from '../peer/port.ts';
import { healthAskMs } from './limits.ts';
import type { Recorder } from './recorder.ts';

const HostUpkeep = Type.Object({ repair: RepairState, scrub: ScrubState });
type HostUpkeep = Static<typeof HostUpkeep>;
const checkUpkeep = Compile(HostUpkeep);

type Kind = keyof HostUpkeep;

export interface UpkeepOf {
  readonly rpc: Rpc;
  state(): HostUpkeep;
  run(what: Kind): void;
}

const showMethod = 'cluster.upkeep';
const runMethod = (what: Kind): string => `cluster.run-${what}`;

export const serveUpkeep = ({
  http,
  members,
  upkeep,
  recorder,
}: {
  readonly http: ApiServer;
  readonly members: Members;
  readonly upkeep: UpkeepOf;
  readonly recorder: Recorder;
}): void => {
  const { rpc } = upkeep;
  rpc.handle(showMethod, () => upkeep.state());
  for (const what of ['repair', 'scrub'] as const)
    rpc.handle(runMethod(what), () => {
      upkeep.run(what);
      return null;
    });

  /** Undefined where nobody answered. */
  const askHost = (host: HostId, method: string): Promise<unknown> =>
    members.isReachable(host)
      ? rpc.request(host, method, {}, { timeoutMs: healthAskMs }).catch(() => undefined)
      : Promise.resolve(undefined);

  const show = async <K extends Kind>(what: K) => ({
    hosts: await Promise.all(
      members.list().map(async ({ hostId, name }) => {
        const answer = await askHost(hostId, showMethod);
        const state: HostUpkeep[K] | null = checkUpkeep.Check(answer) ? answer[what] : null;
        return { hostId, name, state };
      }),
    ),
  });
  const run = async (what: Kind, request: Parameters<Recorder['record']>[0]) => {
    const answers = await Promise.all(members.list().map(({ hostId }) => askHost(hostId, runMethod(what))));
    const hosts = answers.filter((answer) => answer !== undefined).length;
    recorder.record(request, { action: `${what}.run`, target: 'cluster', detail: { hosts } });
    return { body: { hosts } };
  };

  http.serve(clusterRoutes.showRepair, async () => ({ body: await show('repair') }));
  http.serve(clusterRoutes.showScrub, async () => ({ body: await show('scrub') }));
  http.serve(clusterRoutes.runRepair, (request) => run('repair', request));
  http.serve(clusterRoutes.runScrub, (request) => run('scrub', request));
};
