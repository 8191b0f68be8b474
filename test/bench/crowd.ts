/**
 * What a large cluster costs an agent that nobody asks: one of three agents, alone and among 1,000 members that probe
 * it, tell it their loads and are probed and told by it, each over a connection of its own (crowd-member.ts).
 *
 * The agents are of a rehearsal, which probe twice as often as hosts of a network. The members are put on the roster by hand, while the agents are down: a thousand joins would say nothing more.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { portsOf, readConfig } from '../../agent/compose/host-config.ts';
import { readClusterFile, writeClusterFile } from '../../agent/peer/cluster-file.ts';
import { openHostKey } from '../../agent/peer/host-key.ts';
import { readRoster, writeRoster } from '../../agent/peer/roster-file.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { MiB, minuteMs, secondMs } from '../../proto/units.ts';
import { until } from '../until.ts';
import { type Cluster, startCluster } from './cluster.ts';
import type { BenchOptions } from './main.ts';
import { printTable, round } from './table.ts';

/** An idle agent's hundredths of seconds are too few to count in less. */
const secondsMin = 60;
const crowdUpMs = 20 * minuteMs;

const seedOf = (directory: string): string => {
  const { address, hostId, ...config } = readConfig(directory);
  return `/ip4/${address}/tcp/${portsOf(config).peer}/p2p/${hostId}`;
};

/** One roster for all, on every disk. Where the members' directories are. */
const enrol = async ({ directories }: Cluster, count: number): Promise<string> => {
  const [first = ''] = directories;
  const cluster = await readClusterFile(first);
  if (!cluster) throw new Error(`${first} belongs to no cluster`);
  const crowd = join(first, '..', 'crowd');
  const { state } = await readRoster(first, cluster.clusterId as ClusterId);
  const members = new Map(state.members);
  const all = [...directories];
  for (let number = 0; number < count; number++) {
    const own = join(crowd, `member-${number}`);
    await mkdir(own, { recursive: true });
    const { hostId } = await openHostKey(own);
    await writeClusterFile(own, cluster);
    const added = { addedAtMs: 0, addedBy: cluster.founder as HostId, expiresAtMs: null };
    members.set(hostId, { hostId, name: `member-${number}`, ...added });
    all.push(own);
  }
  for (const directory of all) {
    const { hostId } = await openHostKey(directory);
    await writeRoster(directory, { host: hostId, base: { ...state, members }, steps: [], vote: null });
  }
  return crowd;
};

const startCrowd = async (directory: string, seeds: readonly string[]): Promise<Disposable> => {
  const child = fork(join(import.meta.dirname, 'crowd-member.ts'), [directory, ...seeds]);
  await once(child, 'message');
  return { [Symbol.dispose]: () => child.disconnect() };
};

const measure = async (cluster: Cluster, seconds: number): Promise<{ cpu: number; resident: number }> => {
  await sleep(minuteMs);
  const before = await cluster.cpuSeconds();
  await sleep(seconds * secondMs);
  return {
    cpu: ((await cluster.cpuSeconds()) - before) / seconds,
    resident: await cluster.residentBytes(),
  };
};

export const benchCrowd = async (options: BenchOptions): Promise<void> => {
  const seconds = Math.max(options.seconds, secondsMin);
  await using cluster = await startCluster();
  const alone = await measure(cluster, seconds);
  await cluster.shoal('dev', 'down');
  const directory = await enrol(cluster, options.members);
  const starting = Promise.all([1, 2, 3].map((host) => cluster.shoal('dev', 'start', `shoal-${host}`)));
  using _crowd = await startCrowd(directory, cluster.directories.map(seedOf));
  await starting;
  await until(
    'the first host has all alive',
    async () => {
      await sleep(secondMs);
      const hosts: { state: string }[] = JSON.parse(await cluster.shoal('host', 'list', '--output', 'json'));
      return hosts.filter(({ state }) => state === 'alive').length === options.members + 3;
    },
    crowdUpMs,
  );
  const among = await measure(cluster, seconds);
  const row = (name: string, { cpu, resident }: typeof alone): string[] => [
    name,
    `${round(100 * cpu)} %`,
    `${round(resident / MiB)} MiB`,
  ];
  printTable(
    ['an idle agent of three', 'CPU', 'memory (RSS)'],
    [
      row('alone', alone),
      row(`among ${options.members} members`, among),
      row('a member adds', {
        cpu: (among.cpu - alone.cpu) / options.members,
        resident: (among.resident - alone.resident) / options.members,
      }),
    ],
  );
};
