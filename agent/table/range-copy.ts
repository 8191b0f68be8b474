/**
 * Copies a range of rows to an heir: whatever a quorum of the old owners holds and a quorum of the heir's does not, with its
 * stamp, tombstones too. Both sides send marks alone, so where nothing is missing a page costs one message each way.
 */
import type { HostId } from '../../proto/ids.ts';
import type { AnswerOf } from '../../proto/message/table.ts';
import { compareBytes, equalBytes } from '../base/bytes.ts';
import { mapLimit } from '../base/map-limit.ts';
import { encodeSortKey, groupOf, justAfter, type Place } from './keys.ts';
import { copiesInFlightMax, copyPageRows } from './limits.ts';
import type { Span } from './range-map.ts';
import type { Coordinator } from './read-row.ts';
import { readLww } from './read-row.ts';
import { withView } from './view.ts';

type Pages = ReadonlyMap<HostId, AnswerOf<'range'>>;

const askMarks = (world: Coordinator, place: Place, { from, to }: Span): Promise<Pages> =>
  withView(world, place, ({ layout, sets }) =>
    world.poller.poll({
      ...{ action: () => `compare a range of table "${place.table}"`, sets, order: 'nearest' },
      ask: (host, counts) =>
        world.outbox.ask<'range'>(
          host,
          layout,
          {
            ...{ do: 'range', ...groupOf(place), from, to, reverse: false },
            ...{ limit: copyPageRows, values: false, nameless: true },
          },
          counts,
        ),
    }),
  );

/** Where the shortest page ends; undefined: all end with the span. */
const horizonOf = (pages: readonly Pages[]): Uint8Array | undefined => {
  let horizon: Uint8Array | undefined;
  for (const { rows, complete } of pages.flatMap((each) => [...each.values()])) {
    const last = rows.at(-1);
    if (complete || !last) continue;
    const end = encodeSortKey(last.sortKey);
    if (!horizon || compareBytes(end, horizon) < 0) horizon = end;
  }
  return horizon;
};

/** Names of rows, up to the horizon, that not all who answered on either side hold alike. */
const missing = (theirs: Pages, heirs: Pages, horizon: Uint8Array | undefined): string[] => {
  const seen = new Map<string, { mark: Uint8Array; times: number; isSame: boolean }>();
  for (const { rows } of [...theirs.values(), ...heirs.values()])
    for (const { sortKey, mark } of rows) {
      const known = seen.get(sortKey);
      if (!known) seen.set(sortKey, { mark, times: 1, isSame: true });
      else {
        known.times++;
        known.isSame &&= equalBytes(known.mark, mark);
      }
    }
  const all = theirs.size + heirs.size;
  return [...seen]
    .filter(([, { times, isSame }]) => times < all || !isSame)
    .map(([sortKey]) => sortKey)
    .filter((sortKey) => !horizon || compareBytes(encodeSortKey(sortKey), horizon) <= 0);
};

const copyRow = async (world: Coordinator, from: Place, to: Place, sortKey: string): Promise<void> => {
  const { state } = await withView(world, from, (view) => readLww(world, view, from, sortKey));
  if (!state) return;
  const { stamp, weight, value } = state;
  const put = {
    ...({ do: 'put', ...groupOf(to), sortKey, stamp, weight, value, repair: true } as const),
  };
  await withView(world, to, ({ layout, sets }) =>
    world.poller.poll({
      ...{ action: () => `copy row ${JSON.stringify(sortKey)} of table "${to.table}"`, sets, order: 'all' },
      ask: (host, counts) => world.outbox.ask<'put'>(host, layout, put, counts),
    }),
  );
};

/**
 * Gives the number of rows that were missing. While nobody waits for it, it pauses for as long as it has copied, so that it takes at most
 * half of a busy host. Throws QUORUM_MISSED, RANGE_MOVED.
 */
export const copyRange = async (
  world: Coordinator,
  { from, to, span }: { readonly from: Place; readonly to: Place; readonly span: Span },
  signal: AbortSignal,
): Promise<number> => {
  let copied = 0;
  let start = span.from;
  for (;;) {
    signal.throwIfAborted();
    const rest = { from: start, to: span.to };
    const pages = await Promise.all([askMarks(world, from, rest), askMarks(world, to, rest)]);
    const horizon = horizonOf(pages);
    const rows = missing(...pages, horizon);
    const startMs = world.clock.monotonicMs();
    await mapLimit(rows, copiesInFlightMax, (sortKey) => copyRow(world, from, to, sortKey), signal);
    copied += rows.length;
    if (from.expects === 'open' && rows.length > 0)
      await world.timers.sleep(world.clock.monotonicMs() - startMs, signal);
    if (!horizon) return copied;
    start = justAfter(horizon);
  }
};
