/**
 * The signed event log of the cluster as this host holds it: its own hypercore and a copy of every other host's,
 * in `journal/` of the data directory. Copies travel on the hyperswarm connections of `peer`.
 *
 *   append ──> own log ──┐                      ┌──> copy at host B
 *   read <── merge <─────┴── copies <── swarm ──┴──> copy at host C
 */
import { join } from 'node:path';
import Hypercore from 'hypercore';
import type { SwarmConnection } from 'hyperswarm';
import { ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import type { LogName } from '../../proto/message/journal.ts';
import type { Discovery } from '../peer/discovery.ts';
import type { HostKey } from '../peer/host-key.ts';
import type { Rpc } from '../peer/port.ts';
import type { Roster } from '../peer/roster.ts';
import type { Runtime } from '../runtime/ports.ts';
import { connectionFarewellMs, exchangeMs, readEventsMax } from './limits.ts';
import { checkLogNames, openLogSet } from './log-set.ts';
import { readAfter, readNewest } from './merge.ts';
import type { Journal } from './port.ts';
import { journalWriter } from './writer.ts';

export interface OpenJournal extends Journal {
  /** Resolves when everything appended so far is on disk. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** Never throws for what it finds in the directory: a journal that cannot be read is set aside. */
export const openJournal = async (
  world: {
    readonly runtime: Runtime;
    readonly key: HostKey;
    readonly rpc: Rpc;
    readonly roster: Roster;
    /** Absent: the journal is kept here only. */
    readonly discovery: Discovery | undefined;
  },
  settings: { readonly directory: string; readonly clusterId: ClusterId },
): Promise<OpenJournal> => {
  const { discovery, key, roster, rpc } = world;
  const { chance, clock, timers } = world.runtime;
  const log = world.runtime.log.with({ part: 'journal' });
  const connections = new Map<SwarmConnection, HostId>();
  const rewritten = new Set<string>();
  let stopped = false;

  const logs = await openLogSet(
    {
      clock,
      log,
      key,
      opened: (one) => {
        for (const connection of connections.keys()) one.replicate(connection);
      },
      changed: () => {
        for (const hostId of connections.values()) exchange(hostId);
      },
    },
    { directory: join(settings.directory, 'journal'), clusterId: settings.clusterId },
  );
  const writer = journalWriter({ log, timers, append: (blocks) => logs.own().core.append(blocks) });

  const names = (): readonly LogName[] => logs.list().map((one) => one.name);
  const adopt = (offered: unknown): Promise<void> =>
    logs.adopt(checkLogNames(offered).filter(({ host }) => roster.has(host as HostId)));
  // Both sides tell what they hold, so of two agents that start together the later one tells enough for both.
  rpc.handle('journal.logs', async (_from, body) => {
    await adopt(body);
    return names();
  });
  function exchange(hostId: HostId): void {
    rpc
      .request(hostId, 'journal.logs', names())
      .then(adopt)
      .catch((thrown) => log.debug('logs not exchanged', { host: hostId, error: thrown }));
  }

  discovery?.onConnection((hostId, connection) => {
    if (stopped) return;
    connections.set(connection, hostId);
    connection.once('close', () => connections.delete(connection));
    Hypercore.createProtocolStream(connection, {
      // The other side may have learned of a log after this one has offered it.
      ondiscoverykey(discoveryKey) {
        const wanted = Buffer.from(discoveryKey).toString('hex');
        for (const one of logs.list()) if (one.discoveryKey === wanted) one.replicate(connection);
      },
    });
    for (const one of logs.list()) one.replicate(connection);
    exchange(hostId);
  });

  /** A peer that holds a higher fork was given a rewritten history by the log's owner. Copies here keep the first. */
  const checkForks = (): void => {
    for (const { core, id, name } of logs.list())
      if (!rewritten.has(id) && core.peers.some((peer) => peer.remoteFork > core.fork)) {
        rewritten.add(id);
        log.error('journal history was rewritten', {
          host: name.host,
          epoch: name.epoch,
          length: core.length,
        });
      }
  };

  let stopTimer: () => void = () => {};
  const again = (): void => {
    stopTimer = timers.after(exchangeMs * (0.5 + chance.random()), () => {
      checkForks();
      const hosts = [...connections.values()];
      const hostId = hosts[Math.floor(chance.random() * hosts.length)];
      if (hostId) exchange(hostId);
      again();
    });
  };
  again();

  return {
    append: (event) => writer.push({ ...event, atMs: clock.wallMs() }),
    async read({ after, limit }) {
      if (!Number.isInteger(limit) || limit < 1 || limit > readEventsMax)
        throw new ShoalError('BAD_REQUEST', `Cannot read ${limit} events: ask for 1 to ${readEventsMax}`);
      return after ? readAfter(logs.list(), after, limit) : readNewest(logs.list(), limit);
    },
    flush: writer.flush,
    async stop() {
      stopTimer();
      stopped = true;
      await writer.flush();
      // What still arrives would be written into a closed store.
      for (const connection of connections.keys()) connection.destroy();
      await timers.sleep(connectionFarewellMs);
      await logs.close();
    },
  };
};
