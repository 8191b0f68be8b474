/**
 * The owner's side: each operation on the rows of this host. Whatever it answers as done is on disk before.
 * All of them may come twice, late or out of order: puts and copies merge, acceptors recognise a repeated request.
 */

import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { NamedRow } from '../../proto/message/row.ts';
import type { AnswerOf, Operation } from '../../proto/message/table.ts';
import type { Stamp } from '../../proto/stamp.ts';
import { handleRequest } from '../register/acceptor.ts';
import { type Ballot, compareBallots, sameBallot } from '../register/ballot.ts';
import { checkOneValue, checkRequest } from '../register/trust.ts';
import type { Partition } from '../ring/port.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import type { KeyValue, KeyValueReader } from '../store/key-value.ts';
import { checkCompanion, companionsOf, withCompanions } from './companions.ts';
import { type Cutoffs, type News, readCutoff, settleFence } from './cutoff.ts';
import { checkFence, isFenceTable } from './fence.ts';
import { isGrowing } from './heirs.ts';
import { encodeSortKey, type FindPlace, isHeir, type Place } from './keys.ts';
import { highestPromise, noteLife, raiseFloor, readFloor, readLives } from './life-notes.ts';
import { answerBytesMax, copyAheadMsMax, leafRowsMax, stampAheadMsMax } from './limits.ts';
import { checkBytes, mergeRows, rowBytes, wrongKind } from './merge-rows.ts';
import { acceptorOf, compareLww, type LwwState } from './row.ts';
import { readByDigest, readGroup, readRow, scanGroup, scanLeaf, writeRow } from './row-store.ts';
import { healRoot } from './tombstones.ts';
import { childrenOf } from './tree.ts';

export interface OwnerWorld {
  readonly keyValue: KeyValue;
  readonly findPlace: FindPlace;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly log: Log;
  /** A stamp of another host lies too far in this host's future: one of the two clocks is wrong. */
  refusedStamp(from: HostId, aheadMs: number): void;
  /** Throws BUSY while this host may have lost rows of the partition that it once vouched for. */
  checkWhole(partition: Partition): void;
  /** What is promised for all registers of the partition; null while this host copies what it lost. */
  floorOf(reader: KeyValueReader, partition: Partition): Ballot | null;
  readonly cutoffs: Cutoffs;
  /** May groups of the table be split? */
  splits(table: string): boolean;
  /** Tombstones of the partition may be dropped now. */
  collected(partition: Partition): void;
}

type Handled = Exclude<Operation['do'], 'change' | 'reconcile'>;
export type Owner = { [Name in Handled]: (ask: Operation<Name>, from: HostId) => Answer<Name> };
type Answer<Name extends Handled> = AnswerOf<Name> | Promise<AnswerOf<Name>>;

export const owner = (world: OwnerWorld): Owner => {
  const { keyValue, findPlace } = world;

  const wholePlace = (ask: Pick<Place, 'table' | 'partitionKey' | 'expects'>): Place => {
    const place = findPlace(ask.table, ask.partitionKey);
    world.checkWhole(place.partition);
    checkFence(keyValue, findPlace, ask);
    return place;
  };

  const checkStamp = (table: string, { wallMs }: Stamp, isRepair: boolean, from: HostId): void => {
    const aheadMs = wallMs - world.clock.wallMs();
    const aheadMsMax = isRepair ? copyAheadMsMax : stampAheadMsMax;
    if (aheadMs <= aheadMsMax) return;
    world.refusedStamp(from, aheadMs);
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot take a write of table "${table}": its stamp is ${aheadMs} ms ahead of this host's clock, ` +
        `at most ${aheadMsMax} are taken; set the clocks of both hosts`,
    );
  };

  /** False: it says that a row is gone that is gone. Throws BUSY for what comes too late to be told from what is gone. */
  const isNews = (
    writer: KeyValueReader,
    { place, state }: { readonly place: Place; readonly state: LwwState },
    held: LwwState | undefined,
    how: News,
  ): boolean => {
    const verdict = world.cutoffs.judge(writer, place, state.stamp.wallMs, how);
    if (verdict === 'taken') return true;
    if (verdict === 'gone' && !held && state.value === null) return false;
    throw new ShoalError(
      'BUSY',
      `Cannot take a write of table "${place.table}": it was stamped before deleted rows were collected, write it anew`,
    );
  };

  return {
    get(ask) {
      const place = wholePlace(ask);
      const stored = readRow(keyValue, place, encodeSortKey(ask.sortKey));
      const { cutoff, fence } = readCutoff(keyValue, place.partition);
      const head = {
        wallMs: world.clock.wallMs(),
        ...(cutoff > 0 && !isGrowing(keyValue, findPlace, place) && { cutoff }),
        ...((fence || cutoff > 0) && { closed: Math.max(cutoff, fence?.upTo ?? 0) }),
      };
      if (!stored) return { ...head, row: null };
      const { mark, state } = stored;
      if (state.kind !== 'lww') throw wrongKind(ask.table);
      const { stamp } = state;
      if (!ask.value) return { ...head, row: { mark, stamp } };
      if (!ask.companions || !state.brings) return { ...head, row: { mark, stamp, state } };
      const along = companionsOf(findPlace, keyValue, ask.partitionKey, state);
      return { ...head, row: { mark, stamp, state }, along };
    },

    put(ask, from) {
      const { table, partitionKey, sortKey, stamp, weight, value, repair, along = [] } = ask;
      const brings = along.map((companion) => ({ table: companion.table, sortKey: companion.sortKey }));
      const state: LwwState = {
        ...{ kind: 'lww', stamp, weight, value },
        ...(brings.length > 0 && { brings }),
      };
      const placed = [...along, { table, sortKey, state }].map((row) => {
        checkBytes(row.state.value);
        return { ...row, place: findPlace(row.table, partitionKey), key: encodeSortKey(row.sortKey) };
      });
      const main = placed.at(-1)?.place;
      // A fence may be among what this host lost.
      if (ask.expects && main) world.checkWhole(main.partition);
      const expecting = main && { ...main, ...(ask.expects && { expects: ask.expects }) };
      for (const each of placed)
        if (expecting && each.place !== main) checkCompanion(expecting, sortKey, each.place, each.sortKey);
      const how = ask.expects === 'unborn' ? 'moved' : repair ? 'repair' : 'put';
      return keyValue.transact((writer) => {
        checkFence(writer, findPlace, ask);
        let answer: AnswerOf<'put'> = { kind: 'held' };
        // Companions are written whatever becomes of the row itself: what came later in its place does not bring them.
        for (const row of placed) {
          const old = readRow(writer, row.place, row.key);
          if (old && old.state.kind !== 'lww') throw wrongKind(row.table);
          const held = old?.state as LwwState | undefined;
          const order = held ? compareLww(row.state, held) : 1;
          // Going above a stamp from the future is the cure for it, so only a stamp that leads is judged.
          if (order >= 0 && (!held || held.stamp.wallMs < row.state.stamp.wallMs))
            checkStamp(row.table, row.state.stamp, repair, from);
          if (order > 0 && isNews(writer, row, held, how))
            writeRow(writer, row.place, row.key, old, row.state);
          answer = held && order < 0 ? { kind: 'newer', stamp: held.stamp } : { kind: 'held' };
        }
        return answer;
      });
    },

    register(ask, from) {
      const place = wholePlace(ask);
      const sortKey = encodeSortKey(ask.sortKey);
      const { request } = ask;
      checkRequest(from, request, world.clock.wallMs());
      if (request.kind === 'accept') checkBytes(request.accepted.value);
      if (request.kind === 'read')
        return handleRequest(acceptorOf(readRow(keyValue, place, sortKey)?.state), request).reply;
      return keyValue.transact((writer) => {
        const old = readRow(writer, place, sortKey);
        if (old && old.state.kind !== 'register') throw wrongKind(ask.table);
        const before = acceptorOf(old?.state, world.floorOf(writer, place.partition));
        checkOneValue(before, request);
        const { state, reply } = handleRequest(before, request);
        if (state !== before) writeRow(writer, place, sortKey, old, { kind: 'register', ...state });
        return reply;
      });
    },

    recall({ partition, life, ballot }, from) {
      world.checkWhole(partition);
      checkRequest(from, { kind: 'prepare', ballot }, world.clock.wallMs());
      return keyValue.transact((writer) => {
        const isNoted = readLives(writer)[from] === life && sameBallot(readFloor(writer, partition), ballot);
        if (isNoted) return { promised: null };
        const promised = highestPromise(writer, partition);
        if (promised && compareBallots(promised, ballot) >= 0) return { promised };
        noteLife(writer, from, life);
        raiseFloor(writer, partition, ballot);
        return { promised: null };
      });
    },

    cutoff({ partition }, from) {
      world.checkWhole(partition);
      world.cutoffs.check(partition, from);
      return { cutoff: readCutoff(keyValue, partition).cutoff };
    },

    async collect({ partition, state, fence }, by) {
      world.checkWhole(partition);
      for (const { table, partitionKey } of fence?.grows ?? [])
        if (
          !isFenceTable(table) ||
          !isHeir(partitionKey) ||
          findPlace(table, partitionKey).partition !== partition
        )
          throw new ShoalError(
            'BAD_REQUEST',
            `Cannot collect partition ${partition}: "${table}" has no heir ${JSON.stringify(partitionKey)} there`,
          );
      const { hasRisen, stands } = await keyValue.transact((writer) => ({
        hasRisen: settleFence(writer, findPlace, partition, state),
        // A fence in the future would keep out what is new: whoever asks for it has a wild clock, or means harm.
        stands:
          fence === null ||
          (fence.upTo <= world.clock.wallMs() &&
            world.cutoffs.fence(writer, partition, state.epoch, { ...fence, by })),
      }));
      if (hasRisen) world.collected(partition);
      return { wallMs: world.clock.wallMs(), stands };
    },

    range(ask) {
      const place = wholePlace(ask);
      const { digest } = readGroup(keyValue, place);
      const scan = scanGroup(keyValue, place, ask);
      // A commit that another thread has just ended may show between the two.
      const isStill = Buffer.compare(readGroup(keyValue, place).digest, digest) === 0;
      return isStill ? { ...scan, digest } : scan;
    },

    tally(ask) {
      const { rows, weight, digest } = readGroup(keyValue, wholePlace(ask));
      return { rows, weight, digest };
    },

    roots({ partitions, digests }, from) {
      if (digests.length !== partitions.length * 16)
        throw new ShoalError('BAD_REQUEST', 'Cannot compare: one digest of 16 bytes for each partition');
      // Who copies from here, or counts this host as copied from, must not take a hole for all there is.
      for (const partition of partitions) {
        world.checkWhole(partition);
        world.cutoffs.check(partition, from);
      }
      return partitions.filter(
        (partition, index) =>
          Buffer.compare(healRoot(keyValue, partition), digests.subarray(index * 16, index * 16 + 16)) !== 0,
      );
    },

    nodes: ({ partition, level, index }) => childrenOf(keyValue, partition, level, index),

    leaf({ partition, leaf, after }) {
      const { rows, complete } = scanLeaf(keyValue, partition, leaf, after, leafRowsMax);
      const parts = [...rows].flatMap(([key, mark]) => [Buffer.from(key, 'latin1'), mark]);
      return { rows: Buffer.concat(parts), complete };
    },

    fetch({ partition, keys }) {
      const rows: NamedRow[] = [];
      let [taken, bytes] = [0, 0];
      for (const key of keys) {
        if (bytes >= answerBytesMax) break;
        taken++;
        const row = readByDigest(keyValue, partition, key);
        if (!row) continue;
        for (const each of withCompanions(findPlace, keyValue, row)) {
          rows.push(each);
          bytes += rowBytes(each);
        }
      }
      return { rows, taken };
    },

    push({ partition, rows }) {
      return mergeRows(world, partition, rows);
    },
  };
};
