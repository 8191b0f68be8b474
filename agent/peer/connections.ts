/**
 * Who is connected. Keeps some connections open by itself, dials others when asked, and cuts those that the
 * roster does not allow: a removed host loses its connections in the same turn in which its removal is known.
 */
import { createHash } from 'node:crypto';
import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { AddressBook } from './address-book.ts';
import { hostIdOfPeer } from './guard.ts';
import type { ShoalLibp2p } from './libp2p.ts';
import {
  connectionsKept,
  dialTimeoutMs,
  forcedSilenceMs,
  reconnectBaseMs,
  reconnectCapMs,
  reconnectQuietMs,
  reconnectTickMs,
  strangerMsMax,
} from './limits.ts';
import type { Roster } from './roster.ts';

export interface Connections {
  /** An open connection, or a new one. Throws UNREACHABLE. */
  connect(to: HostId, signal: AbortSignal): Promise<Connection>;
  /** Rostered hosts with an open connection. */
  connected(): readonly HostId[];
  /** Is it silent for long, and does not take a call either? Asked before another's word about it is believed. */
  isGone(host: HostId): Promise<boolean>;
  /** After a connection to or from a rostered host has opened. */
  onConnect(listener: (hostId: HostId) => void): void;
  stop(): void;
}

/** The hosts that this one stays connected to: a fixed random-looking choice, so the whole is one mesh. */
const keptHosts = (self: HostId, hosts: readonly HostId[]): readonly HostId[] => {
  if (hosts.length <= connectionsKept) return hosts;
  const rank = (host: HostId): string => createHash('sha256').update(self).update(host).digest('hex');
  return hosts
    .map((host) => ({ host, rank: rank(host) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, connectionsKept)
    .map(({ host }) => host);
};

const reasonOf = (thrown: unknown): string =>
  thrown instanceof AggregateError
    ? [...new Set(thrown.errors.map(reasonOf))].join('; ')
    : thrown instanceof Error
      ? thrown.message
      : String(thrown);

export const watchConnections = (world: {
  readonly runtime: Runtime;
  readonly libp2p: ShoalLibp2p;
  readonly self: HostId;
  readonly roster: Roster;
  readonly book: AddressBook;
  /** Connections by hosts that were not on the roster when they came, each with its timer; the gater counts them. */
  readonly strangers: Map<Connection, () => void>;
  /** The host is not where it was: look for it, and tell the address book. */
  readonly seek: (hostId: HostId) => void;
  /** A stranger in the middle of its join. */
  readonly isJoining: (hostId: HostId) => boolean;
}): Connections => {
  const { libp2p, self, roster, book, strangers } = world;
  const { clock, chance, log, timers } = world.runtime;
  const listeners: ((hostId: HostId) => void)[] = [];
  const retries = new Map<HostId, { attempt: number; nextMs: number }>();
  /** When a host's last connection ended. */
  const lostAtMs = new Map<HostId, number>();
  const startMs = clock.monotonicMs();
  let stopped = false;

  const openConnection = (to: HostId): Connection | undefined =>
    libp2p.getConnections(peerIdFromString(to)).find((connection) => connection.status === 'open');

  const connect = async (to: HostId, signal: AbortSignal): Promise<Connection> => {
    const open = openConnection(to);
    if (open) return open;
    const addresses = book.get(to)?.peer ?? [];
    if (addresses.length === 0) {
      world.seek(to);
      throw new ShoalError('UNREACHABLE', `Cannot reach host ${to}: none of its addresses is known`);
    }
    try {
      return await libp2p.dial(
        addresses.map((address) => multiaddr(`${address}/p2p/${to}`)),
        { signal },
      );
    } catch (cause) {
      world.seek(to);
      throw new ShoalError('UNREACHABLE', `Cannot reach host ${to}: ${reasonOf(cause)}`, { cause });
    }
  };

  /** Is one missing? */
  const tick = (): boolean => {
    let isOneMissing = false;
    const others = roster
      .list()
      .map((member) => member.hostId)
      .filter((hostId) => hostId !== self);
    for (const hostId of roster.has(self) ? keptHosts(self, others) : []) {
      if (openConnection(hostId)) continue;
      isOneMissing = true;
      const retry = retries.get(hostId) ?? { attempt: 0, nextMs: 0 };
      if (clock.monotonicMs() < retry.nextMs) continue;
      // Until the dial has ended this host is not tried again.
      retries.set(hostId, { attempt: retry.attempt + 1, nextMs: clock.monotonicMs() + 2 * dialTimeoutMs });
      connect(hostId, AbortSignal.timeout(dialTimeoutMs)).catch((thrown) => {
        const wait = backoffMs(retry.attempt, {
          baseMs: reconnectBaseMs,
          capMs: reconnectCapMs,
          random: () => 0.5 + chance.random() / 2,
        });
        retries.set(hostId, { attempt: retry.attempt + 1, nextMs: clock.monotonicMs() + wait });
        log.debug('host not reached', { host: hostId, attempt: retry.attempt, error: thrown });
      });
    }
    return isOneMissing;
  };

  let stopTick: () => void = () => {};
  let isQuiet = false;
  const arm = (): void => {
    stopTick();
    if (!stopped) stopTick = timers.after(isQuiet ? reconnectQuietMs : reconnectTickMs, run);
  };
  const run = (): void => {
    isQuiet = !stopped && !tick();
    arm();
  };
  run();

  const opened = ({ detail: connection }: CustomEvent<Connection>): void => {
    const hostId = hostIdOfPeer(connection.remotePeer);
    if (roster.has(hostId)) {
      retries.delete(hostId);
      for (const listener of listeners) listener(hostId);
      return;
    }
    const cut = (): void => connection.abort(new Error('strangers may stay for a join only'));
    strangers.set(connection, timers.after(strangerMsMax, cut));
    log.debug('stranger connected', { host: hostId, address: connection.remoteAddr.toString() });
  };
  const closed = ({ detail: connection }: CustomEvent<Connection>): void => {
    strangers.get(connection)?.();
    strangers.delete(connection);
    const hostId = hostIdOfPeer(connection.remotePeer);
    if (roster.has(hostId)) lostAtMs.set(hostId, clock.monotonicMs());
    if (!isQuiet) return;
    isQuiet = false;
    arm();
  };
  libp2p.addEventListener('connection:open', opened);
  libp2p.addEventListener('connection:close', closed);

  const stopRoster = roster.onChange(() => {
    for (const connection of libp2p.getConnections()) {
      const hostId = hostIdOfPeer(connection.remotePeer);
      if (roster.has(hostId)) {
        // It was a stranger when it came, so identify and gossip passed it by: let it come again.
        if (strangers.has(connection) && !world.isJoining(hostId)) connection.close().catch(() => {});
      } else if (!strangers.has(connection)) {
        log.warn('connection cut: the host is off the roster', { host: hostId });
        connection.abort(new Error('not on the roster'));
      }
    }
    retries.clear();
    for (const hostId of lostAtMs.keys()) if (!roster.has(hostId)) lostAtMs.delete(hostId);
    run();
  });
  const stopBook = book.onChange((hostId) => {
    if (retries.delete(hostId)) run();
  });

  return {
    connect,
    connected: () => [
      ...new Set(
        libp2p
          .getConnections()
          .filter((connection) => connection.status === 'open')
          .map((connection) => hostIdOfPeer(connection.remotePeer))
          .filter((hostId) => roster.has(hostId)),
      ),
    ],
    async isGone(host) {
      const sinceMs = clock.monotonicMs() - (lostAtMs.get(host) ?? startMs);
      if (host === self || openConnection(host) || sinceMs < forcedSilenceMs) return false;
      return connect(host, AbortSignal.timeout(dialTimeoutMs)).then(
        () => false,
        () => true,
      );
    },
    onConnect: (listener) => void listeners.push(listener),
    stop() {
      stopped = true;
      stopTick();
      stopRoster();
      stopBook();
      for (const cancel of strangers.values()) cancel();
      libp2p.removeEventListener('connection:open', opened);
      libp2p.removeEventListener('connection:close', closed);
    },
  };
};
