/**
 * What a host holds when it says that it has copied its share of a layout: all that was acknowledged before the copy began.
 * The disks and stores of all hosts are looked at, whatever each of them answers.
 */
import { codeOf } from '../../../agent/chunk/stripe/name.ts';
import { compareBallots } from '../../../agent/register/ballot.ts';
import type { OwnRing } from '../../../agent/ring/open-ring.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { readCutoff } from '../../../agent/table/cutoff.ts';
import { afterPrefix, rowsPrefix } from '../../../agent/table/keys.ts';
import { compareLww, decodeRow, isLive } from '../../../agent/table/row.ts';
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import type { RowState } from '../../../proto/message/row.ts';
import type { Disk } from '../disk.ts';
import { dueIn, fileOf } from './kept.ts';
import type { CopyWatch } from './settle.ts';

/** Of a copy that another part of the host has just made the name may not be on disk yet. @param used acknowledged and not released */
export const chunksCopied =
  (used: () => ReadonlySet<ChunkId>, diskOf: (host: HostId) => Disk | undefined): CopyWatch =>
  (ring, syncer, version) => {
    // Who lost its disk where nothing settles has nobody to wait for: it is mended like any other gap.
    if (syncer === 'table' || ring.oldest === version) return () => undefined;
    const before = used();
    return () => {
      const disk = diskOf(ring.self);
      const lacking = [...before.intersection(used())].filter(
        (id) =>
          syncer === (codeOf(id) ? 'stripe' : 'chunk') &&
          dueIn(ring, id, version, ring.self).some((name) => disk && !disk.read(fileOf(name))),
      );
      return lacking.length > 0 ? `chunks ${lacking.map((id) => id.slice(0, 6)).join(' ')}` : undefined;
    };
  };

type Rows = ReadonlyMap<string, RowState>;

/** But for those of which only a promise is there. */
const rowsOf = (store: KeyValue, partition: number): Rows => {
  const from = rowsPrefix(partition);
  const to = afterPrefix(from);
  const rows = new Map<string, RowState>();
  for (const { key, value } of store.range({ from, ...(to && { to }) })) {
    // Of bytes of its own: the store's may rot while the copy is made.
    const { state } = decodeRow(Uint8Array.from(value));
    if (state.kind === 'lww' || state.accepted) rows.set(Buffer.from(key).toString('latin1'), state);
  }
  return rows;
};

const isOlder = (a: RowState, b: RowState): boolean => {
  if (a.kind === 'lww') return b.kind !== 'lww' || compareLww(a, b) < 0;
  const [mine, other] = [a.accepted?.ballot, b.kind === 'register' ? b.accepted?.ballot : undefined];
  return mine !== undefined && other !== undefined && compareBallots(mine, other) < 0;
};

/** What any quorum of these owners shows, of what was there when it was asked. */
const shownBy = (owners: readonly Rows[], quorum: number): Rows => {
  const shown = new Map<string, RowState>();
  for (const key of new Set(owners.flatMap((rows) => [...rows.keys()]))) {
    const versions = owners.flatMap((rows) => rows.get(key) ?? []).sort((a, b) => (isOlder(a, b) ? 1 : -1));
    const [least] = versions.slice(quorum - 1);
    if (least) shown.set(key, least);
  }
  return shown;
};

export const rowsCopied =
  (storeOf: (host: HostId) => KeyValue | undefined): CopyWatch =>
  (ring: OwnRing, syncer, version) => {
    if (syncer !== 'table') return () => undefined;
    const due = Array.from({ length: ring.partitionCount }, (_, partition) => {
      const sets = ring.ownerSets(partition);
      const isMine = sets.some((set) => set.layoutVersion === version && set.owners.includes(ring.self));
      const older = isMine ? sets.filter((set) => set.layoutVersion < version) : [];
      return older.map(({ owners }) => {
        const stores = owners.flatMap((host) => storeOf(host) ?? []);
        const quorum = Math.floor(owners.length / 2) + 1;
        return shownBy(
          stores.map((store) => rowsOf(store, partition)),
          quorum,
        );
      });
    });
    return () => {
      const store = storeOf(ring.self);
      const lacking = due.flatMap((sets, partition) => {
        if (!store || sets.every((rows) => rows.size === 0)) return [];
        const own = rowsOf(store, partition);
        const { cutoff } = readCutoff(store, partition);
        return sets.flatMap((rows) =>
          [...rows].filter(([key, state]) => {
            const held = own.get(key);
            if (held) return isOlder(held, state);
            return isLive(state) && !(state.kind === 'lww' && state.stamp.wallMs <= cutoff);
          }),
        );
      });
      return lacking.length > 0
        ? `${lacking.length} rows, one of them ${JSON.stringify(lacking[0]?.[1])}`
        : undefined;
    };
  };
