/**
 * Pages and sums over all ranges of a partition key. A walk that has come to the end of a range goes on at that key, by the
 * map of then; ranges only split, so no row is left out or met twice, whatever splits meanwhile.
 */
import { compareBytes, toHex } from '../base/bytes.ts';
import { mapLimit } from '../base/map-limit.ts';
import { digest, type Place } from './keys.ts';
import { rangesCountedMax, rangesDigestedMax } from './limits.ts';
import { boundsOf } from './pages.ts';
import type { Entry, Page, TableRange, Tally } from './port.ts';
import type { Span, Where } from './range-map.ts';
import type { Router } from './ranges.ts';

/** Where a walk goes on after a span; undefined: there it ends. */
const nextOf = (span: Span, { from, to }: Span, reverse: boolean): Where | undefined => {
  if (reverse) return compareBytes(span.from, from) > 0 ? { below: span.from } : undefined;
  return span.to && (!to || compareBytes(span.to, to) < 0) ? { key: span.to } : undefined;
};

/** @param read a page of one range */
export const walkRanges = async <Row>(
  router: Router,
  partitionKey: string,
  range: TableRange,
  read: (place: Place, range: TableRange) => Promise<Page<Row>>,
): Promise<Page<Row>> => {
  const bounds = boundsOf(range);
  const entries: Entry<Row>[] = [];
  const reverse = range.reverse ?? false;
  let where: Where | undefined = bounds && (reverse ? { below: bounds.to } : { key: bounds.from });
  while (bounds && where) {
    const left = range.limit - entries.length;
    // Where the page is full: is there one more?
    const { page, span } = await router.at(partitionKey, where, async (place, within) => ({
      page: await read(place, { ...range, limit: Math.max(left, 1) }),
      span: within,
    }));
    if (left < 1 && page.entries.length > 0) return { entries, more: true };
    entries.push(...page.entries);
    if (page.more) return { entries, more: true };
    where = nextOf(span, bounds, reverse);
  }
  return { entries, more: false };
};

/** What is asked of every range, with the range's key. */
const eachRange = async <Answer>(
  router: Router,
  partitionKey: string,
  ask: (place: Place) => Promise<Answer>,
): Promise<readonly { readonly key: string; readonly answer: Answer }[]> => {
  type Found = { readonly key: string; readonly answer: Answer };
  const answers = await mapLimit(router.spans(partitionKey), rangesCountedMax, async (within) => {
    const found: Found[] = [];
    let where: Where | undefined = { key: within.from };
    while (where) {
      const one: Found & { readonly span: Span } = await router.at(
        partitionKey,
        where,
        async (place, span) => ({ key: place.partitionKey, answer: await ask(place), span }),
      );
      found.push(one);
      where = nextOf(one.span, within, false);
    }
    return found;
  });
  return answers.flat();
};

/** @param count the sums of one range */
export const countRanges = async (
  router: Router,
  partitionKey: string,
  count: (place: Place) => Promise<Tally>,
): Promise<Tally> => {
  let [rows, weight] = [0, 0];
  for (const { answer } of await eachRange(router, partitionKey, count)) {
    rows += answer.rows;
    weight += answer.weight;
  }
  return { rows, weight };
};

/** @param digestOf one range; undefined where it has none now */
export const digestRanges = async (
  router: Router,
  partitionKey: string,
  digestOf: (place: Place) => Promise<string | undefined>,
): Promise<string | undefined> => {
  // Who asks spares itself a page: to ask so many owners instead is no gain.
  if (router.spans(partitionKey).length > rangesDigestedMax) return undefined;
  const digests = await eachRange(router, partitionKey, digestOf);
  if (digests.some(({ answer }) => answer === undefined)) return undefined;
  const [first, ...others] = digests;
  if (others.length === 0) return first?.answer;
  // That a range was split is a change like any other: it does not look like none, and that is all that is asked.
  return toHex(digest(Buffer.from(digests.map(({ key, answer }) => `${key} ${answer}`).join('\n'))));
};
