/** A whole cluster in the virtual world, whose hosts join, leave and lose their disks. */

import type { Judge } from '../../agent/chunk/port.ts';
import { codeOf } from '../../agent/chunk/stripe/name.ts';
import type { HostId } from '../../proto/ids.ts';
import { hourMs, secondMs } from '../../proto/units.ts';
import { rowKind } from './check/cluster.ts';
import { forkWatch } from './check/fork.ts';
import { fileOf, idOf, isReadable, keptOn } from './check/kept.ts';
import { type CopyWatch, settleWatch } from './check/settle.ts';
import { rosters } from './live-roster.ts';
import type { Harm } from './nemesis.ts';
import { fairWeather, type Network, network } from './network.ts';
import { type Node, node } from './node.ts';
import { operatorHarms } from './operator.ts';
import { type Prng, prng } from './prng.ts';
import { type ClusterHost, type ClusterParts, clusterHost } from './program/cluster-host.ts';
import type { World } from './world.ts';

export interface Cluster {
  readonly world: World;
  readonly network: Network;
  readonly nodes: Node<ClusterHost>[];
  readonly fork: ReturnType<typeof forkWatch>;
  join(id: HostId): void;
  /** For good, where that can lose nothing: false when it would. */
  remove(): boolean;
  /** For good, whatever is lost. */
  expel(victim: Node<ClusterHost>): void;
  /** Has everyone who is left heard that it is off the roster? */
  isOff(host: HostId): boolean;
  /** Takes its disk, likewise. */
  wipe(victim: Node<ClusterHost>): boolean;
  /** Nobody lies about content, and nothing that was said by one who did is on its way. */
  isHonest(): boolean;
  lie(host: Node<ClusterHost>, isLying: boolean): void;
  /** From now on no host and no disk is lost for good: there may be fewer copies than that could do without. */
  keepAll(): void;
}

/** A clock that is off by more: twenty seconds in a thousand. */
const driftNoted = 0.02;

const rosterSalt = 0x2057e2;
const batchSalt = 0xbad5ec7;
const pageRows = 10;
/** Longer than any request and its retries. */
const lieEchoMs = 20 * secondMs;

export const buildCluster = (
  world: World,
  ids: readonly HostId[],
  parts: ClusterParts,
  judge?: Judge,
  copying?: CopyWatch,
): Cluster => {
  const { random } = world;
  const [founder] = ids as [HostId];
  const settle = settleWatch(world.fail, copying);
  const fork = forkWatch(world.fail);
  const calm = { ...fairWeather, lossRate: random.pick([0, 0.01]), duplicateRate: random.pick([0, 0.02]) };
  const net = network(world, calm);
  const roster = rosters(world, net, founder, prng(world.seed ^ rosterSalt));
  const nodes: Node<ClusterHost>[] = [];
  const settled = new Set<HostId>();
  const removed = new Set<HostId>();
  const zones = random.pick([1, 1, 3]);
  const ring = { partitionBits: 3, deadRemoveMs: random.pick([hourMs, 10 * secondMs]) };
  const slowDisks = random.chance(0.3);
  let isKept = false;
  let lastLieMs = Number.NEGATIVE_INFINITY;

  /** So many of those who vote on the layout may be gone or have lost their disks at once (agent/ring/rebirth.ts). */
  const canLoseVoter = (victim: Node<ClusterHost>): boolean => {
    const rings = nodes.flatMap(({ program }) => program?.calls?.ring ?? []);
    const members = rings.find(({ newest }) => newest === fork.newest)?.describe().members ?? [];
    const knowing = new Set(rings.filter(({ isVoter }) => isVoter).map(({ self }) => self));
    const missing = members.filter(({ hostId }) => hostId !== victim.id && !knowing.has(hostId)).length;
    return missing + 1 <= Math.floor((Math.min(members.length, 7) - 1) / 2);
  };

  const isSafeToLose = (victim: Node<ClusterHost>): boolean =>
    !isKept &&
    nodes.every(({ program, paused }) => {
      const { tables, ring: own } = program?.calls ?? {};
      if (!tables || !own || paused || !tables.status().whole) return false;
      const partitions = Array.from({ length: own.partitionCount }, (_, partition) => partition);
      return partitions
        .flatMap((partition) => own.ownerSets(partition))
        .every(({ owners }) => owners.length >= 3 && !owners.some((id) => removed.has(id)));
    }) &&
    keptOn(victim.disk).every((name) => isReadable(without(nodes, victim), idOf(name)));

  const expel = (victim: Node<ClusterHost>): void => {
    world.tell('remove', victim.id);
    removed.add(victim.id);
    nodes.splice(nodes.indexOf(victim), 1);
    roster.remove(victim.id);
  };

  return {
    world,
    network: net,
    nodes,
    fork,
    isHonest: () => nodes.every(({ isLying }) => !isLying) && world.nowMs() - lastLieMs > lieEchoMs,
    lie(host, isLying) {
      host.isLying = isLying;
      lastLieMs = world.nowMs();
    },
    keepAll() {
      isKept = true;
    },
    wipe(victim) {
      if (!canLoseVoter(victim) || !isSafeToLose(victim)) return false;
      victim.crash();
      victim.disk.wipe();
      return true;
    },
    join(id) {
      if (id !== founder) world.fault('joined host');
      roster.add(id);
      const clockRate = random.between(0.95, 1.05);
      if (Math.abs(clockRate - 1) > driftNoted) world.fault('drifting clock');
      const each = node(
        { world, network: net },
        id,
        (host) =>
          clusterHost(host, {
            ...{
              everyone: ids,
              roster: roster.of(id),
              isFounder: id === founder,
              parts,
              ring,
              settle,
              judge,
            },
            zone: `z${ids.indexOf(id) % zones}`,
            life: { isFirst: !settled.has(id), ended: async () => void settled.add(id) },
            watch(level, message, fields) {
              const isBroken =
                message.includes('fork') ||
                message === 'a table operation failed' ||
                message.includes(' range');
              if (message === 'split a range') world.fault('split range');
              if (level === 'error' && isBroken)
                world.fail(new Error(`${id}: ${message} ${String(fields.error ?? '')}`));
            },
            changed(own) {
              world.tell(id, 'has layouts', own.oldest, 'to', own.newest);
              fork.look(id, own);
              settle.look(own);
            },
          }),
        {
          clockRate,
          syncMs: { min: 0.5, max: slowDisks ? 40 : 5 },
        },
      );
      nodes.push(each);
      each.start();
    },
    remove() {
      const victim = random.pick(nodes);
      if (nodes.length < 4 || !canLoseVoter(victim) || !isSafeToLose(victim)) return false;
      world.fault('removed host');
      expel(victim);
      return true;
    },
    expel,
    isOff: (host) => nodes.every(({ id }) => !roster.of(id).has(host)),
  };
};

/** Does somebody know a layout in which one host alone has what a partition holds? What it rots nobody can mend. */
const someStandAlone = (nodes: readonly Node<ClusterHost>[]): boolean =>
  nodes.some(({ program }) => {
    const ring = program?.calls?.ring;
    return (
      ring !== undefined &&
      Array.from({ length: ring.partitionCount }, (_, partition) => ring.ownerSets(partition))
        .flat()
        .some(({ owners }) => owners.length < 2)
    );
  });

/** The disks that are left without that host. */
const without = (nodes: readonly Node<ClusterHost>[], victim: Node<ClusterHost>) =>
  nodes.filter((other) => other !== victim).map(({ disk }) => disk);

/** Harm that only disks and clocks come to, and never so much at once that nobody could do without it. */
export const harms = ({ world, nodes, wipe, lie }: Cluster): Record<string, Harm> => {
  const random = world.random.fork();
  const batches = prng(world.seed ^ batchSalt);
  return {
    'lost disk'() {
      const victim = random.pick(nodes);
      if (!wipe(victim)) return undefined;
      return { what: `lost disk of ${victim.id}`, mend: () => victim.start() };
    },
    'bit rot'() {
      const victim = random.pick(nodes);
      const ids = keptOn(victim.disk).filter((name) => isReadable(without(nodes, victim), idOf(name)));
      if (ids.length === 0) return undefined;
      const id = random.pick(ids);
      // A copy beside it is of an owner of before, which drops it when it has heard that this one is good.
      if (someStandAlone(nodes)) return undefined;
      victim.disk.rot(fileOf(id), random.int(2 ** 16));
      // A bad batch of disks: others go with it, as long as it can be read without them. A stripe cannot do without so many.
      const others = codeOf(idOf(id)) ? [] : nodes.filter((each) => each !== victim);
      const also = others.flatMap((each) => {
        const name = keptOn(each.disk).find((kept) => idOf(kept) === idOf(id));
        if (!name || !batches.chance(0.4) || !isReadable(without(nodes, each), idOf(id))) return [];
        each.disk.rot(fileOf(name), batches.int(2 ** 16));
        return [each.id];
      });
      return { what: `bit rot of ${id.slice(0, 6)} on ${[victim.id, ...also].join(' ')}`, mend() {} };
    },
    lies() {
      const victim = random.pick(nodes);
      lie(victim, true);
      return { what: `${victim.id} lies about content`, mend: () => lie(victim, false) };
    },
    'full disk'() {
      const { id, disk } = random.pick(nodes);
      disk.full = true;
      const mend = (): void => {
        disk.full = false;
      };
      return { what: `full disk of ${id}`, mend };
    },
    'clock jump'() {
      const victim = random.pick(nodes);
      const byMs = Math.round(random.between(-1, 1) * random.pick([100, 10 * secondMs, 3 * hourMs]));
      victim.setClock(byMs);
      return { what: `clock of ${victim.id} wrong by ${byMs} ms`, mend: () => victim.setClock(0) };
    },
  };
};

/** A bit of some rows on one host is another one for a while, and nobody is told. */
export const rowHarms = ({ nodes }: Cluster, random: Prng): Record<string, Harm> => ({
  'rotten rows'() {
    const { id, program } = random.pick(nodes);
    const [from, to] = [Uint8Array.of(rowKind), Uint8Array.of(rowKind + 1)];
    const rows = [...(program?.calls?.tableStore.range({ from, to }) ?? [])];
    if (rows.length === 0) return undefined;
    // The store's own bytes. Of those that are replaced meanwhile nothing is left to mend.
    const flips = random.sample(rows, pageRows).map(({ value }) => {
      const [at, bit] = [random.int(value.length), 1 << random.int(8)];
      return (): void => {
        value[at] = (value[at] ?? 0) ^ bit;
      };
    });
    const flip = (): void => {
      for (const each of flips) each();
    };
    flip();
    return { what: `${flips.length} rotten rows on ${id}`, mend: flip };
  },
});

/** What people do to a cluster that runs: they change its layout, and upgrade its hosts one after the other. */
export const peopleHarms = ({ world, nodes, keepAll }: Cluster, random: Prng): Record<string, Harm> => {
  const wishes = operatorHarms({ world, nodes, random, ringOf: ({ program }) => program?.calls?.ring });
  return {
    ...wishes,
    replicas() {
      keepAll();
      return wishes.replicas?.();
    },
    'version skew'() {
      const victim = random.pick(nodes);
      victim.isNewer = true;
      const mend = (): void => {
        victim.isNewer = false;
      };
      return { what: `${victim.id} runs the next version`, mend };
    },
  };
};

/** Runs until nothing is wrong any more; gives what still is when the time is up. */
export const until = async (world: World, withinMs: number, wrong: () => string[]): Promise<string[]> => {
  const endMs = world.nowMs() + withinMs;
  while (wrong().length > 0 && world.nowMs() < endMs) await world.run(world.nowMs() + secondMs);
  return wrong();
};
