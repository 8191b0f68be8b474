/** Hosts that keep a roster together: real files and votes, and calls between them that a test can cut. */

import type { ExecutionContext } from 'ava';
import { createCluster } from '../../agent/peer/cluster-file.ts';
import { type HostKey, openHostKey } from '../../agent/peer/host-key.ts';
import type { Rpc, RpcHandler } from '../../agent/peer/port.ts';
import { type OwnRoster, openRoster } from '../../agent/peer/roster.ts';
import { type RosterChanges, rosterChanges } from '../../agent/peer/roster-changes.ts';
import { baseOf, foldSteps, writeRoster } from '../../agent/peer/roster-file.ts';
import { type RosterVotes, rosterVotes } from '../../agent/peer/roster-vote.ts';
import { ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { type LogLine, recordingRuntime, tempDirectory } from './cluster.ts';

export interface Townsman {
  readonly key: HostKey;
  readonly directory: string;
  readonly self: HostId;
  readonly lines: LogLine[];
  readonly rpc: Rpc;
  roster: OwnRoster & RosterChanges;
  /** Reads its files again, as after a restart. */
  restart(): Promise<void>;
  becomeVoter(instead?: HostId): Promise<void>;
}

export const openTown = async (t: ExecutionContext) => {
  const hosts = new Map<HostId, { handlers: Map<string, RpcHandler>; man?: Townsman }>();
  /** Pairs that do not hear each other, as `a b`. */
  const cut = new Set<string>();
  /** Wall clocks that are off. */
  const aheadMs = new Map<HostId, number>();
  let clusterId = '' as ClusterId;

  const between = (a: HostId, b: HostId): string => [a, b].sort().join(' ');
  const live = async (directory: string): Promise<Townsman> => {
    const { runtime, lines } = recordingRuntime();
    const key = await openHostKey(directory);
    const self = key.hostId;
    const clock = { ...runtime.clock, wallMs: () => runtime.clock.wallMs() + (aheadMs.get(self) ?? 0) };
    const own = { ...runtime, clock };
    let handlers = new Map<string, RpcHandler>();
    const rpc: Rpc = {
      self,
      async request(to, method, body, options) {
        const found = hosts.get(to);
        const handler = found?.handlers.get(method);
        if (!handler || cut.has(between(self, to)) || !(found?.man?.roster.has(self) ?? false))
          throw new ShoalError('UNREACHABLE', `Cannot reach ${to}`);
        const answer = await handler(
          self,
          structuredClone(body),
          options?.signal ?? new AbortController().signal,
        );
        if (cut.has(between(self, to))) throw new ShoalError('TIMEOUT', `Cannot hear ${to}`);
        return structuredClone(answer);
      },
      notify: () => {},
      handle: (method, handler) => void handlers.set(method, handler),
    };
    let votes: RosterVotes;
    const start = async (): Promise<OwnRoster & RosterChanges> => {
      handlers = new Map();
      const roster = await openRoster({ runtime: own, self }, { directory, clusterId });
      /** What a hello does, in one step. */
      const differs = (host: HostId): void => {
        const other = hosts.get(host)?.man;
        if (!other || cut.has(between(self, host))) return;
        void other.roster.learn(roster.stepsAfter(other.roster.position()), () => false);
        void roster.learn(other.roster.stepsAfter(roster.position()), () => false);
      };
      const isGone = async (host: HostId): Promise<boolean> => cut.has(between(self, host));
      votes = rosterVotes({ runtime: own, rpc, key, roster, differs, isGone });
      hosts.set(self, { handlers, man });
      return Object.assign(roster, rosterChanges({ roster, votes }));
    };
    const man = { key, directory, self, lines, rpc } as Townsman;
    man.restart = async () => {
      man.roster?.stop();
      man.roster = await start();
    };
    man.becomeVoter = (instead) =>
      votes.change(({ voters }) =>
        voters.includes(self) ? undefined : { kind: 'voter', hostId: self, instead: instead ?? null },
      );
    await man.restart();
    t.teardown(() => man.roster.stop());
    return man;
  };

  const found = async (): Promise<Townsman> => {
    const { runtime } = recordingRuntime();
    const directory = await tempDirectory(t);
    const { cluster } = await createCluster({ runtime }, { directory, name: 'town', hostName: 'host-1' });
    clusterId = cluster.clusterId as ClusterId;
    return live(directory);
  };

  /** Everything that anybody knows to everybody who can hear. */
  const meet = async (...men: readonly Townsman[]): Promise<void> => {
    for (let round = 0; round < 2; round++)
      for (const from of men)
        for (const to of men)
          if (from !== to && !cut.has(between(from.self, to.self)))
            await to.roster.learn(from.roster.stepsAfter(to.roster.position()), () => false);
  };

  return {
    found,
    meet,
    aheadMs,
    clusterId: () => clusterId,
    cut: (a: Townsman, b: Townsman) => void cut.add(between(a.self, b.self)),
    heal: () => cut.clear(),
    /** A newcomer that `by` lets in. */
    async join(by: Townsman, name: string, { isVoter = true, expiresAtMs = null as number | null } = {}) {
      const directory = await tempDirectory(t);
      const key = await openHostKey(directory);
      await by.roster.add(key.hostId, name, expiresAtMs);
      const tale = by.roster.tale();
      const base = baseOf(tale);
      foldSteps(clusterId, base, tale.steps);
      await writeRoster(directory, { host: key.hostId, base, steps: tale.steps, vote: null });
      const man = await live(directory);
      if (isVoter) {
        await man.becomeVoter();
        await meet(man, by);
      }
      return man;
    },
  };
};

export const names = (man: Townsman): string =>
  man.roster
    .list()
    .map(({ name }) => name.replace('host-', ''))
    .sort()
    .join(' ');
