/** Partition keys of one table that have rows on this host, which owns them or did once. Others' groups are passed over, in turns. */
import type { Timers } from '../runtime/ports.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { justAfter } from './keys.ts';
import { listGroups } from './row-store.ts';

export async function* keysHere(
  { keyValue, timers }: { readonly keyValue: KeyValueReader; readonly timers: Pick<Timers, 'sleep'> },
  table: string,
): AsyncGenerator<string, void> {
  for (let from: Uint8Array | undefined; ; ) {
    const groups = listGroups(keyValue, from);
    for (const { record } of groups) if (record.table === table && record.rows > 0) yield record.partitionKey;
    const last = groups.at(-1);
    if (!last) return;
    from = justAfter(last.key);
    await timers.sleep(1);
  }
}
