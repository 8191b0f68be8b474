/** Copies of rows from another owner, merged into those of this host. */
import { ShoalError } from '../../proto/error.ts';
import type { NamedRow } from '../../proto/message/row.ts';
import { checkCopy } from '../register/trust.ts';
import type { Partition } from '../ring/port.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { fenceOf, isFenceTable } from './fence.ts';
import { encodeSortKey, type Place } from './keys.ts';
import { copyAheadMsMax, valueBytesMax } from './limits.ts';
import type { OwnerWorld } from './owner.ts';
import { mergeRow } from './row.ts';
import { readRow, writeRow } from './row-store.ts';

/** Merges copies from another owner in one transaction. */
export const mergeRows = async (
  world: Pick<OwnerWorld, 'keyValue' | 'findPlace' | 'clock' | 'floorOf' | 'cutoffs' | 'splits'>,
  partition: Partition,
  rows: readonly NamedRow[],
  how: 'copy' | 'adopted' = 'copy',
): Promise<{ readonly refused: number[] }> => {
  const placed = rows.map((row) => {
    const place = world.findPlace(row.table, row.partitionKey);
    if (place.partition !== partition)
      throw new ShoalError(
        'BAD_REQUEST',
        `Cannot take a row of table "${row.table}" into partition ${partition}: it belongs to ${place.partition}`,
      );
    const wallMs = world.clock.wallMs();
    if (row.state.kind === 'register') checkCopy(row.state.accepted, wallMs);
    else if (row.state.stamp.wallMs - wallMs > copyAheadMsMax)
      throw new ShoalError(
        'BAD_REQUEST',
        `Cannot take a row of table "${row.table}": its stamp is of no time`,
      );
    checkBytes(row.state.kind === 'lww' ? row.state.value : (row.state.accepted?.value ?? null));
    return { place, sortKey: encodeSortKey(row.sortKey), state: row.state };
  });
  return world.keyValue.transact((writer) => {
    const refused: number[] = [];
    const floor = world.floorOf(writer, partition);
    const isDropped = droppedGroups(world, writer);
    for (const [index, { place, sortKey, state }] of placed.entries()) {
      // What was dropped here stays dropped, whoever still has it.
      if (state.kind === 'lww' && isDropped(place)) continue;
      const old = readRow(writer, place, sortKey);
      if (old && old.state.kind !== state.kind) throw wrongKind(place.table);
      const merged = mergeRow(old?.state, state, floor);
      if (merged.kind === 'taken' && state.kind === 'lww') {
        const verdict = world.cutoffs.judge(writer, place, state.stamp.wallMs, how);
        if (verdict === 'gone') continue;
        if (verdict === 'refused')
          throw new ShoalError('BUSY', `Cannot take copies for partition ${partition} while it is collected`);
      }
      if (merged.kind === 'taken') writeRow(writer, place, sortKey, old, merged.state);
      if (merged.kind === 'refused') refused.push(index);
    }
    return { refused };
  });
};

/** One look for all rows of a group, and none where groups do not split. */
const droppedGroups = (
  { findPlace, splits }: Pick<OwnerWorld, 'findPlace' | 'splits'>,
  reader: KeyValueReader,
): ((place: Place) => boolean) => {
  const known = new Map<Place, boolean>();
  return (place) => {
    if (isFenceTable(place.table) || !splits(place.table)) return false;
    const isGone = known.get(place) ?? fenceOf(reader, findPlace, place) === 'gone';
    known.set(place, isGone);
    return isGone;
  };
};

export const rowBytes = ({ table, partitionKey, sortKey, state }: NamedRow): number => {
  const value = state.kind === 'lww' ? state.value : state.accepted?.value;
  return 256 + table.length + partitionKey.length + sortKey.length + (value?.length ?? 0);
};

export const checkBytes = (value: Uint8Array | null): void => {
  if (value && value.length > valueBytesMax)
    throw new ShoalError(
      'TOO_LARGE',
      `Cannot store a row of ${value.length} bytes: it has at most ${valueBytesMax}`,
    );
};

export const wrongKind = (table: string): ShoalError =>
  new ShoalError(
    'BAD_REQUEST',
    `Cannot use table "${table}" as rows and as registers: it is opened as one of them on all hosts`,
  );
