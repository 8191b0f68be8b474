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
import { compareStamps, nextStamp, type Stamp } from '../../proto/stamp.ts';
import { countLives } from '../register/lives.ts';
import { hasQuorum } from '../register/quorum.ts';
import type { Clock, Timers } from '../runtime/ports.ts';
import { encodeSortKey, type FindPlace, type Place } from './keys.ts';
import { clockSetBackMsMin, rowBytesMax } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { readPage } from './pages.ts';
import type { Poller } from './poll.ts';
import type { RowSchema, Rows } from './port.ts';
import { compareLww, type LwwState } from './row.ts';
import { tallyGroup } from './tally.ts';
import { type View, type ViewRing, withView } from './view.ts';

export interface Coordinator {
  readonly self: HostId;
  readonly ring: ViewRing;
  readonly findPlace: FindPlace;
  readonly outbox: Outbox;
  readonly poller: Poller;
  readonly clock: Clock;
  readonly timers: Timers;
}

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
): Rows<Row> => {
  const rows = codec<Row>(schema.name);

  const write = async (place: Place, sortKey: string, value: Uint8Array | null, weight: number) => {
    encodeSortKey(sortKey);
    const { table, partitionKey } = place;
    const action = () => `write row ${JSON.stringify(sortKey)} of table "${table}"`;
    if (value && value.length > rowBytesMax)
      throw new ShoalError('TOO_LARGE', `Cannot ${action()}: ${value.length} bytes, at most ${rowBytesMax}`);
    const row = { table, partitionKey, sortKey };
    const stamp = await withView(world, place, async ({ layout, sets }) => {
      const answers = await world.poller.poll({
        ...{ action, sets, order: 'nearest' },
        ask: (host, counts) => world.outbox.ask<'stamp'>(host, layout, { do: 'stamp', ...row }, counts),
      });
      let newest: Stamp | undefined;
      let nowMs = world.clock.wallMs();
      for (const { stamp: held, wallMs } of answers.values()) {
        if (held && (!newest || compareStamps(held, newest) > 0)) newest = held;
        nowMs = Math.min(nowMs, wallMs);
      }
      return nextStampAt(nowMs, newest);
    });
    await withView(world, place, ({ layout, sets }) =>
      world.poller.poll({
        ...{ action, sets, order: 'all' },
        ask: (host, counts) => {
          const put = { do: 'put' as const, ...row, stamp, weight, value, repair: false };
          return world.outbox.ask<'put'>(host, layout, put, counts);
        },
      }),
    );
  };

  const read = (place: Place, sortKey: string): Promise<Uint8Array | undefined> =>
    withView(world, place, (view) => readLww(world, view, place, sortKey));

  return {
    async get(partitionKey, sortKey) {
      encodeSortKey(sortKey);
      const bytes = await read(world.findPlace(schema.name, partitionKey), sortKey);
      return bytes && rows.decode(bytes);
    },
    async put(partitionKey, sortKey, row) {
      const weight = schema.weight?.(row) ?? 0;
      if (!Number.isFinite(weight))
        throw new Error(`a row of table "${schema.name}" has the weight ${weight}`);
      await write(world.findPlace(schema.name, partitionKey), sortKey, rows.encode(row), weight);
    },
    async delete(partitionKey, sortKey) {
      await write(world.findPlace(schema.name, partitionKey), sortKey, null, 0);
    },
    async range(partitionKey, range) {
      const place = world.findPlace(schema.name, partitionKey);
      const page = await withView(world, place, (view) =>
        readPage(world, {
          ...{ place, view, range },
          bytesOf: (state) => (state.kind === 'lww' ? (state.value ?? undefined) : undefined),
          settle: (sortKey) => read(place, sortKey),
        }),
      );
      return {
        more: page.more,
        entries: page.entries.map(({ sortKey, row }) => ({ sortKey, row: rows.decode(row) })),
      };
    },
    async tally(partitionKey) {
      const place = world.findPlace(schema.name, partitionKey);
      return withView(world, place, (view) => tallyGroup(world, view, place));
    },
  };
};

const readLww = async (
  world: Coordinator,
  { layout, sets }: View,
  { table, partitionKey }: Place,
  sortKey: string,
): Promise<Uint8Array | undefined> => {
  const row = { table, partitionKey, sortKey };
  const action = () => `read row ${JSON.stringify(sortKey)} of table "${table}"`;
  // Who holds it by the first round counts in the second.
  const counts = countLives();
  const answers = await world.poller.poll({
    ...{ action, sets, order: 'nearest', counts },
    ask: (host) => world.outbox.ask<'get'>(host, layout, { do: 'get', ...row }, counts),
  });
  let newest: LwwState | undefined;
  for (const state of answers.values())
    if (state?.kind === 'lww' && (!newest || compareLww(state, newest) > 0)) newest = state;
  const found = newest;
  if (!found) return undefined;
  const holders = new Set(
    [...answers].flatMap(([host, state]) =>
      state?.kind === 'lww' && compareLww(state, found) === 0 ? [host] : [],
    ),
  );
  if (!hasQuorum(sets, holders)) {
    const { stamp, weight, value } = found;
    await world.poller.poll({
      ...{ action, sets, order: 'all', counts },
      ask: async (host) => {
        // Who answers "newer" holds a later write: to every reader after this one that is as good.
        if (holders.has(host)) return;
        const put = { do: 'put' as const, ...row, stamp, weight, value, repair: true };
        await world.outbox.ask<'put'>(host, layout, put, counts);
      },
    });
  }
  return found.value ?? undefined;
};
