/**
 * Several chunk stores in one process: real files and keepers, a network of function calls whose hosts can be cut
 * off or slowed, one-host tables shared by all, and a ring whose live versions the test sets.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Chunks, openChunks } from '../../agent/chunk/chunks.ts';
import type { ChunkSettings } from '../../agent/chunk/settings.ts';
import type { Member, Members } from '../../agent/membership/port.ts';
import type { Bulk, BulkAnswer, BulkRequest, Rpc, RpcHandler } from '../../agent/peer/port.ts';
import type { OwnerSet, Ring, Syncer } from '../../agent/ring/port.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { steadyClock, steadyTimers } from '../fake/steady-time.ts';
import { type SharedTables, sharedTables } from './shared-tables.ts';

const hostId = (index: number): HostId => `12D3Koo${'ABCDEFGH'[index]?.repeat(45)}` as HostId;

interface Wire {
  readonly rpc: Map<string, RpcHandler>;
  readonly bulk: Map<string, Parameters<Bulk['serve']>[1]>;
}

export interface Version {
  readonly version: number;
  readonly hosts: readonly HostId[];
}

export interface TestHost {
  readonly id: HostId;
  readonly directory: string;
  readonly store: KeyValue;
  chunks: Chunks;
  syncers: Syncer[];
  /** Names of the chunk files on its disk. */
  files(): Promise<ChunkId[]>;
  /** Names of its fragments. */
  fragments(): Promise<string[]>;
  path(id: ChunkId): string;
  fragmentPath(name: string): string;
  /** What kill -9 leaves: files and store; the new process opens them. */
  restart(): Promise<void>;
}

export interface TestCluster extends AsyncDisposable {
  readonly hosts: readonly TestHost[];
  readonly tables: SharedTables;
  /** A host that is down does not answer, and gossip says so. */
  setDown(index: number, isDown: boolean): void;
  /** Their agents listen, and have not opened their chunks yet. */
  readonly starting: Set<HostId>;
  /** Off the roster. */
  readonly off: Set<HostId>;
  /** Called before each bulk request is handled; may wait or throw. */
  bulkHook: (to: HostId, request: { method: string; path: string; signal: AbortSignal }) => Promise<void>;
  /** What a line does to the body of an answer. */
  bulkBody: (from: HostId, body: Uint8Array) => Uint8Array;
  bulkCount: number;
  /** `FROM METHOD TO` of each request. */
  readonly rpcLog: string[];
  /** The same of those that were answered. */
  readonly answerLog: string[];
  /** The live versions as a host knows them, where it lags behind. */
  readonly layoutAt: Map<HostId, readonly Version[]>;
  setLayout(versions: readonly Version[]): void;
  /** Over all live versions. */
  owners(): readonly HostId[];
  host(index: number): TestHost;
}

const partitionCount = 16;

export const startCluster = async (
  count: number,
  options: {
    readonly owners?: number;
    readonly settings?: ChunkSettings | ((index: number) => ChunkSettings);
    /** Data directories of a host besides its own. */
    readonly moreDirectories?: (index: number) => readonly string[];
    /** The real network instead of function calls. */
    readonly peers?: readonly { readonly self: HostId; readonly rpc: Rpc; readonly bulk: Bulk }[];
  } = {},
): Promise<TestCluster> => {
  const root = await mkdtemp(join(tmpdir(), 'shoal-chunk-'));
  const runtime = {
    ...systemRuntime({ level: 'error', destination: { write: () => {} } }),
    ...{ clock: steadyClock, timers: steadyTimers },
  };
  const ids = Array.from({ length: count }, (_, index) => options.peers?.[index]?.self ?? hostId(index));
  const tables = sharedTables();
  const wires = new Map<HostId, Wire>();
  const down = new Set<HostId>();
  const listeners = new Set<() => void>();
  const memberListeners = new Set<(member: Member) => void>();
  /** Rows have owners of their own: of all references the last host that is up is the first of them, of chunks the first host. */
  const leads = (id: HostId): boolean => ids.findLast((each) => !down.has(each)) === id;
  let versions: readonly Version[] = [{ version: 1, hosts: ids.slice(0, options.owners ?? count) }];

  const reach = (from: HostId, to: HostId): Wire => {
    const wire = wires.get(to);
    if (!wire || down.has(to) || down.has(from)) throw new ShoalError('UNREACHABLE', `Cannot reach ${to}`);
    return wire;
  };
  const served = <T>(to: HostId, handler: T | undefined): T => {
    if (handler && !cluster.starting.has(to)) return handler;
    throw new ShoalError('NOT_IMPLEMENTED', `${to} does not serve that`);
  };
  const rpcOf = (self: HostId, wire: Wire): Rpc => ({
    self,
    async request(to, method, body, { signal } = {}) {
      cluster.rpcLog.push(`${self} ${method} ${to}`);
      const handler = served(to, reach(self, to).rpc.get(method));
      const answer = await handler(self, structuredClone(body), signal ?? new AbortController().signal);
      cluster.answerLog.push(`${self} ${method} ${to}`);
      return structuredClone(answer);
    },
    notify: () => {},
    handle: (method, handler) => void wire.rpc.set(method, handler),
  });
  const bulkOf = (self: HostId, wire: Wire): Bulk => ({
    async request(to, method, path, { headers = {}, body, signal = new AbortController().signal } = {}) {
      cluster.bulkCount += 1;
      signal.throwIfAborted();
      const slash = path.indexOf('/');
      const handler = served(to, reach(self, to).bulk.get(path.slice(0, slash)));
      await cluster.bulkHook(to, { method, path, signal });
      const request: BulkRequest = {
        from: self,
        method,
        path: path.slice(slash + 1),
        headers,
        signal,
        body: pieces(body),
      };
      const answer = await handler(request);
      const sent = await wholeOf(answer.body);
      signal.throwIfAborted();
      reach(self, to);
      return { headers: answer.headers ?? {}, body: pieces(sent && cluster.bulkBody(to, sent)) };
    },
    serve: (prefix, handler) => void wire.bulk.set(prefix, handler),
  });
  const ringOf = (self: HostId, syncers: Syncer[]): Ring => {
    const known = (): readonly Version[] => cluster.layoutAt.get(self) ?? versions;
    const ownerSets = (): OwnerSet[] =>
      known().map(({ version, hosts }) => ({
        layoutVersion: version,
        owners: hosts,
        quorum: Math.floor(hosts.length / 2) + 1,
      }));
    return {
      self,
      partitionCount,
      partitionOf: (key) => Number.parseInt(key.slice(0, 2), 16) % partitionCount,
      ownerSets,
      wideOwners: (_, width) =>
        known().map(({ version, hosts }) => ({
          layoutVersion: version,
          owners: hosts.slice(0, width),
          gone: [],
        })),
      owners: () => [...new Set(known().flatMap(({ hosts }) => hosts))],
      get newest() {
        return known().at(-1)?.version ?? 0;
      },
      life: 0,
      get oldest() {
        return known()[0]?.version ?? 0;
      },
      checkVersion(_from, version) {
        if (version < (known().at(-1)?.version ?? 0))
          throw new ShoalError('STALE_LAYOUT', `layout ${version} is old`);
      },
      addSyncer: (syncer) => void syncers.push(syncer),
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
  };
  const membersOf = (self: HostId): Members => ({
    self,
    list: () => ids.map((hostId) => ({ hostId, name: hostId, state: 'alive', incarnation: 1 })),
    get: () => undefined,
    isReachable: (host) => !down.has(host),
    onChange(listener) {
      memberListeners.add(listener);
      return () => memberListeners.delete(listener);
    },
  });

  const open = async (id: HostId, directory: string, store: KeyValue, syncers: Syncer[]): Promise<Chunks> => {
    const wire: Wire = { rpc: new Map(), bulk: new Map() };
    const peer = options.peers?.[ids.indexOf(id)];
    const chunks = await openChunks(
      {
        runtime,
        rpc: peer?.rpc ?? rpcOf(id, wire),
        bulk: peer?.bulk ?? bulkOf(id, wire),
        ring: ringOf(id, syncers),
        members: membersOf(id),
        tables: {
          ...tables,
          async *keysLed(table) {
            if (leads(id)) yield* tables.keysLed(table);
          },
        },
        keyValue: store,
        isOff: (host) => cluster.off.has(host),
        directories: [directory, ...(options.moreDirectories?.(ids.indexOf(id)) ?? [])],
      },
      {
        reserveBytes: 0,
        ...(typeof options.settings === 'function' ? options.settings(ids.indexOf(id)) : options.settings),
      },
    );
    wires.set(id, wire);
    chunks.start();
    return chunks;
  };

  const hosts: TestHost[] = [];
  const cluster: TestCluster = {
    hosts,
    tables,
    setDown(index, isDown) {
      const { id } = cluster.host(index);
      if (isDown) down.add(id);
      else down.delete(id);
      for (const listener of memberListeners)
        listener({ hostId: id, name: id, state: isDown ? 'dead' : 'alive', incarnation: 0 });
    },
    starting: new Set(),
    off: new Set(),
    bulkHook: async () => {},
    bulkBody: (_from, body) => body,
    bulkCount: 0,
    rpcLog: [],
    answerLog: [],
    layoutAt: new Map(),
    owners: () => versions.flatMap(({ hosts }) => hosts),
    setLayout(next) {
      versions = next;
      for (const listener of listeners) listener();
    },
    host(index) {
      const host = hosts[index];
      if (!host) throw new Error(`no host ${index}`);
      return host;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(hosts.map(({ chunks }) => chunks.stop()));
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  for (const id of ids) {
    const directory = join(root, id);
    const store = memoryKeyValue();
    const syncers: Syncer[] = [];
    const host: TestHost = {
      id,
      directory,
      store,
      syncers,
      chunks: await open(id, directory, store, syncers),
      async files() {
        const names = await readdir(join(directory, 'v1', 'chunk'), { recursive: true });
        return names
          .map((name) => name.slice(3))
          .filter((name) => name.length === 64)
          .sort() as ChunkId[];
      },
      async fragments() {
        const names = await readdir(join(directory, 'v1', 'fragment'), { recursive: true }).catch(() => []);
        return names
          .map((name) => name.slice(3))
          .filter((name) => name.length > 64)
          .sort();
      },
      fragmentPath: (name) => join(directory, 'v1', 'fragment', name.slice(0, 2), name),
      path: (chunk) => join(directory, 'v1', 'chunk', chunk.slice(0, 2), chunk),
      async restart() {
        await host.chunks.stop();
        host.syncers = [];
        host.chunks = await open(id, directory, store, host.syncers);
      },
    };
    hosts.push(host);
  }
  return cluster;
};

const wholeOf = async (body: BulkAnswer['body']): Promise<Uint8Array | undefined> => {
  if (!body || body instanceof Uint8Array) return body;
  const pieces: Uint8Array[] = [];
  // Each is the sender's again when the next is asked for.
  for await (const piece of body) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
};

async function* pieces(
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array, void> {
  if (body === undefined) return;
  if (!(body instanceof Uint8Array)) {
    yield* body;
    return;
  }
  const step = 256 * 1024;
  // Copies, as a network makes: sender and receiver share no buffer.
  for (let at = 0; at < body.length; at += step) yield Uint8Array.from(body.subarray(at, at + step));
}
