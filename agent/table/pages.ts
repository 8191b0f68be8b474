/**
 * Ranges over one partition key. One owner (this host, where it is one) sends the rows, the others of a quorum
 * only the marks. Rows on which they agree are known to a quorum and are answered as they are; any other row is
 * settled on its own, by the same read that `get` does, before the answer.
 *
 * Of a long page they send no marks at first, but the digest of all rows of the partition key, which they keep anyway. Nearly
 * always it is that of the owner with the rows: then each of them holds, after the call began, the very same rows.
 *
 * Owners end their pages at different places, so only rows up to the nearest end count (the horizon):
 *
 *   owner a   ----x----x----x----x|            ends here, `limit` reached
 *   owner b   ----x---------x----x----x----|
 *   count     --------------------|            the walk goes on behind it if the page is not full yet
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { AnswerOf } from '../../proto/message/table.ts';
import { compareBytes } from '../base/bytes.ts';
import { mapLimit } from '../base/map-limit.ts';
import { countLives } from '../register/lives.ts';
import { hasQuorum } from '../register/quorum.ts';
import { afterPrefix, encodeSortKey, groupOf, justAfter, type Place } from './keys.ts';
import { digestPageRowsMin, pageRowsMax, settlesInFlightMax, sortKeyBytesMax } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Poller } from './poll.ts';
import type { Entry, Page, TableRange } from './port.ts';
import type { View } from './view.ts';

type OwnerPage = AnswerOf<'range'>;
type OwnerSums = AnswerOf<'tally'>;
type OwnerRow = OwnerPage['rows'][number];

export interface PagesWorld {
  readonly outbox: Outbox;
  readonly poller: Poller;
}

export interface PagesOptions {
  readonly place: Place;
  readonly view: View;
  readonly range: TableRange;
  /** A row that all agree on: its bytes, undefined for a tombstone. */
  readonly bytesOf: (state: NonNullable<OwnerRow['state']>) => Uint8Array | undefined;
  /** A linearizable read of one row. */
  readonly settle: (sortKey: string) => Promise<Uint8Array | undefined>;
}

/** Bytes of the first `limit` rows of the range. Throws QUORUM_MISSED. */
export const readPage = async (world: PagesWorld, options: PagesOptions): Promise<Page<Uint8Array>> => {
  const { range } = options;
  const reverse = range.reverse ?? false;
  const limit = Math.min(range.limit, pageRowsMax - 1);
  const entries: Entry<Uint8Array>[] = [];
  let bounds = boundsOf(range);
  if (limit < 1) return { entries, more: false };
  // Each turn passes at least one row, or ends.
  while (bounds && entries.length <= limit) {
    const part = await readPart(world, options, { ...bounds, reverse, limit: limit + 1 - entries.length });
    entries.push(...part.entries);
    if (!part.horizon) break;
    bounds = reverse
      ? { from: bounds.from, to: part.horizon }
      : { from: justAfter(part.horizon), to: bounds.to };
  }
  return { entries: entries.slice(0, limit), more: entries.length > limit };
};

export interface Bounds {
  readonly from: Uint8Array;
  /** Excluded; null: no end. */
  readonly to: Uint8Array | null;
}

/** undefined: the range is empty whatever the rows are. */
export const boundsOf = ({ after, before, prefix, reverse }: TableRange): Bounds | undefined => {
  const [low, high] = reverse ? [before, after] : [after, before];
  const prefixed = prefix ? boundBytes(prefix) : undefined;
  let from: Uint8Array = prefixed ?? new Uint8Array();
  let to = (prefixed && afterPrefix(prefixed)) ?? null;
  // `before` and `after` are both excluded, whichever of them is the lower end.
  const lowest = low === undefined ? undefined : justAfter(boundBytes(low));
  const highest = high === undefined ? undefined : boundBytes(high);
  if (lowest && compareBytes(lowest, from) > 0) from = lowest;
  if (highest && (!to || compareBytes(highest, to) < 0)) to = highest;
  return to && compareBytes(from, to) >= 0 ? undefined : { from, to };
};

/** A bound may be any text, longer than a row's key as well; its first bytes, one more than a key has, tell as much. */
const boundBytes = (text: string): Uint8Array => Buffer.from(text, 'utf8').subarray(0, sortKeyBytesMax + 1);

interface Part {
  readonly entries: Entry<Uint8Array>[];
  /** Where it ended; undefined: with the range. */
  readonly horizon: Uint8Array | undefined;
}
type PartBounds = Bounds & { readonly reverse: boolean; readonly limit: number };

const readPart = async (world: PagesWorld, options: PagesOptions, part: PartBounds): Promise<Part> => {
  const { view, bytesOf, settle } = options;
  const pages = await askPages(world, options, part);
  const same = unanimous(pages);
  if (same) return partOf(same, bytesOf);
  const order = part.reverse ? -1 : 1;
  let horizon: Uint8Array | undefined;
  const rows = new Map<string, Row>();
  for (const [host, page] of pages) {
    for (const row of page.rows) {
      const known = rows.get(row.sortKey) ?? { key: encodeSortKey(row.sortKey), versions: new Map() };
      known.versions.set(host, row);
      rows.set(row.sortKey, known);
    }
    const last = page.rows.at(-1);
    if (page.complete || !last) continue;
    const end = encodeSortKey(last.sortKey);
    if (!horizon || order * compareBytes(end, horizon) < 0) horizon = end;
  }
  const inside = [...rows]
    .filter(([, { key }]) => !horizon || order * compareBytes(key, horizon) <= 0)
    .sort(([, a], [, b]) => order * compareBytes(a.key, b.key));
  const agreed = inside.map(([sortKey, { versions }]) => ({ sortKey, state: agreedState(view, versions) }));
  const disputed = agreed.filter(({ state }) => state === undefined);
  const settled = await mapLimit(disputed, settlesInFlightMax, ({ sortKey }) => settle(sortKey));
  const bySettling = new Map(disputed.map(({ sortKey }, index) => [sortKey, settled[index]]));
  const entries: Entry<Uint8Array>[] = [];
  for (const { sortKey, state } of agreed) {
    const row = state ? bytesOf(state) : bySettling.get(sortKey);
    if (row) entries.push({ sortKey, row });
  }
  return { entries, horizon };
};

/** The page with the rows, where all that answered sent the very same: nearly always, and nothing is to be settled. */
const unanimous = (pages: ReadonlyMap<HostId, OwnerPage>): OwnerPage | undefined => {
  const all = [...pages.values()];
  const full = all.find(({ rows }) => rows[0]?.state !== undefined);
  if (!full?.rows.every(({ state }) => state !== undefined)) return undefined;
  const isSame = (page: OwnerPage): boolean =>
    page.complete === full.complete &&
    page.rows.length === full.rows.length &&
    page.rows.every(({ sortKey, mark }, at) => {
      const row = full.rows[at];
      return row !== undefined && row.sortKey === sortKey && compareBytes(row.mark, mark) === 0;
    });
  return all.every((page) => page === full || isSame(page)) ? full : undefined;
};

const partOf = ({ rows, complete }: OwnerPage, bytesOf: PagesOptions['bytesOf']): Part => {
  const entries: Entry<Uint8Array>[] = [];
  for (const { sortKey, state } of rows) {
    const row = state && bytesOf(state);
    if (row) entries.push({ sortKey, row });
  }
  const last = rows.at(-1);
  return { entries, horizon: complete || !last ? undefined : encodeSortKey(last.sortKey) };
};

interface Row {
  /** Its sort key as bytes. */
  readonly key: Uint8Array;
  readonly versions: Map<HostId, OwnerRow>;
}

const isPage = (answer: OwnerPage | OwnerSums | undefined): answer is OwnerPage =>
  answer !== undefined && 'complete' in answer;

/** The pages of a quorum in each set, one of them with the rows themselves; or that one alone, where it stands for all of them. */
const askPages = async (
  world: PagesWorld,
  { place, view }: PagesOptions,
  part: PartBounds,
): Promise<ReadonlyMap<HostId, OwnerPage>> => {
  const counts = countLives();
  const ask = (host: HostId, values: boolean): Promise<OwnerPage> => {
    const range = { do: 'range' as const, ...groupOf(place), ...part, values };
    return world.outbox.ask<'range'>(host, view.layout, range, counts);
  };
  const askSums = (host: HostId): Promise<OwnerSums> =>
    world.outbox.ask<'tally'>(host, view.layout, { do: 'tally', ...groupOf(place) }, counts);
  let full: HostId | undefined;
  const poll = <Answer>(askOther: (host: HostId) => Promise<Answer>, first?: OwnerPage) =>
    world.poller.poll<OwnerPage | Answer>({
      ...{ action: () => `list table "${place.table}"`, sets: view.sets, order: 'nearest', counts },
      async ask(host) {
        full ??= host;
        return host === full ? (first ?? ask(host, true)) : askOther(host);
      },
    });
  let first: OwnerPage | undefined;
  if (part.limit >= digestPageRowsMin) {
    const answers = await poll(askSums);
    const page = full && answers.get(full);
    if (full && isPage(page)) {
      const { digest } = page;
      const isSame = (answer: OwnerPage | OwnerSums): boolean =>
        answer === page || (digest && answer.digest ? compareBytes(answer.digest, digest) === 0 : false);
      if ([...answers.values()].every(isSame)) return new Map([[full, page]]);
      first = page;
    } else full = undefined;
  }
  const answers = await poll((host) => ask(host, false), first);
  if (full && answers.has(full)) return answers;
  // The nearest owner did not answer in time; another one of them sends its rows once more, now in full.
  let cause: unknown;
  for (const other of answers.keys())
    try {
      return new Map(answers).set(other, await ask(other, true));
    } catch (thrown) {
      if (hasCode(thrown, 'STALE_LAYOUT', 'RANGE_MOVED')) throw thrown;
      cause = thrown;
    }
  throw new ShoalError(
    'QUORUM_MISSED',
    `Cannot list table "${place.table}": owners answered once and no more`,
    {
      cause,
    },
  );
};

/** The state that a quorum in each set holds, where the one that sent its rows is among them. */
const agreedState = (view: View, versions: ReadonlyMap<HostId, OwnerRow>): OwnerRow['state'] => {
  const full = [...versions.values()].find(({ state }) => state !== undefined);
  if (!full) return undefined;
  const agree = {
    has: (host: HostId) => {
      const row = versions.get(host);
      return row !== undefined && compareBytes(row.mark, full.mark) === 0;
    },
  };
  return hasQuorum(view.sets, agree) ? full.state : undefined;
};
