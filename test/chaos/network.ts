/**
 * A network of its own for each host: a namespace, a pair of virtual cables into one bridge. The runner sits on the
 * bridge as well and reaches every host whatever is cut between them. Needs root and iproute2, nothing else.
 *
 *     host-1 [eth0] ──┐
 *     host-2 [eth0] ──┼── bridge ── runner (.254)
 *     host-3 [eth0] ──┘
 *
 * A cut is a wrong neighbour: the sender's own table says that the receiver's address lies behind a card that is not
 * there, so what it sends goes nowhere, silently, as behind a broken switch. One direction at a time. All names
 * begin with the run's own prefix, and nothing else on the machine is touched.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Place {
  readonly address: string;
  readonly port: number;
  /** Before the program's own words: where it runs. */
  readonly prefix: readonly string[];
}

export interface TestNetwork {
  /** How links are made slow here; undefined: they cannot be. */
  readonly slowing: string | undefined;
  readonly canCut: boolean;
  addHost(index: number): Promise<Place>;
  removeHost(index: number): Promise<void>;
  /** Nothing that `from` sends arrives at `to` any more. */
  cut(from: number, to: number): Promise<void>;
  mend(from: number, to: number): Promise<void>;
  slow(index: number): Promise<void>;
  fast(index: number): Promise<void>;
  close(): Promise<void>;
}

const ip = (...words: readonly string[]) => run('ip', words);
/** A locally administered address that no card has. */
const nowhere = '02:de:ad:00:00:01';
const portOf = 9_700;

/** netem delays and loses; where the kernel has none, a thin pipe makes everything wait in line. */
const slowings = [
  ['netem', 'delay', '80ms', '40ms', 'loss', '2%'],
  ['tbf', 'rate', '3mbit', 'burst', '32kbit', 'latency', '300ms'],
] as const;

/** The end of a dead parent is the end of its agents, too. */
export const withParent = existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'KILL'] : [];

export const namespacesMissing = async (): Promise<string | undefined> => {
  if (process.getuid?.() !== 0) return 'it needs root';
  const name = `shoal-try-${process.pid}`;
  try {
    await ip('netns', 'add', name);
    await ip('netns', 'del', name);
    return undefined;
  } catch {
    return 'this machine makes no network namespaces';
  }
};

/** A /24 of 10.0.0.0/8 that no route of this machine knows. */
const freeSubnet = async (): Promise<string> => {
  const { stdout } = await ip('-4', 'route', 'show');
  for (let at = 0; at < 250; at++) {
    const subnet = `10.${200 + (process.pid % 50)}.${(process.pid + at) % 250}`;
    if (!stdout.includes(`${subnet}.`)) return subnet;
  }
  throw new Error('Cannot find a free subnet for the hosts');
};

/** What a runner left that was killed: names of this kind whose process is gone. */
const sweep = async (): Promise<void> => {
  const isGone = (name: string): boolean => {
    const pid = /^sc(\d+)(?:-\d+|br)$/.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  const spaces = (await ip('netns', 'list')).stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
  for (const name of spaces.filter(isGone)) await ip('netns', 'del', name).catch(() => {});
  const links = (await ip('-o', 'link', 'show', 'type', 'bridge')).stdout.split('\n');
  const bridges = links.map((line) => line.split(': ')[1] ?? '');
  for (const name of bridges.filter(isGone)) await ip('link', 'del', name).catch(() => {});
};

export const openNamespaces = async (): Promise<TestNetwork> => {
  await sweep();
  const tag = `sc${process.pid}`;
  const bridge = `${tag}br`;
  const subnet = await freeSubnet();
  const hosts = new Set<number>();
  const cuts = new Set<string>();
  const space = (index: number): string => `${tag}-${index}`;
  const cableOf = (index: number): string => `${tag}h${index}`;
  const addressOf = (index: number): string => `${subnet}.${index}`;
  let slowing: (typeof slowings)[number] | undefined;

  await ip('link', 'add', bridge, 'type', 'bridge');
  await ip('addr', 'add', `${subnet}.254/24`, 'dev', bridge);
  await ip('link', 'set', bridge, 'up');

  const network: TestNetwork = {
    canCut: true,
    get slowing() {
      return slowing?.join(' ');
    },
    async addHost(index) {
      const name = space(index);
      const cable = cableOf(index);
      await ip('netns', 'add', name);
      hosts.add(index);
      await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      await ip('link', 'set', cable, 'master', bridge, 'up');
      await ip('-n', name, 'link', 'set', 'lo', 'up');
      await ip('-n', name, 'addr', 'add', `${addressOf(index)}/24`, 'dev', 'eth0');
      await ip('-n', name, 'link', 'set', 'eth0', 'up');
      if (hosts.size === 1) {
        for (const candidate of slowings) {
          const works = await run('ip', [
            'netns',
            'exec',
            name,
            'tc',
            'qdisc',
            'replace',
            'dev',
            'eth0',
            'root',
            ...candidate,
          ]).then(
            () => true,
            () => false,
          );
          if (!works) continue;
          slowing = candidate;
          await network.fast(index);
          break;
        }
      }
      return {
        address: addressOf(index),
        port: portOf,
        prefix: ['ip', 'netns', 'exec', name, ...withParent],
      };
    },
    async removeHost(index) {
      hosts.delete(index);
      for (const pair of cuts) if (pair.split(' ').includes(String(index))) cuts.delete(pair);
      // The kernel ends a namespace in its own time, and its cable with it; the next run wants the name at once.
      await ip('link', 'del', cableOf(index)).catch(() => {});
      await ip('netns', 'del', space(index));
    },
    async cut(from, to) {
      cuts.add(`${from} ${to}`);
      await ip(
        '-n',
        space(from),
        'neigh',
        'replace',
        addressOf(to),
        'lladdr',
        nowhere,
        'dev',
        'eth0',
        'nud',
        'permanent',
      );
    },
    async mend(from, to) {
      if (!cuts.delete(`${from} ${to}`)) return;
      await ip('-n', space(from), 'neigh', 'del', addressOf(to), 'dev', 'eth0');
    },
    async slow(index) {
      if (slowing)
        await run('ip', [
          'netns',
          'exec',
          space(index),
          'tc',
          'qdisc',
          'replace',
          'dev',
          'eth0',
          'root',
          ...slowing,
        ]);
    },
    async fast(index) {
      await run('ip', ['netns', 'exec', space(index), 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root']).catch(
        () => {},
      );
    },
    async close() {
      for (const index of [...hosts]) await network.removeHost(index).catch(() => {});
      await ip('link', 'del', bridge).catch(() => {});
    },
  };
  return network;
};

/** Without root: all hosts on 127.0.0.1, links stay whole. */
export const openLoopback = (port: number): TestNetwork => ({
  canCut: false,
  slowing: undefined,
  addHost: async (index) => ({ address: '127.0.0.1', port: port + 10 * index, prefix: withParent }),
  removeHost: async () => {},
  cut: async () => {},
  mend: async () => {},
  slow: async () => {},
  fast: async () => {},
  close: async () => {},
});
