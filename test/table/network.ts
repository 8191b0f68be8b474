/** Hosts in one process: an rpc that can lose, delay and double messages and cut links, and a ring that stands still. */
import { createHash } from 'node:crypto';
import { Packr } from 'msgpackr';
import type { Member, MemberCard, Members } from '../../agent/membership/port.ts';
import type { Rpc, RpcHandler } from '../../agent/peer/port.ts';
import type { OwnerSet, Ring, Syncer } from '../../agent/ring/port.ts';
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { steadyTimers } from '../fake/steady-time.ts';

const packr = new Packr({ useRecords: false });
/** What the wire makes of it: nothing is shared with the sender. */
const travel = <T>(value: T): T => packr.unpack(packr.pack(value)) as T;

export interface Weather {
  /** Each message waits up to this long. */
  delayMs: number;
  /** Share of messages (requests and answers) that are lost. */
  loss: number;
  /** Share of requests that arrive twice. */
  doubles: number;
}

export interface Network {
  readonly weather: Weather;
  rpc(host: HostId): Rpc;
  /** Requests to and from this host fail at once, as with a refused connection; messages under way are lost. */
  kill(host: HostId): void;
  revive(host: HostId): void;
  /** Neither takes nor gives anything while it is in here, as a stopped process or a link that lost its packets. */
  readonly silent: Set<HostId>;
  /** Requests that arrived, by host. */
  readonly requests: Map<HostId, number>;
  /** Looks at each request before it is delivered; may throw what the receiver shall seem to throw. */
  onRequest: (to: HostId, body: unknown) => void;
  /** What a request waits for before it is delivered. */
  hold: (from: HostId, to: HostId, body: unknown) => Promise<void> | undefined;
}

const { sleep } = steadyTimers;

export const network = (random: () => number = Math.random): Network => {
  const handlers = new Map<HostId, Map<string, RpcHandler>>();
  const down = new Set<HostId>();
  const self: Network = {
    weather: { delayMs: 0, loss: 0, doubles: 0 },
    silent: new Set(),
    requests: new Map(),
    onRequest: () => {},
    hold: () => undefined,
    kill: (host) => void down.add(host),
    revive: (host) => void down.delete(host),
    rpc(from) {
      const own = new Map<string, RpcHandler>();
      handlers.set(from, own);
      const deliver = async (to: HostId, method: string, body: unknown): Promise<unknown> => {
        if (self.weather.delayMs > 0) await sleep(random() * self.weather.delayMs);
        if (down.has(to) || down.has(from)) throw unreachable(to);
        while (self.silent.has(to) || self.silent.has(from)) await sleep(5);
        if (random() < self.weather.loss) return never();
        await self.hold(from, to, body);
        self.requests.set(to, (self.requests.get(to) ?? 0) + 1);
        self.onRequest(to, body);
        const handler = handlers.get(to)?.get(method);
        if (!handler) throw unreachable(to);
        const signal = new AbortController().signal;
        if (random() < self.weather.doubles)
          void Promise.resolve(handler(from, travel(body), signal)).catch(() => {});
        const answer = await Promise.resolve(handler(from, travel(body), signal)).catch((thrown: unknown) => {
          const { code, message } = asShoalError(thrown);
          throw new ShoalError(code, message);
        });
        if (self.weather.delayMs > 0) await sleep(random() * self.weather.delayMs);
        while (self.silent.has(to) || self.silent.has(from)) await sleep(5);
        if (down.has(to) || down.has(from)) throw unreachable(to);
        return random() < self.weather.loss ? never() : travel(answer);
      };
      return {
        self: from,
        handle: (method, handler) => void own.set(method, handler),
        notify: (to, method, body) => void deliver(to, method, body).catch(() => {}),
        request(to, method, body, { timeoutMs = 5_000 } = {}) {
          if (to === from) throw new Error('a request to oneself needs no network');
          const { promise: late, reject } = Promise.withResolvers<never>();
          const cancel = steadyTimers.after(timeoutMs, () =>
            reject(new ShoalError('TIMEOUT', `Host ${to} did not answer in ${timeoutMs} ms`)),
          );
          return Promise.race([deliver(to, method, body), late]).finally(cancel);
        },
      };
    },
  };
  return self;
};

const never = (): Promise<never> => new Promise(() => {});
const unreachable = (to: HostId): ShoalError => new ShoalError('UNREACHABLE', `Host ${to} is not there`);

/** Layout versions that a test sets by hand; shared by all hosts of the test, as if gossip took no time. */
export interface Layouts {
  versions: { readonly version: number; readonly hosts: readonly HostId[]; readonly replicas?: number }[];
  readonly listeners: Set<() => void>;
  set(versions: Layouts['versions']): void;
}

export const layouts = (versions: Layouts['versions']): Layouts => {
  const self: Layouts = {
    versions,
    listeners: new Set(),
    set(next) {
      self.versions = next;
      for (const listener of [...self.listeners]) listener();
    },
  };
  return self;
};

export interface TestRing extends Ring {
  readonly syncers: Syncer[];
}

export const testRing = (self: HostId, all: Layouts, partitionCount = 16, life = 0): TestRing => {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  const rank = (partition: number, host: HostId): Buffer => hash(`${partition} ${host}`);
  const ranked = (partition: number, hosts: readonly HostId[]): HostId[] =>
    [...hosts].sort((a, b) => Buffer.compare(rank(partition, a), rank(partition, b)));
  const ownerSets = (partition: number): OwnerSet[] =>
    all.versions.map(({ version, hosts, replicas = 3 }) => {
      const owners = ranked(partition, hosts).slice(0, replicas);
      return { layoutVersion: version, owners, quorum: Math.floor(owners.length / 2) + 1 };
    });
  const syncers: Syncer[] = [];
  return {
    self,
    partitionCount,
    syncers,
    life,
    partitionOf: (key) => hash(key).readUInt16BE() % partitionCount,
    ownerSets,
    wideOwners: (partition, width) =>
      all.versions.map(({ version, hosts }) => ({
        layoutVersion: version,
        owners: ranked(partition, hosts).slice(0, width),
        gone: [],
      })),
    owners: (partition) => [...new Set(ownerSets(partition).flatMap(({ owners }) => owners))],
    get newest() {
      return all.versions.at(-1)?.version ?? 0;
    },
    get oldest() {
      return all.versions[0]?.version ?? 0;
    },
    checkVersion(_from, version) {
      const oldest = all.versions[0]?.version ?? 0;
      if (version < oldest)
        throw new ShoalError(
          'STALE_LAYOUT',
          `Layout ${version} is no longer served, ${oldest} is the oldest`,
        );
    },
    addSyncer: (syncer) => void syncers.push(syncer),
    onChange(listener) {
      all.listeners.add(listener);
      return () => void all.listeners.delete(listener);
    },
  };
};

/** What gossip says, as the test wants it. */
export interface TestMembers extends Members {
  /** `version`: as its card says; absent: it has told no card. */
  set(host: HostId, state: Member['state'], version?: string): void;
}

const cardOf = (name: string, version: string): MemberCard => ({
  ...{ name, zone: 'default', peerAddresses: [], bulkAddress: '127.0.0.1:1', apiUrl: 'http://127.0.0.1:2' },
  ...{ s3Url: null, capacityBytes: 0, version },
});

export const testMembers = (self: HostId, hosts: readonly HostId[]): TestMembers => {
  const members = new Map<HostId, Member>(
    hosts.map((hostId) => [hostId, { hostId, name: hostId, state: 'alive', incarnation: 0 }]),
  );
  const listeners = new Set<(member: Member) => void>();
  return {
    self,
    list: () => [...members.values()],
    get: (host) => members.get(host),
    isReachable: (host) => ['alive', 'suspect', 'draining'].includes(members.get(host)?.state ?? 'dead'),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(hostId, state, version) {
      const card = version === undefined ? {} : { card: cardOf(hostId, version) };
      const member = { hostId, name: hostId, state, incarnation: 0, ...card };
      members.set(hostId, member);
      for (const listener of listeners) listener(member);
    },
  };
};
