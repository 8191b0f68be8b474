/** Takes what a partition's registers hold under older ballots under a newer one: see `rebirth.ts`. */
import { type Ballot, compareBallots, maxBallot } from '../register/ballot.ts';
import type { Partition } from '../ring/port.ts';
import type { KeyValue, KeyValueWriter } from '../store/key-value.ts';
import {
  afterPrefix,
  digest,
  digestBytes,
  encodeSortKey,
  type FindPlace,
  justAfter,
  rowKeyHeadBytes,
  rowName,
  rowsPrefix,
} from './keys.ts';
import { restampRowsMax } from './limits.ts';
import { readByDigest, readRow, writeRow } from './row-store.ts';

/** Names of rows from a key on, and where to go on. */
const namesFrom = (writer: KeyValueWriter, from: Uint8Array, to: Uint8Array | undefined) => {
  const names: { readonly group: Uint8Array; readonly sortKey: Uint8Array }[] = [];
  let next: Uint8Array | undefined;
  for (const { key } of writer.range({ from, ...(to && { to }), limit: restampRowsMax })) {
    const kept = Uint8Array.from(key);
    names.push({
      group: kept.subarray(rowKeyHeadBytes - digestBytes, rowKeyHeadBytes),
      sortKey: kept.subarray(rowKeyHeadBytes),
    });
    next = justAfter(kept);
  }
  return { names, next: names.length < restampRowsMax ? undefined : next };
};

export const restamp = async (
  { keyValue, findPlace }: { readonly keyValue: KeyValue; readonly findPlace: FindPlace },
  partition: Partition,
  ballot: Ballot,
): Promise<void> => {
  const to = afterPrefix(rowsPrefix(partition));
  for (let from: Uint8Array | undefined = rowsPrefix(partition); from; ) {
    const start: Uint8Array = from;
    from = await keyValue.transact((writer) => {
      const { names, next } = namesFrom(writer, start, to);
      for (const { group, sortKey } of names) {
        const named = readByDigest(writer, partition, digest(rowName(group, sortKey)));
        if (named?.state.kind !== 'register' || !named.state.accepted) continue;
        const { promised, accepted } = named.state;
        if (compareBallots(accepted.ballot, ballot) >= 0) continue;
        const place = findPlace(named.table, named.partitionKey);
        const key = encodeSortKey(named.sortKey);
        const state = {
          kind: 'register' as const,
          promised: maxBallot(promised, ballot),
          accepted: { ...accepted, ballot },
        };
        writeRow(writer, place, key, readRow(writer, place, key), state);
      }
      return next;
    });
  }
};
