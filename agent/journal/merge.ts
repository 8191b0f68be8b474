/**
 * One order over many logs: by time, but never against the order within a log, whatever its host's clock did.
 * Pure; a log is what can be read by position.
 */
import type { JournalCursor, JournalRecord } from './port.ts';

export interface ReadableLog {
  readonly id: string;
  readonly length: () => number;
  record(sequence: number): Promise<JournalRecord | undefined>;
}

export interface MergedPage {
  readonly records: readonly JournalRecord[];
  readonly next: JournalCursor;
}

interface Head {
  readonly log: ReadableLog;
  at: number;
  readonly end: number;
  record: JournalRecord | undefined;
}

/** Moves `head` to its next readable record in `step` direction. */
const load = async (head: Head, step: 1 | -1): Promise<void> => {
  head.record = undefined;
  while (head.at >= 0 && head.at < head.end) {
    head.record = await head.log.record(head.at);
    if (head.record) return;
    head.at += step;
  }
};

const first = (
  heads: readonly Head[],
  isBefore: (a: JournalRecord, b: JournalRecord) => boolean,
): Head | undefined => {
  let best: Head | undefined;
  for (const head of heads)
    if (head.record && (!best?.record || isBefore(head.record, best.record))) best = head;
  return best;
};

const older = (a: JournalRecord, b: JournalRecord): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.host < b.host);

/** Oldest first after the cursor. A log that the cursor does not know is read from its beginning. */
export const readAfter = async (
  logs: readonly ReadableLog[],
  after: JournalCursor,
  limit: number,
): Promise<MergedPage> => {
  const heads = logs.map((log): Head => {
    const at = after[log.id];
    return {
      log,
      at: Number.isSafeInteger(at) ? Math.max(0, Number(at)) : 0,
      end: log.length(),
      record: undefined,
    };
  });
  for (const head of heads) await load(head, 1);
  const records: JournalRecord[] = [];
  while (records.length < limit) {
    const head = first(heads, older);
    if (!head?.record) break;
    records.push(head.record);
    head.at++;
    await load(head, 1);
  }
  return { records, next: { ...after, ...Object.fromEntries(heads.map(({ log, at }) => [log.id, at])) } };
};

/** The newest, oldest of them first; the cursor then stands at the end of all logs. */
export const readNewest = async (logs: readonly ReadableLog[], limit: number): Promise<MergedPage> => {
  const heads = logs.map((log): Head => {
    const end = log.length();
    return { log, at: end - 1, end, record: undefined };
  });
  for (const head of heads) await load(head, -1);
  const records: JournalRecord[] = [];
  while (records.length < limit) {
    const head = first(heads, (a, b) => older(b, a));
    if (!head?.record) break;
    records.push(head.record);
    head.at--;
    await load(head, -1);
  }
  return {
    records: records.reverse(),
    next: Object.fromEntries(heads.map(({ log, end }) => [log.id, end])),
  };
};
