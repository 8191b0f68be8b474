/**
 * The keeper of a host's machines: the only one that touches them. It compares each server's record with what is
 * here and closes the gap, for all at every look and for one when poked.
 *
 *   what it looks at = claims here ∪ rows that name this host ∪ machines here
 *
 * A claim leads to the server even before its record names this host; the rows lead to servers of a host that lost
 * its disk; the machines lead to what nobody wants any more. A record that cannot be read is left for the next look:
 * nothing is ever ended on a guess.
 */
import { ShoalError } from '../../proto/error.ts';
import { mapLimit } from '../base/map-limit.ts';
import { startReconciler } from '../flow/reconciler.ts';
import { walkRows } from '../table/walk-rows.ts';
import { type KeeperParts, openKeeperSteps } from './keeper-steps.ts';
import { keeperParallelMax, keeperPeriodMs, looksInARowMax, walkPageRows } from './limits.ts';
import { indexPartition, type Server } from './records.ts';
import { planServer } from './server-plan.ts';

export interface Keeper {
  /** Look at this server now; also when its record just changed and a step for it is under way. */
  poke(serverId: string): void;
  /** Interrupts what may be interrupted and resolves when nothing is under way. Machines run on. */
  stop(): Promise<void>;
}

/** What is under way for one server. */
interface Tending {
  /** Look once more when done. */
  again: boolean;
  /** The record that the step in work was planned for. */
  seen?: Server | undefined;
  /** Ends a step that waits. */
  interrupt: AbortController;
  readonly done: Promise<void>;
}

export const startKeeper = (parts: KeeperParts, settings: { readonly self: string }): Keeper => {
  const { runtime, records, claims, hypervisor } = parts;
  const { self } = settings;
  const log = runtime.log.with({ part: 'keeper' });
  const steps = openKeeperSteps(parts, self);
  const stopping = new AbortController();
  const tendings = new Map<string, Tending>();
  const superseded = new ShoalError('ABORTED', 'Another request came');

  /** Throws when it cannot be known. */
  const read = async (serverId: string): Promise<Server | undefined> => {
    const projectId =
      claims.get(serverId)?.projectId ??
      (await records.byHost.get(self, serverId))?.projectId ??
      (await records.index.get(indexPartition(serverId), serverId))?.projectId;
    return projectId === undefined ? undefined : records.servers.get(projectId, serverId);
  };

  const tend = async (serverId: string, tending: Tending): Promise<void> => {
    let looksLeft = looksInARowMax;
    do {
      tending.again = false;
      tending.interrupt = new AbortController();
      const signal = AbortSignal.any([stopping.signal, tending.interrupt.signal]);
      const server = await read(serverId);
      tending.seen = server;
      const step = planServer(server, await hypervisor.power(serverId), self);
      try {
        if (await steps.take(step, serverId, server, signal)) tending.again = true;
      } catch (thrown) {
        if (!signal.aborted) await steps.handleFailure(step, server, thrown);
      }
    } while (tending.again && --looksLeft > 0 && !stopping.signal.aborted);
    if (looksLeft <= 0) tending.again = false;
  };

  const look = (serverId: string): Promise<void> => {
    const known = tendings.get(serverId);
    if (known) return known.done;
    const { promise, resolve } = Promise.withResolvers<void>();
    const tending: Tending = { again: false, interrupt: new AbortController(), done: promise };
    tendings.set(serverId, tending);
    tend(serverId, tending)
      .catch((thrown: unknown) => log.warn('cannot look at server', { server: serverId, error: thrown }))
      .finally(() => {
        tendings.delete(serverId);
        resolve();
        if (tending.again && !stopping.signal.aborted) void look(serverId);
      });
    return promise;
  };

  /** A guest that is slow to stop must not hold up its deletion. */
  const interruptIfMoved = async (serverId: string, { seen, interrupt }: Tending): Promise<void> => {
    const now = await read(serverId);
    if (now?.wanted !== seen?.wanted || now?.taskState !== seen?.taskState) interrupt.abort(superseded);
  };

  const poke = (serverId: string): void => {
    if (stopping.signal.aborted) return;
    const tending = tendings.get(serverId);
    if (!tending) return void look(serverId);
    tending.again = true;
    interruptIfMoved(serverId, tending).catch((thrown: unknown) =>
      log.warn('cannot look at server', { server: serverId, error: thrown }),
    );
  };

  const rowsOfHost = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { sortKey } of walkRows(records.byHost, self, { limit: walkPageRows }))
      found.push(sortKey);
    return found;
  };

  const lookAtAll = async (signal: AbortSignal): Promise<void> => {
    const machines = await hypervisor.list();
    // Without a quorum for these rows the others still get their look.
    const rows = await rowsOfHost().catch((thrown: unknown): string[] => {
      log.warn('cannot list the servers of this host', { error: thrown });
      return [];
    });
    const all = new Set([...claims.list().map(({ serverId }) => serverId), ...machines, ...rows]);
    await mapLimit(all, keeperParallelMax, look, signal);
    const definitions = await Promise.all(machines.map((id) => hypervisor.definition(id)));
    await parts.imageFiles.prune(new Set(definitions.flatMap((machine) => machine?.disk.baseFile ?? [])));
  };

  const reconciler = startReconciler(
    { runtime, reconcile: lookAtAll },
    { name: 'keeper', periodMs: keeperPeriodMs },
  );
  const unwatch = hypervisor.onChange(poke);

  return {
    poke,
    async stop() {
      stopping.abort(new ShoalError('ABORTED', 'The agent stops'));
      unwatch();
      await reconciler.stop();
      await Promise.all([...tendings.values()].map(({ done }) => done));
    },
  };
};
