/**
 * Finds what another owner holds and this host lacks: first digests of the partitions, then the ids of those that
 * differ. The cost is proportional to the partitions that differ, not to what is held.
 */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { Ask } from './ask.ts';
import type { Census } from './census.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { digestsPerMessageMax } from './limits.ts';

export type Compare = (
  peer: HostId,
  partitions: readonly Partition[],
  /** At most a message's worth at a time; the walk waits for it. */
  lacking: (ids: readonly ChunkId[]) => Promise<void>,
  signal: AbortSignal,
) => Promise<void>;

export const compareWith =
  ({
    ask,
    census,
    files,
  }: {
    readonly ask: Ask;
    readonly census: Census;
    readonly files: ChunkFiles;
  }): Compare =>
  async (peer, partitions, lacking, signal) => {
    const digestOf = await census.digests(true);
    for (let at = 0; at < partitions.length; at += digestsPerMessageMax) {
      const digests = partitions
        .slice(at, at + digestsPerMessageMax)
        .map((partition): [number, string] => [partition, digestOf(partition)]);
      const differ = (await ask(peer, 'differ', { digests, fresh: at === 0 }, signal)).partitions;
      if (differ.length === 0) continue;
      for (let after: ChunkId | null = null, more = true; more; ) {
        const page: { ids: ChunkId[]; more: boolean } = await ask(
          peer,
          'list',
          { partitions: differ, after },
          signal,
        );
        const here = await Promise.all(page.ids.map((id) => files.has(id)));
        const absent = page.ids.filter((_, index) => !here[index]);
        if (absent.length > 0) await lacking(absent);
        after = page.ids.at(-1) ?? null;
        more = page.more && after !== null;
      }
    }
  };

/**
 * For each other owner the partitions that it and this host own together, in the oldest live version. What a newer
 * one adds is the sync's to fetch: once, and not at all while an operator holds it.
 */
export const sharedPartitions = (ring: Ring): Map<HostId, Partition[]> => {
  const shared = new Map<HostId, Partition[]>();
  for (let partition = 0; partition < ring.partitionCount; partition++) {
    const owners = ring.ownerSets(partition)[0]?.owners ?? [];
    if (!owners.includes(ring.self)) continue;
    for (const host of owners) {
      if (host === ring.self) continue;
      const partitions = shared.get(host) ?? [];
      shared.set(host, partitions);
      partitions.push(partition);
    }
  }
  return shared;
};
