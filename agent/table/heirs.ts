/**
 * Heirs of a range that was split, and the collection of tombstones around them. Rows that move are older than what was collected
 * in the partition that they come to, so at first no cutoff counts for an heir: copies of any age are taken, nothing of it is
 * dropped. Once no copier is let in, the next round of collection that comes to its end makes it a group like any other: all
 * owners hold the same of it then. Each of them notes that in the transaction in which its cutoff rises.
 */
import type { HostId } from '../../proto/ids.ts';
import type { NamedGroup } from '../../proto/message/row.ts';
import { growingHeirsMax } from '../../proto/message/table.ts';
import type { Partition } from '../ring/port.ts';
import type { KeyValueReader, KeyValueWriter } from '../store/key-value.ts';
import { fenceKeys, isFenceTable, lookAtFence } from './fence.ts';
import { type FindPlace, groupKey, isHeir, justAfter, type Place, partitionOfGroup } from './keys.ts';
import { listGroups, readRow, writeRow } from './row-store.ts';

/** False of all groups but heirs, at no cost. */
export const isGrowing = (
  reader: KeyValueReader,
  findPlace: FindPlace,
  of: Pick<Place, 'table' | 'partitionKey'>,
): boolean => isHeir(of.partitionKey) && !lookAtFence(reader, findPlace, of).has('grown');

/** Those of a partition that no copier reaches any more, by their fences. `rest` gives others a turn. */
export const heirsToGrow = async (
  { keyValue, findPlace }: { readonly keyValue: KeyValueReader; readonly findPlace: FindPlace },
  partition: Partition,
  rest: () => Promise<void>,
): Promise<readonly NamedGroup[]> => {
  const heirs: NamedGroup[] = [];
  for (let from = groupKey(partition, new Uint8Array()); ; ) {
    const groups = listGroups(keyValue, from);
    for (const { key, record } of groups) {
      if (partitionOfGroup(key) !== partition || heirs.length === growingHeirsMax) return heirs;
      const { table, partitionKey } = record;
      if (!isFenceTable(table) || !isHeir(partitionKey)) continue;
      const fence = lookAtFence(keyValue, findPlace, record);
      if (fence.has('born') && !fence.has('grown') && !fence.has('gone')) heirs.push({ table, partitionKey });
    }
    const last = groups.at(-1);
    if (!last) return heirs;
    from = justAfter(last.key);
    await rest();
  }
};

/** A row like any other, so that later owners have it: the same at all who ended that round. */
export const grow = (
  writer: KeyValueWriter,
  findPlace: FindPlace,
  heirs: readonly NamedGroup[],
  round: { readonly wallMs: number; readonly by: HostId },
): void => {
  for (const { table, partitionKey } of heirs) {
    const fence = findPlace(table, partitionKey);
    if (readRow(writer, fence, fenceKeys.grown)) continue;
    writeRow(writer, fence, fenceKeys.grown, undefined, {
      ...{ kind: 'lww', weight: 0, value: Uint8Array.of(1) },
      stamp: { wallMs: round.wallMs, count: 0, host: round.by },
    });
  }
};
