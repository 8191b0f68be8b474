/**
 * Reading a row where the last writer wins: a quorum in each set answers, the newest is brought to a quorum before it is
 * shown. An owner that has collected less than another may hold rows that are gone; up to the other's cutoff they do not count.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Along } from '../../proto/message/row.ts';
import type { AnswerOf } from '../../proto/message/table.ts';
import { compareStamps, type Stamp } from '../../proto/stamp.ts';
import { compareBytes } from '../base/bytes.ts';
import { countLives } from '../register/lives.ts';
import { hasQuorum } from '../register/quorum.ts';
import type { Clock, Timers } from '../runtime/ports.ts';
import { type FindPlace, groupOf, type Place } from './keys.ts';
import type { Outbox } from './outbox.ts';
import type { Poller } from './poll.ts';
import { compareLww, type LwwState } from './row.ts';
import type { View, ViewRing } from './view.ts';

export interface Coordinator {
  readonly self: HostId;
  readonly ring: ViewRing;
  readonly findPlace: FindPlace;
  readonly outbox: Outbox;
  readonly poller: Poller;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What a quorum holds of a row. */
export interface Held {
  /** The earliest of the owners' clocks. */
  readonly nowMs: number;
  /** Owners take nothing that is stamped up to here; -1: there is no such time. */
  readonly closedMs: number;
  /** Undefined: there is no row, nor was there one that was not collected. */
  readonly newest: Stamp | undefined;
  /** The newest of what was answered, where rows were asked for and one of them is known to be the newest. */
  readonly state: LwwState | undefined;
  /** What it brings along, where whole rows were asked for. */
  readonly along: readonly Along[];
  /** Who has the newest. */
  readonly holders: ReadonlySet<HostId>;
}

/**
 * Asks a quorum of each set. `nearest`: the nearest owner for the row and the others for its mark; `rows`: all of them
 * for the row; `stamps`: none of them.
 */
export const askHeld = async (
  world: Coordinator,
  { layout, sets }: View,
  place: Place,
  sortKey: string,
  whole: 'nearest' | 'rows' | 'stamps',
  together = countLives(),
): Promise<Held> => {
  let isFirst = true;
  const answers = await world.poller.poll({
    action: () => `read row ${JSON.stringify(sortKey)} of table "${place.table}"`,
    sets,
    order: 'nearest',
    counts: together,
    ask: (host, counts) => {
      const value = whole === 'rows' || (whole === 'nearest' && isFirst);
      isFirst = false;
      const companions = whole === 'rows';
      const get = { do: 'get', ...groupOf(place), sortKey, value, companions } as const;
      return world.outbox.ask<'get'>(host, layout, get, counts);
    },
  });
  let nowMs = Number.POSITIVE_INFINITY;
  let [closedMs, cutoff] = [place.aboveMs ?? -1, 0];
  for (const answer of answers.values()) {
    nowMs = Math.min(nowMs, answer.wallMs);
    closedMs = Math.max(closedMs, answer.closed ?? -1);
    cutoff = Math.max(cutoff, answer.cutoff ?? 0);
  }
  // An owner that is behind in what was collected may hold rows that are gone.
  const isGone = (answer: AnswerOf<'get'>): boolean =>
    (answer.cutoff ?? 0) < cutoff && (answer.row?.stamp.wallMs ?? 0) <= cutoff;
  let best: GotRow | undefined;
  for (const answer of answers.values())
    if (answer.row && !isGone(answer) && (!best || isNewer(answer.row, best))) best = answer.row;
  const holders = new Set<HostId>();
  let state: LwwState | undefined;
  let along: readonly Along[] = [];
  for (const [host, answer] of answers) {
    const { row } = answer;
    if (!best || !row || compareBytes(row.mark, best.mark) !== 0) continue;
    holders.add(host);
    if (row.state?.kind !== 'lww') continue;
    state = row.state;
    along = answer.along ?? [];
  }
  return { nowMs, closedMs, newest: best?.stamp, state, along, holders };
};

type GotRow = NonNullable<AnswerOf<'get'>['row']>;

/** Equal stamps of different rows: where both are known the larger one wins, see `compareLww`. */
const isNewer = (a: GotRow, b: GotRow): boolean =>
  a.state?.kind === 'lww' && b.state?.kind === 'lww'
    ? compareLww(a.state, b.state) > 0
    : compareStamps(a.stamp, b.stamp) > 0;

/** The row that a quorum holds, or holds by now. */
export const readLww = async (
  world: Coordinator,
  view: View,
  place: Place,
  sortKey: string,
): Promise<Held> => {
  const near = await askHeld(world, view, place, sortKey, 'nearest');
  if (!near.newest || (near.state && hasQuorum(view.sets, near.holders))) return near;
  // Who holds it by this round counts in the next.
  const together = countLives();
  const held = await askHeld(world, view, place, sortKey, 'rows', together);
  const { holders, state, along } = held;
  if (!state || hasQuorum(view.sets, holders)) return held;
  const { stamp, weight, value } = state;
  const put = {
    ...({ do: 'put', ...groupOf(place), sortKey, stamp, weight, value, repair: true } as const),
    ...(along.length > 0 && { along: [...along] }),
  };
  await world.poller.poll({
    action: () => `mend row ${JSON.stringify(sortKey)} of table "${place.table}"`,
    sets: view.sets,
    order: 'all',
    counts: together,
    ask: async (host, counts) => {
      // Who answers "newer" holds a later write: to every reader after this one that is as good.
      if (!holders.has(host)) await world.outbox.ask<'put'>(host, view.layout, put, counts);
    },
  });
  return held;
};
