/**
 * Partition keys of one table that have rows, each at one host of its owners: the first that seems to be there, by this host's opinion.
 * For a moment it may be two, or none. Others' groups are passed over, in turns.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Timers } from '../runtime/ports.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { justAfter, partitionOfGroup } from './keys.ts';
import type { Leaders } from './leaders.ts';
import { listGroups } from './row-store.ts';

export async function* keysLed(
  {
    self,
    leaders,
    keyValue,
    timers,
  }: {
    readonly self: HostId;
    readonly leaders: Pick<Leaders, 'of'>;
    readonly keyValue: KeyValueReader;
    readonly timers: Pick<Timers, 'sleep'>;
  },
  table: string,
): AsyncGenerator<string, void> {
  for (let from: Uint8Array | undefined; ; ) {
    const groups = listGroups(keyValue, from);
    for (const { key, record } of groups) {
      if (record.table !== table || record.rows === 0) continue;
      if (leaders.of({ partition: partitionOfGroup(key) }) === self) yield record.partitionKey;
    }
    const last = groups.at(-1);
    if (!last) return;
    from = justAfter(last.key);
    await timers.sleep(1);
  }
}
