/**
 * The ring's hook: before a layout version counts as settled here, this host holds what it newly owns.
 *
 * Every acknowledged chunk is on a quorum of each older version's owners. A set of owners that meets every quorum
 * has `owners - quorum + 1` members; when so many have shown all their ids of a partition, none that was acknowledged
 * is unknown here. This host counts for itself, and so looks at its own ids too: of a stripe the new version may give it
 * other fragments than it has, and whoever else knows of it may be silent (split seed 180012). The round is repeated
 * until it ends without a gap.
 */
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import type { DataSize, OwnerSet, Partition, Ring, Syncer } from '../ring/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Compare } from './compare.ts';
import { digestsPerMessageMax, repairEveryMs, syncSliceMax } from './limits.ts';
import type { Repair } from './repair.ts';
import type { RepairQueue } from './repair-queue.ts';

interface Source {
  readonly partition: Partition;
  readonly sets: readonly OwnerSet[];
}

/**
 * How much is still to come. An owner lists its ids in order, and ids are hashes: the place of the last one listed
 * tells how far the list is, and so about how many it will be.
 */
const forecast = (repair: Pick<Repair, 'repairedBytes'>) => {
  const startBytes = repair.repairedBytes;
  let [lists, list, place] = [1, 0, 0];
  let [found, done] = [0, 0];
  return {
    /** One list an owner and batch of partitions. */
    begin(partitions: number): void {
      [lists, list, place] = [Math.ceil(partitions / digestsPerMessageMax), 0, 0];
      [found, done] = [0, 0];
    },
    listed(ids: readonly ChunkId[]): void {
      const next = Number.parseInt(ids.at(-1)?.slice(0, 12) ?? '0', 16) / 2 ** 48;
      if (next < place) list++;
      place = next;
      found += ids.length;
    },
    fetched(count: number): void {
      done += count;
    },
    left(): DataSize | undefined {
      const bytes = repair.repairedBytes - startBytes;
      if (done === 0) return found === 0 ? { rows: 0, bytes: 0 } : undefined;
      const chunks = (found * lists) / Math.max(list + place, 1e-6);
      return { rows: 0, bytes: Math.max(0, Math.round((chunks - done) * (bytes / done))) };
    },
  };
};

export const chunkSyncer = ({
  name,
  runtime,
  ring,
  compare,
  gaps,
  repair,
  queue,
  held,
}: {
  readonly name: string;
  readonly runtime: Pick<Runtime, 'timers' | 'log'>;
  readonly ring: Ring;
  readonly compare: Compare;
  /** What this host has a part of, and should have more of; ascending. Default none. */
  gaps?(): AsyncIterable<ChunkId>;
  readonly repair: Repair;
  readonly queue: RepairQueue;
  held(): DataSize;
}): Syncer => {
  let running: ReturnType<typeof forecast> | undefined;

  /** Partitions of `layoutVersion` here, with the older live versions that hold their content. */
  const sources = (layoutVersion: number): Source[] => {
    const found: Source[] = [];
    for (let partition = 0; partition < ring.partitionCount; partition++) {
      const sets = ring.ownerSets(partition);
      const wanted = sets.find((set) => set.layoutVersion === layoutVersion);
      const older = sets.filter((set) => set.layoutVersion < layoutVersion);
      if (wanted?.owners.includes(ring.self) && older.length > 0) found.push({ partition, sets: older });
    }
    return found;
  };

  /** Of what this host knows itself. */
  const fetchOwn = async (
    wanted: readonly Source[],
    fetch: (ids: readonly ChunkId[]) => Promise<void>,
  ): Promise<void> => {
    if (!gaps) return;
    running?.begin(1);
    const partitions = new Set(wanted.map(({ partition }) => partition));
    let page: ChunkId[] = [];
    for await (const id of gaps()) {
      if (partitions.has(ring.partitionOf(id))) page.push(id);
      if (page.length < syncSliceMax) continue;
      await fetch(page);
      page = [];
    }
    await fetch(page);
  };

  /** Undefined: all is here. Otherwise why not yet. */
  const round = async (layoutVersion: number, signal: AbortSignal): Promise<string | undefined> => {
    const wanted = sources(layoutVersion);
    const byHost = new Map<HostId, Partition[]>();
    for (const { partition, sets } of wanted)
      for (const host of new Set(sets.flatMap(({ owners }) => owners)))
        if (host !== ring.self) {
          const partitions = byHost.get(host) ?? [];
          byHost.set(host, partitions);
          partitions.push(partition);
        }

    let later = 0;
    const answered = new Set<HostId>([ring.self]);
    const fetch = async (ids: readonly ChunkId[]): Promise<void> => {
      running?.listed(ids);
      for (let at = 0; at < ids.length; at += syncSliceMax) {
        const slice = ids.slice(at, at + syncSliceMax);
        const outcomes = await repair.mend(slice, signal);
        const lost = slice.filter((id) => outcomes.get(id) === 'lost');
        // Its owner lists it and cannot read it: no reason to hold the layout up for ever, one to show in `status`.
        if (lost.length > 0) await queue.add(lost, 'missing');
        later += slice.filter((id) => outcomes.get(id) === 'later').length;
        running?.fetched(slice.length);
      }
    };
    await fetchOwn(wanted, fetch);
    for (const [host, partitions] of byHost)
      try {
        running?.begin(partitions.length);
        await compare(host, partitions, fetch, signal);
        answered.add(host);
      } catch (thrown) {
        signal.throwIfAborted();
        runtime.log.info('an owner could not be compared with', { host, thrown });
      }
    if (later > 0) return `${later} chunks could not be fetched`;
    const open = wanted.filter(({ sets }) =>
      sets.some(
        ({ owners, quorum }) =>
          owners.filter((host) => answered.has(host)).length < owners.length - quorum + 1,
      ),
    );
    return open.length > 0 ? `${open.length} partitions have too few owners that answer` : undefined;
  };

  return {
    name,
    held,
    progress: () => running?.left(),
    async sync(layoutVersion, signal) {
      running = forecast(repair);
      try {
        for (;;) {
          signal.throwIfAborted();
          if (layoutVersion > ring.newest)
            throw new ShoalError(
              'BAD_REQUEST',
              `Cannot sync layout ${layoutVersion}: ${ring.newest} is the newest`,
            );
          const gap = await round(layoutVersion, signal);
          if (gap === undefined) return;
          runtime.log.info('chunks of the new layout are not all here yet', { layoutVersion, gap });
          await runtime.timers.sleep(repairEveryMs, signal);
        }
      } finally {
        running = undefined;
      }
    },
  };
};
