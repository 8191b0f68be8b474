/**
 * What is here, per partition, as a digest: XOR of the ids (already uniform, so no hash is needed), and how many.
 * Two owners that hold the same chunks of a partition have the same digest, whatever order they came in.
 *
 * It is taken from the names on disk, not kept beside them: an index can differ from the disk, a walk cannot. The
 * walk costs a second for a million chunks; the messages of one comparison share one.
 */
import type { ChunkId } from '../../proto/ids.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { Clock } from '../runtime/ports.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { censusAgeMs, idsPerMessageMax } from './limits.ts';

const idBytes = 32;
const emptyDigest = toHex(new Uint8Array(idBytes));

export interface Census {
  /**
   * Hex; `emptyDigest` for a partition without chunks. `fresh`: taken after the call, so that whatever was
   * acknowledged before it is counted; else at most `censusAgeMs` old.
   */
  digests(fresh: boolean): Promise<(partition: Partition) => string>;
  /** Ids in these partitions, ascending after `after`; straight from the disk. */
  page(
    partitions: ReadonlySet<Partition>,
    after: ChunkId | undefined,
  ): Promise<{ readonly ids: ChunkId[]; readonly more: boolean }>;
}

export const census = ({
  clock,
  files,
  ring,
}: {
  readonly clock: Clock;
  readonly files: Pick<ChunkFiles, 'list'>;
  readonly ring: Ring;
}): Census => {
  let taken: { readonly atMs: number; readonly sums: Promise<Map<Partition, Uint8Array>> } | undefined;

  const take = async (): Promise<Map<Partition, Uint8Array>> => {
    const sums = new Map<Partition, Uint8Array>();
    for await (const id of files.list()) {
      const partition = ring.partitionOf(id);
      const sum = sums.get(partition) ?? new Uint8Array(idBytes);
      fromHex(id).forEach((byte, index) => {
        sum[index] = (sum[index] ?? 0) ^ byte;
      });
      sums.set(partition, sum);
    }
    return sums;
  };

  return {
    async digests(fresh) {
      const nowMs = clock.monotonicMs();
      if (fresh || !taken || nowMs - taken.atMs > censusAgeMs) taken = { atMs: nowMs, sums: take() };
      const sums = await taken.sums;
      return (partition) => {
        const sum = sums.get(partition);
        return sum ? toHex(sum) : emptyDigest;
      };
    },
    async page(partitions, after) {
      const ids: ChunkId[] = [];
      for await (const id of files.list(after)) {
        if (!partitions.has(ring.partitionOf(id))) continue;
        if (ids.length === idsPerMessageMax) return { ids, more: true };
        ids.push(id);
      }
      return { ids, more: false };
    },
  };
};
