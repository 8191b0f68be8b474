/** Some hosts with real tables, in one process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Clock, Log, Runtime } from '../../agent/runtime/ports.ts';
import { systemChance } from '../../agent/runtime/system/chance.ts';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { openKeyValue } from '../../agent/store/lmdb-key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import type { CollectSettings } from '../../agent/table/collector.ts';
import { type OpenTables, openTables } from '../../agent/table/tables.ts';
import type { HostId } from '../../proto/ids.ts';
import { steadyClock, steadyTimers } from '../fake/steady-time.ts';
import { until as untilSo } from '../until.ts';
import {
  type Layouts,
  layouts,
  type Network,
  network,
  type TestMembers,
  type TestRing,
  testMembers,
  testRing,
} from './network.ts';

const quiet: Log = {
  debug: (message, fields) => process.env.TABLE_LOG && console.error(message, fields),
  info: () => {},
  warn: () => {},
  error: (message, fields) => console.error(message, fields),
  with: () => quiet,
};

export interface TestHost {
  readonly id: HostId;
  tables: OpenTables;
  ring: TestRing;
  members: TestMembers;
  keyValue: KeyValue;
  /** Added to the wall clock. */
  skewMs: number;
}

export interface Cluster {
  readonly net: Network;
  readonly layouts: Layouts;
  readonly hosts: readonly TestHost[];
  /** Refuses connections; the others' membership still believes in it, unless told. */
  kill(host: TestHost, options?: { readonly noticed?: boolean }): Promise<void>;
  /** Starts again, with its disk or with an empty one. */
  restart(host: TestHost, options?: { readonly emptyDisk?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterOptions extends CollectSettings {
  readonly hosts?: number;
  /** How many of them are in layout version 1. Default all. */
  readonly owners?: number;
  readonly store?: 'memory' | 'lmdb';
  readonly compareEveryMs?: number;
  /** A range with more rows splits, where its table says so. */
  readonly splitRows?: number;
  readonly closeRowsMax?: number;
}

export const hostId = (index: number): HostId =>
  `12D3Koo${String.fromCharCode(65 + index).repeat(45)}` as HostId;

export const cluster = async (t: ExecutionContext, options: ClusterOptions = {}): Promise<Cluster> => {
  const ids = Array.from({ length: options.hosts ?? 3 }, (_, index) => hostId(index));
  const net = network();
  const all = layouts([{ version: 1, hosts: ids.slice(0, options.owners ?? ids.length) }]);
  const folder = mkdtempSync(join(tmpdir(), 'shoal-table-'));
  const disks = new Map<HostId, number>();

  const openStore = (id: HostId): KeyValue =>
    options.store === 'lmdb'
      ? openKeyValue({ directory: join(folder, id, String(disks.get(id) ?? 0)) })
      : memoryKeyValue();

  const begin = (host: TestHost): void => {
    const clock: Clock = {
      wallMs: () => steadyClock.wallMs() + host.skewMs,
      monotonicMs: steadyClock.monotonicMs,
    };
    const runtime: Runtime = { clock, timers: steadyTimers, chance: systemChance, log: quiet };
    host.ring = testRing(host.id, all, 16, disks.get(host.id) ?? 0);
    host.tables = openTables(
      {
        ...{ runtime, rpc: net.rpc(host.id), ring: host.ring, members: host.members },
        keyValue: sub(host.keyValue, 'table'),
      },
      { ...options, compareEveryMs: options.compareEveryMs ?? 50, lookMs: 20 },
    );
    host.tables.start();
  };

  const hosts = ids.map((id): TestHost => {
    const host = {
      id,
      skewMs: 0,
      keyValue: openStore(id),
      members: testMembers(id, ids),
    } as unknown as TestHost;
    return host;
  });
  for (const host of hosts) begin(host);
  await until(() => hosts.every((host) => host.tables.status().whole));

  const running = new Set(hosts);
  const self: Cluster = {
    ...{ net, layouts: all, hosts },
    async kill(host, { noticed = false } = {}) {
      net.kill(host.id);
      running.delete(host);
      await host.tables.stop();
      if (noticed) for (const other of hosts) other.members.set(host.id, 'dead');
    },
    async restart(host, { emptyDisk = false } = {}) {
      if (emptyDisk) {
        await host.keyValue.close();
        disks.set(host.id, (disks.get(host.id) ?? 0) + 1);
        host.keyValue = openStore(host.id);
      } else if (options.store === 'lmdb') {
        await host.keyValue.close();
        host.keyValue = openStore(host.id);
      }
      net.revive(host.id);
      running.add(host);
      begin(host);
      for (const other of hosts) other.members.set(host.id, 'alive');
    },
    async stop() {
      net.silent.clear();
      for (const host of running) await host.tables.stop();
      for (const host of hosts) await host.keyValue.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  t.teardown(self.stop);
  return self;
};

/** Waits for a state, which its own text names. */
export const until = (state: () => boolean | Promise<boolean>): Promise<boolean> =>
  untilSo(String(state), state);
