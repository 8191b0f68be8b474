/**
 * Is everything fully replicated? Each host knows what it still has to fetch or mend; the host that is asked adds
 * up what all reachable hosts say. What could not be asked is a finding, never silence.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Health } from '../../proto/rest/cluster.ts';
import type { Member, Members } from '../membership/port.ts';
import type { Rpc } from '../peer/port.ts';
import { healthAskMs } from './limits.ts';
import type { LayoutFacts } from './operator.ts';

/** What one host still has to do. */
export interface HostState {
  /** Rows known to differ between it and another owner. */
  readonly rowsToHeal: number;
  /** Hosts with rows in common that it has not compared with since it started or they came back. */
  readonly hostsToCompare: number;
  /** False while it copies the rows that a lost disk held. */
  readonly isWhole: boolean;
  /** Chunks that it must fetch, or that others must get from it. */
  readonly chunksQueued: number;
  readonly chunksDamaged: number;
  readonly layoutNewest: number;
}

export interface HealthOf {
  readonly rpc: Rpc;
  state(): HostState;
}

const method = 'cluster.state';

export const serveState = ({ rpc, state }: HealthOf): void => rpc.handle(method, () => state());

const counts = ['rowsToHeal', 'hostsToCompare', 'chunksQueued', 'chunksDamaged', 'layoutNewest'] as const;

const isState = (value: unknown): value is HostState =>
  typeof value === 'object' &&
  value !== null &&
  counts.every((key) => Number.isSafeInteger((value as Record<string, unknown>)[key]));

const nameOf = (member: Member): string => member.card?.name ?? member.hostId;
const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Worst first: red is what has lost its quorum, then what is missing, then what is on its way. */
const findingsOf = (
  members: Members,
  layout: LayoutFacts,
  states: ReadonlyMap<HostId, HostState | undefined>,
): string[] => {
  const findings: string[] = [];
  for (const member of members.list()) {
    if (member.state !== 'alive') findings.push(`Host ${nameOf(member)} is ${member.state}`);
    else if (states.get(member.hostId) === undefined)
      findings.push(`Host ${nameOf(member)} did not say how it is`);
  }
  if (!layout.settled) findings.push(`Layout ${layout.newest} settles: data moves to its new owners`);
  for (const [hostId, state] of states) {
    if (!state) continue;
    const member = members.get(hostId);
    const name = member ? nameOf(member) : hostId;
    if (state.chunksDamaged > 0) findings.push(`${plural(state.chunksDamaged, 'damaged chunk')} on ${name}`);
    if (state.chunksQueued > 0) findings.push(`${plural(state.chunksQueued, 'chunk')} to copy on ${name}`);
    if (state.rowsToHeal > 0) findings.push(`${plural(state.rowsToHeal, 'row')} to heal on ${name}`);
    if (state.hostsToCompare > 0)
      findings.push(`${name} has yet to compare its rows with ${plural(state.hostsToCompare, 'host')}`);
    if (!state.isWhole) findings.push(`${name} copies the rows that its disk has lost`);
    if (state.layoutNewest !== layout.newest)
      findings.push(`${name} knows layout ${state.layoutNewest}, here it is ${layout.newest}`);
  }
  return findings;
};

/** Owners of a partition are `replicas` different members: with that many minus a quorum gone, some row is stuck. */
const mayHaveLostQuorum = (members: Members, layout: LayoutFacts): boolean => {
  const gone = layout.members.filter((owner) => !members.isReachable(owner.hostId)).length;
  const quorum = Math.floor(layout.replicas / 2) + 1;
  return gone > layout.replicas - quorum;
};

export const healthOf = async ({ rpc }: HealthOf, members: Members, layout: LayoutFacts): Promise<Health> => {
  const all = members.list();
  const asked = all.filter((member) => members.isReachable(member.hostId));
  const states = new Map(
    await Promise.all(
      asked.map(async ({ hostId }) => {
        const answer = await rpc
          .request(hostId, method, {}, { timeoutMs: healthAskMs })
          .catch(() => undefined);
        return [hostId, isState(answer) ? answer : undefined] as const;
      }),
    ),
  );
  const findings = findingsOf(members, layout, states);
  const known = [...states.values()].filter((state) => state !== undefined);
  const count = (state: string): number => all.filter((member) => member.state === state).length;
  return {
    status: mayHaveLostQuorum(members, layout) ? 'red' : findings.length > 0 ? 'yellow' : 'green',
    findings,
    hosts: { alive: count('alive'), suspect: count('suspect'), dead: count('dead'), total: all.length },
    layout: { newest: layout.newest, settled: layout.settled },
    repair: {
      queued: known.reduce((sum, state) => sum + state.chunksQueued + state.rowsToHeal, 0),
      damaged: known.reduce((sum, state) => sum + state.chunksDamaged, 0),
    },
  };
};
