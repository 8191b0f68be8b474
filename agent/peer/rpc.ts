/** Requests between hosts over libp2p: one long-lived stream for each direction of a pair, opened when needed. */
import type { Connection } from '@libp2p/interface';
import { ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { deadline } from '../base/deadline.ts';
import type { Runtime } from '../runtime/ports.ts';
import { hostIdOfPeer, type IsAllowed } from './guard.ts';
import type { ShoalLibp2p } from './libp2p.ts';
import { dialMemoryMs, dialTimeoutMs, requestsInFlightMax, rpcTimeoutMs, rpcTimeoutMsMax } from './limits.ts';
import type { Rpc, RpcHandler } from './port.ts';
import { type RpcClient, rpcClient } from './rpc-client.ts';
import { refuseStream, serveRpc } from './rpc-server.ts';

export interface RpcNode extends Rpc {
  stop(): Promise<void>;
}

export const startRpc = async (
  world: {
    readonly runtime: Runtime;
    readonly libp2p: ShoalLibp2p;
    readonly self: HostId;
    readonly isAllowed: IsAllowed;
    /** An open connection, or a new one. Throws UNREACHABLE. */
    readonly connect: (to: HostId, signal: AbortSignal) => Promise<Connection>;
  },
  settings: { readonly clusterId: ClusterId },
): Promise<RpcNode> => {
  const { runtime, libp2p, self, isAllowed } = world;
  const { clock, log } = runtime;
  const protocol = `/shoal/${settings.clusterId}/rpc/1`;
  const handlers = new Map<string, RpcHandler>();
  const clients = new Map<HostId, RpcClient>();
  const opening = new Map<HostId, Promise<RpcClient>>();
  const failures = new Map<HostId, { readonly untilMs: number; readonly error: ShoalError }>();

  await libp2p.handle(
    protocol,
    (stream, connection) => {
      const from = hostIdOfPeer(connection.remotePeer);
      if (isAllowed(from))
        return serveRpc({ runtime, log, stream, from, handlers, isAllowed: () => isAllowed(from) });
      log.warn('host refused: it is not on the roster', {
        host: from,
        address: connection.remoteAddr.toString(),
      });
      refuseStream(stream, new ShoalError('NOT_ON_ROSTER', `Host ${from} is not on the roster of ${self}`));
    },
    // The old stream of a peer that reconnects may end later than its new one begins.
    { maxInboundStreams: 4, maxOutboundStreams: 4 },
  );

  const open = async (to: HostId): Promise<RpcClient> => {
    using limit = deadline(`reach host ${to}`, dialTimeoutMs);
    try {
      const connection = await world.connect(to, limit.signal);
      const stream = await connection.newStream(protocol, { signal: limit.signal });
      const client: RpcClient = rpcClient(
        { runtime, stream, to },
        {
          silent: () => connection.abort(new Error('it does not answer')),
          refused: (error) => log.warn('refused by host', { host: to, error }),
          closed: () => {
            if (clients.get(to) === client) clients.delete(to);
          },
        },
      );
      clients.set(to, client);
      return client;
    } catch (cause) {
      const error =
        cause instanceof ShoalError && cause.code !== 'TIMEOUT'
          ? cause
          : new ShoalError(
              'UNREACHABLE',
              `Cannot reach host ${to}: ${cause instanceof Error ? cause.message : String(cause)}`,
              { cause },
            );
      failures.set(to, { untilMs: clock.monotonicMs() + dialMemoryMs, error });
      throw error;
    } finally {
      opening.delete(to);
    }
  };

  const clientOf = (to: HostId): RpcClient | Promise<RpcClient> => {
    const client = clients.get(to);
    if (client?.isOpen) return client;
    const pending = opening.get(to);
    if (pending) return pending;
    const failure = failures.get(to);
    if (failure) {
      if (clock.monotonicMs() < failure.untilMs) throw failure.error;
      failures.delete(to);
    }
    const started = open(to);
    opening.set(to, started);
    return started;
  };

  /** Bounds requests that wait for a connection to open; those on a stream are bounded there. */
  let waitingToOpen = 0;

  const checkAllowed = (to: HostId): void => {
    if (!isAllowed(to))
      throw new ShoalError('NOT_ON_ROSTER', `Cannot ask host ${to}: it is not on the roster`);
  };

  const callSelf = async (method: string, body: unknown, signal: AbortSignal): Promise<unknown> => {
    const handler = handlers.get(method);
    if (!handler)
      throw new ShoalError('NOT_IMPLEMENTED', `Cannot answer ${JSON.stringify(method)}: no such call`);
    return handler(self, body, signal);
  };

  /** Settles with the work or with the signal's reason, whichever is first. */
  const orAbort = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  };

  const rpc: RpcNode = {
    self,
    async request(to, method, body, options = {}) {
      const timeoutMs = Math.min(options.timeoutMs ?? rpcTimeoutMs, rpcTimeoutMsMax);
      if (to === self) {
        using limit = deadline(`finish ${method}`, timeoutMs, options.signal);
        return await orAbort(callSelf(method, body, limit.signal), limit.signal);
      }
      checkAllowed(to);
      const startedMs = clock.monotonicMs();
      let client = clientOf(to);
      if (client instanceof Promise) {
        if (waitingToOpen >= requestsInFlightMax)
          throw new ShoalError(
            'BUSY',
            `Cannot ask host ${to}: ${waitingToOpen} requests wait for connections`,
          );
        waitingToOpen++;
        try {
          using limit = deadline(`reach host ${to}`, timeoutMs, options.signal);
          client = await orAbort(client, limit.signal);
        } finally {
          waitingToOpen--;
        }
      }
      return client.request(
        method,
        body,
        Math.max(1, Math.ceil(timeoutMs - (clock.monotonicMs() - startedMs))),
        options.signal,
      );
    },
    notify(to, method, body) {
      const send = async (): Promise<void> => {
        if (to === self) return void (await callSelf(method, body, new AbortController().signal));
        checkAllowed(to);
        (await clientOf(to)).notify(method, body);
      };
      send().catch((thrown) => log.debug('notify lost', { to, method, error: thrown }));
    },
    handle(method, handler) {
      if (handlers.has(method)) throw new Error(`rpc method ${method} has a handler already`);
      handlers.set(method, handler);
    },
    async stop() {
      for (const client of clients.values())
        client.abort(new ShoalError('UNREACHABLE', 'This agent is stopping'));
      await libp2p.unhandle(protocol);
    },
  };
  return rpc;
};
