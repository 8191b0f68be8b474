/**
 * Owners compare with each other all the time, slowly, and at once after a start, when a member comes back and
 * after a layout change. What one of them has missed while it was away it has again seconds after its return.
 */

import type { HostId } from '../../proto/ids.ts';
import { openNap } from '../base/nap.ts';
import type { Members } from '../membership/port.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { Log, Timers } from '../runtime/ports.ts';
import type { Healer } from './healer.ts';
import { compareEveryMs } from './limits.ts';

export interface HealStatus {
  /** Rows known to differ between this host and another owner, and not healed yet. */
  readonly rowsToHeal: number;
  /** Reachable hosts with rows in common that were not compared with since the start, their return or a new layout. */
  readonly hostsToCompare: number;
  /** Rows that came to this host, and that it sent, since it started. */
  readonly rowsPulled: number;
  readonly rowsPushed: number;
}

export interface AntiEntropy {
  start(): void;
  /** Compares with every reachable owner now, not one after the other in turn. */
  hurry(): void;
  stop(): Promise<void>;
  status(): HealStatus;
}

export interface AntiEntropyWorld {
  readonly self: HostId;
  readonly ring: Pick<Ring, 'partitionCount' | 'ownerSets' | 'onChange'>;
  readonly members: Pick<Members, 'isReachable' | 'onChange'>;
  readonly healer: Healer;
  readonly timers: Timers;
  readonly log: Log;
}

/**
 * Partitions that this host owns together with each other host, in the oldest live layout version. What a newer one
 * adds is the sync's to fetch: once, at its pace, and not at all while an operator holds it.
 */
const sharedPartitions = (
  world: Pick<AntiEntropyWorld, 'self' | 'ring'>,
): ReadonlyMap<HostId, readonly Partition[]> => {
  const shared = new Map<HostId, Partition[]>();
  for (let partition = 0; partition < world.ring.partitionCount; partition++) {
    const owners = world.ring.ownerSets(partition)[0]?.owners ?? [];
    if (!owners.includes(world.self)) continue;
    for (const owner of owners) {
      if (owner === world.self) continue;
      const list = shared.get(owner);
      if (list) list.push(partition);
      else shared.set(owner, [partition]);
    }
  }
  return shared;
};

export const antiEntropy = (
  world: AntiEntropyWorld,
  settings: { readonly compareEveryMs?: number } = {},
): AntiEntropy => {
  const { ring, members, timers, log } = world;
  const pauseMs = settings.compareEveryMs ?? compareEveryMs;
  const stopping = new AbortController();
  const listeners: (() => void)[] = [];
  /** Compared since the last reason to hurry. */
  const compared = new Set<HostId>();
  const away = new Set<HostId>();
  let shared = new Map<HostId, readonly Partition[]>() as ReadonlyMap<HostId, readonly Partition[]>;
  let [found, done, pulled, pushed] = [0, 0, 0, 0];
  const nap = openNap(timers);
  let running: Promise<void> | undefined;

  const due = (): HostId[] =>
    [...shared.keys()].filter((host) => members.isReachable(host) && !compared.has(host));

  const compareWith = async (host: HostId): Promise<void> => {
    compared.add(host);
    [found, done] = [0, 0];
    try {
      const healed = await world.healer.healAll(host, shared.get(host) ?? [], {
        found: (rows) => {
          found += rows;
        },
        done: (rows) => {
          done += rows;
        },
        signal: stopping.signal,
      });
      [found, done] = [0, 0];
      pulled += healed.pulled;
      pushed += healed.pushed;
      if (healed.pulled + healed.pushed > 0) log.debug('healed rows', { host, ...healed });
    } catch (thrown) {
      compared.delete(host);
      if (!stopping.signal.aborted) log.debug('could not compare rows', { host, error: thrown });
    }
  };

  const run = async (): Promise<void> => {
    let turn = 0;
    while (!stopping.signal.aborted) {
      const hurried = due();
      for (const host of hurried) if (!stopping.signal.aborted) await compareWith(host);
      if (hurried.length === 0) {
        const hosts = [...shared.keys()].filter((host) => members.isReachable(host));
        const host = hosts[turn++ % Math.max(1, hosts.length)];
        if (host) await compareWith(host);
      }
      if (!stopping.signal.aborted && (hurried.length === 0 || due().length > 0)) await nap.rest(pauseMs);
    }
  };

  return {
    start() {
      const look = (): void => {
        shared = sharedPartitions(world);
        compared.clear();
        nap.wake();
      };
      look();
      listeners.push(
        ring.onChange(look),
        members.onChange(({ hostId, state }) => {
          if (state === 'dead' || state === 'left') away.add(hostId);
          else if (away.delete(hostId)) {
            compared.delete(hostId);
            nap.wake();
          }
        }),
      );
      running = run();
    },
    hurry() {
      compared.clear();
      nap.wake();
    },
    async stop() {
      stopping.abort();
      for (const cancel of listeners) cancel();
      nap.wake();
      await running;
    },
    status: () => ({
      rowsToHeal: found - done,
      hostsToCompare: due().length,
      rowsPulled: pulled,
      rowsPushed: pushed,
    }),
  };
};
