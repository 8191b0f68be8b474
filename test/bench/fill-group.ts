/** Rows of a group that are not there yet, written into the store of one host as if they had been put through the cluster long ago. */
import type { Ring } from '../../agent/ring/port.ts';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { encodeSortKey, placeFinder } from '../../agent/table/keys.ts';
import { readRow, writeRow } from '../../agent/table/row-store.ts';
import { codec } from '../../proto/codec.ts';
import type { HostId } from '../../proto/ids.ts';

export interface Filling {
  readonly table: string;
  readonly partitionKey: string;
  /** Rows [from, to). */
  readonly from: number;
  readonly to: number;
  /** Each so manieth of them. Default 1. */
  readonly step?: number;
  readonly bytes: number;
  /** Whose stamp they bear: the same on each host, or the hosts would heal each other. */
  readonly writer: HostId;
}

export const rowNameOf = (index: number): string => `photos/2026/${String(index).padStart(9, '0')}.jpg`;

export const fillGroup = async (
  { ring, rows }: { readonly ring: Pick<Ring, 'partitionOf' | 'partitionCount'>; readonly rows: KeyValue },
  { table, partitionKey, from, to, step = 1, bytes, writer: host }: Filling,
): Promise<null> => {
  const place = placeFinder(ring)(table, partitionKey);
  const value = codec<unknown>(table).encode({ bytes: Buffer.alloc(bytes, 'x') });
  const stamp = { wallMs: 1_700_000_000_000, count: 0, host };
  await rows.transact((writer) => {
    for (let index = from; index < to; index += step) {
      const sortKey = encodeSortKey(rowNameOf(index));
      if (readRow(writer, place, sortKey)) continue;
      writeRow(writer, place, sortKey, undefined, { kind: 'lww', stamp, weight: bytes, value });
    }
  });
  return null;
};
