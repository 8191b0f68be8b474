/**
 * Rows where the last writer wins: the coordinator's side, on whatever host was asked.
 *
 *   put   stamps and clocks of a quorum in each set ── a stamp above them ── all owners ── a quorum has it on disk ── done
 *   get   a quorum in each set ── newest wins ── a quorum does not hold it yet: write it back first ── answer
 *
 * Any two quorums of a set share an owner, so a put meets the stamp of every put that was acknowledged before it
 * began and goes above it, whatever the clocks say; and a get meets it as well. The write-back keeps a later
 * read from seeing less than this one (Attiya, Bar-Noy, Dolev 1995).
 *
 * The time in a stamp is the earliest of the writer's clock and those of the owners that answered: one right clock
 * among them and it is not from the future. A writer that went by its own clock alone, and that was wild, would keep on
 * its own disk what all other owners refuse; found there later, that would outdo what was acknowledged meanwhile. A clock
 * that lags does no harm, for the stamp is above what a quorum holds anyway.
 *
 * A put has one stamp and keeps it, over newer layouts as well. To save the first round it could guess a stamp and
 * take a higher one where an owner holds a newer; but what it left on the others may have been read by then, and
 * the row would show its value, that of a later put, and its value again. An owner that holds a newer stamp when the
 * put comes has met one that ran beside it: as if it came a moment later, and so this one counts as done.
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { alongMax } from '../../proto/message/row.ts';
import { nextStamp, type Stamp } from '../../proto/stamp.ts';
import { checkCompanion } from './companions.ts';
import { encodeSortKey, groupOf, type Place } from './keys.ts';
import { clockSetBackMsMin, rowBytesMax } from './limits.ts';
import { readPage } from './pages.ts';
import type { Companion, RowSchema, Rows } from './port.ts';
import { countRanges, digestRanges, walkRanges } from './range-walk.ts';
import type { Router } from './ranges.ts';
import { askHeld, type Coordinator, type Held, readLww } from './read-row.ts';
import { digestGroup, tallyGroup } from './tally.ts';
import { withView } from './view.ts';

/** `seen`: what the new stamp has to be above. */
type StampSource = (nowMs: number, seen: Stamp | undefined) => Stamp;

/**
 * Stamps of this host, no two alike, at the time that it is said to be. A stamp from ahead of that time rules its own row only: it is gone
 * above, but not carried over to other rows, or one broken clock would end up in every stamp of the cluster.
 *
 * Where the time was ahead and is set right, stamps follow it back: else every owner would refuse this host's writes for
 * as long as it was ahead. At times that were stamped before, the count goes above all there were.
 */
export const stampSource = (self: HostId): StampSource => {
  let last: Stamp | undefined;
  let latestMs = 0;
  let countMax = 0;
  return (nowMs, seen) => {
    if (last && last.wallMs - nowMs > clockSetBackMsMin) last = undefined;
    const next = nextStamp(self, nowMs, last, seen);
    const isSameTime = next.wallMs === last?.wallMs;
    const isNew = next.wallMs > latestMs || (isSameTime && next.wallMs === latestMs);
    const stamp = isNew ? next : { ...next, count: Math.max(next.count, countMax + 1) };
    latestMs = Math.max(latestMs, stamp.wallMs);
    countMax = Math.max(countMax, stamp.count);
    const isOwnTime = !seen || seen.wallMs <= nowMs || seen.wallMs < stamp.wallMs;
    if (isOwnTime || isSameTime) last = stamp;
    return stamp;
  };
};

export const openRows = <Row>(
  world: Coordinator,
  nextStampAt: StampSource,
  schema: RowSchema<Row>,
  router: Router,
): Rows<Row> => {
  const rows = codec<Row>(schema.name);
  /** Where one row is, and where it has gone meanwhile. */
  const at = async <T>(
    partitionKey: string,
    sortKey: string,
    work: (place: Place) => Promise<T>,
  ): Promise<T> => router.at(partitionKey, { key: encodeSortKey(sortKey) }, work);

  const putIn = async (
    place: Place,
    sortKey: string,
    stamp: Stamp,
    value: Uint8Array | null,
    weight: number,
    companions: readonly Companion[] = [],
  ): Promise<void> => {
    const { table, partitionKey } = place;
    const action = () => `write row ${JSON.stringify(sortKey)} of table "${table}"`;
    const along = companions.map((each) => {
      checkCompanion(place, sortKey, world.findPlace(each.table, partitionKey), each.sortKey);
      const state = { kind: 'lww' as const, stamp, weight: each.weight, value: each.value };
      return { table: each.table, sortKey: each.sortKey, state };
    });
    const bytes = [value, ...companions.map((each) => each.value)].reduce(
      (sum, one) => sum + (one?.length ?? 0),
      0,
    );
    if (bytes > rowBytesMax || along.length > alongMax)
      throw new ShoalError(
        'TOO_LARGE',
        `Cannot ${action()}: ${bytes} bytes in ${1 + along.length} rows, at most ${rowBytesMax} in ${1 + alongMax}`,
      );
    const ask = {
      ...({ do: 'put', ...groupOf(place), sortKey, stamp, weight, value, repair: false } as const),
      ...(along.length > 0 && { along }),
    };
    if (place.aboveMs !== undefined && stamp.wallMs <= place.aboveMs)
      throw new ShoalError(
        'BUSY',
        `Cannot ${action()}: it was stamped before deleted rows were collected, write it anew`,
      );
    await withView(world, place, ({ layout, sets }) =>
      world.poller.poll({
        action,
        sets,
        order: 'all',
        ask: (host, counts) => world.outbox.ask<'put'>(host, layout, ask, counts),
      }),
    );
  };
  /** In whatever range: one put, one stamp. */
  const put = (
    partitionKey: string,
    sortKey: string,
    ...what: [stamp: Stamp, value: Uint8Array | null, weight: number, companions?: readonly Companion[]]
  ): Promise<void> => at(partitionKey, sortKey, (place) => putIn(place, sortKey, ...what));

  /** Of two puts side by side either may be the later one: the first round may lie back as far as the caller likes. */
  const stampAbove = ({ nowMs, newest, closedMs }: Held): Stamp =>
    nextStampAt(Math.max(Math.min(nowMs, world.clock.wallMs()), closedMs + 1), newest);

  const write = async (partitionKey: string, sortKey: string, value: Uint8Array | null, weight: number) => {
    const held = await at(partitionKey, sortKey, (place) =>
      withView(world, place, (view) => askHeld(world, view, place, sortKey, 'stamps')),
    );
    await put(partitionKey, sortKey, stampAbove(held), value, weight);
  };

  const read = async (place: Place, sortKey: string): Promise<Uint8Array | undefined> =>
    (await withView(world, place, (view) => readLww(world, view, place, sortKey))).state?.value ?? undefined;

  const weigh = (row: Row): number => {
    const weight = schema.weight?.(row) ?? 0;
    if (!Number.isFinite(weight)) throw new Error(`a row of table "${schema.name}" has the weight ${weight}`);
    return weight;
  };

  return {
    async get(partitionKey, sortKey) {
      const bytes = await at(partitionKey, sortKey, (place) => read(place, sortKey));
      return bytes && rows.decode(bytes);
    },
    async put(partitionKey, sortKey, row) {
      await write(partitionKey, sortKey, rows.encode(row), weigh(row));
    },
    async getForPut(partitionKey, sortKey) {
      const held = await at(partitionKey, sortKey, (place) =>
        withView(world, place, (view) => readLww(world, view, place, sortKey)),
      );
      const bytes = held.state?.value;
      return {
        row: bytes ? rows.decode(bytes) : undefined,
        put: (row) => put(partitionKey, sortKey, stampAbove(held), rows.encode(row), weigh(row)),
        stamp: () => stampAbove(held),
      };
    },
    async putAt(partitionKey, sortKey, row, stamp, along) {
      const [value, weight] = row === undefined ? [null, 0] : [rows.encode(row), weigh(row)];
      await put(partitionKey, sortKey, stamp, value, weight, along);
    },
    companion(sortKey, row) {
      encodeSortKey(sortKey);
      const [value, weight] = row === undefined ? [null, 0] : [rows.encode(row), weigh(row)];
      return { table: schema.name, sortKey, value, weight };
    },
    async delete(partitionKey, sortKey) {
      await write(partitionKey, sortKey, null, 0);
    },
    async range(partitionKey, wanted) {
      const page = await walkRanges(router, partitionKey, wanted, (place, range) =>
        withView(world, place, (view) =>
          readPage(world, {
            ...{ place, view, range },
            bytesOf: (state) => (state.kind === 'lww' ? (state.value ?? undefined) : undefined),
            settle: (sortKey) => read(place, sortKey),
          }),
        ),
      );
      return {
        more: page.more,
        entries: page.entries.map(({ sortKey, row }) => ({ sortKey, row: rows.decode(row) })),
      };
    },
    tally: (partitionKey) =>
      countRanges(router, partitionKey, (place) =>
        withView(world, place, (view) => tallyGroup(world, view, place)),
      ),
    digest: (partitionKey) =>
      digestRanges(router, partitionKey, (place) =>
        withView(world, place, (view) => digestGroup(world, view, place)),
      ),
  };
};
