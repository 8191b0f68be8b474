/** Hosts in one process that talk like real ones: bodies travel as msgpack, a killed host refuses, a cut one is silent. */
import { pack, unpack } from 'msgpackr';
import type { Gossip, Rpc, RpcHandler } from '../../agent/peer/port.ts';
import type { Log, Runtime } from '../../agent/runtime/ports.ts';
import { systemChance } from '../../agent/runtime/system/chance.ts';
import { asShoalError, ShoalError } from '../../proto/error.ts';
import { type HostId, parseHostId } from '../../proto/ids.ts';
import { steadyClock, steadyTimers } from '../fake/steady-time.ts';

const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** A well-formed id that ends in the index. */
export const hostId = (index: number): HostId => {
  let tail = '';
  for (let rest = index; tail.length < 45; rest = Math.floor(rest / 58)) tail = `${digits[rest % 58]}${tail}`;
  return parseHostId(`12D3Koo${tail}`);
};

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** Keeps what was logged. */
export const fakeLog = (lines: Line[] = [], bound: Record<string, unknown> = {}): Log => {
  const at =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      void lines.push({ level, message, fields: { ...bound, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => fakeLog(lines, { ...bound, ...fields }),
  };
};

export const fakeNetwork = () => {
  const handlers = new Map<HostId, Map<string, RpcHandler>>();
  const subscribers = new Map<HostId, Map<string, (from: HostId, body: unknown) => void>>();
  const lines: Line[] = [];
  let isCut = (_a: HostId, _b: HostId): boolean => false;
  let gossipWorks = true;
  const copy = (body: unknown): unknown => unpack(pack(body));

  const call = async (from: HostId, to: HostId, method: string, body: unknown): Promise<unknown> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (isCut(from, to)) throw new ShoalError('TIMEOUT', `Cannot reach ${to}: silence`);
    const handler = handlers.get(to)?.get(method);
    if (!handlers.has(to) || !handlers.has(from))
      throw new ShoalError('UNREACHABLE', `Cannot reach ${to}: refused`);
    if (!handler) throw new ShoalError('NOT_IMPLEMENTED', `Cannot call ${method} of ${to}`);
    return copy(await handler(from, copy(body), new AbortController().signal));
  };

  return {
    lines,
    runtime: (): Runtime => ({
      clock: steadyClock,
      timers: steadyTimers,
      chance: systemChance,
      log: fakeLog(lines),
    }),
    /** A new life of this host: nothing of the old one answers any more. */
    join(self: HostId): { readonly rpc: Rpc; readonly gossip: Gossip } {
      const own = new Map<string, RpcHandler>();
      const topics = new Map<string, (from: HostId, body: unknown) => void>();
      handlers.set(self, own);
      subscribers.set(self, topics);
      const isCurrent = (): boolean => handlers.get(self) === own;
      const request = async (to: HostId, method: string, body: unknown): Promise<unknown> => {
        if (!isCurrent()) throw new ShoalError('UNREACHABLE', 'Cannot send: this host is dead');
        return call(self, to, method, body);
      };
      return {
        rpc: {
          self,
          request,
          notify: (to, method, body) => void request(to, method, body).catch(asShoalError),
          handle: (method, handler) => void own.set(method, handler),
        },
        gossip: {
          publish(topic, body) {
            if (!isCurrent() || !gossipWorks) return;
            for (const [to, handlers] of subscribers)
              if (to !== self && !isCut(self, to))
                setImmediate(() => {
                  if (subscribers.get(to) === handlers) handlers.get(topic)?.(self, copy(body));
                });
          },
          subscribe: (topic, handler) => void topics.set(topic, handler),
        },
      };
    },
    kill(host: HostId): void {
      handlers.delete(host);
      subscribers.delete(host);
    },
    cut(cuts: (a: HostId, b: HostId) => boolean): void {
      isCut = cuts;
    },
    stopGossip(): void {
      gossipWorks = false;
    },
  };
};

/** A roster that tests write. */
export const fakeRoster = (hosts: readonly HostId[]) => {
  const held = new Set(hosts);
  const over = new Set<HostId>();
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    list: () => [...held].map((hostId) => ({ hostId, name: `rostered ${hostId.slice(-2)}` })),
    has: (host: HostId) => held.has(host),
    isOver: (host: HostId) => over.has(host),
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    add(host: HostId): void {
      held.add(host);
      tell();
    },
    remove(host: HostId): void {
      held.delete(host);
      tell();
    },
    /** Its time has run out, and it stays. */
    expire(host: HostId): void {
      over.add(host);
      tell();
    },
  };
};
