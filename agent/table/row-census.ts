/**
 * About how many rows are on this host, tombstones included: from some of its partitions, and in those from the
 * first rows in the order of their digests. Both are uniform, so a few thousand keys tell it within some percent.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Partition, Ring } from '../ring/port.ts';
import type { Clock } from '../runtime/ports.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { digestBytes, indexKey, indexKeyHeadBytes } from './keys.ts';
import { censusAgeMs, censusPartitionsMax, censusRowsMax } from './limits.ts';

const lowest = new Uint8Array(digestBytes);
const highest = new Uint8Array(digestBytes + 1).fill(0xff);

const rowsIn = (reader: KeyValueReader, partition: Partition): number => {
  const range = { from: indexKey(partition, lowest), to: indexKey(partition, highest), limit: censusRowsMax };
  let rows = 0;
  let last = 0;
  for (const { key } of reader.range(range)) {
    rows++;
    last = Buffer.from(key).readUInt32BE(indexKeyHeadBytes);
  }
  return rows < censusRowsMax ? rows : rows / ((last + 1) / 2 ** 32);
};

export const rowCensus = (world: {
  readonly self: HostId;
  readonly ring: Pick<Ring, 'partitionCount' | 'owners'>;
  readonly keyValue: KeyValueReader;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}): (() => number) => {
  const { self, ring, keyValue, clock } = world;
  let taken = { atMs: Number.NEGATIVE_INFINITY, rows: 0 };
  return () => {
    const atMs = clock.monotonicMs();
    if (atMs - taken.atMs < censusAgeMs) return taken.rows;
    const owned = Array.from({ length: ring.partitionCount }, (_, partition) => partition).filter(
      (partition) => ring.owners(partition).includes(self),
    );
    const step = Math.max(1, owned.length / censusPartitionsMax);
    const sample: Partition[] = [];
    for (let at = 0; at < owned.length; at += step) sample.push(owned[Math.floor(at)] ?? 0);
    const rows = sample.reduce((sum, partition) => sum + rowsIn(keyValue, partition), 0);
    taken = { atMs, rows: sample.length === 0 ? 0 : Math.round((rows * owned.length) / sample.length) };
    return taken.rows;
  };
};
