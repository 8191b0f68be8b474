/** The journal as the operator API pages through it: an opaque cursor, and a long poll for what comes next. */
import { ShoalError } from '../../proto/error.ts';
import type { ApiAnswer, ApiRequest } from '../http/port.ts';
import type { Journal, JournalCursor } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { eventPollMs, eventsDefault, eventsMax, eventWaitSecondsMax } from './limits.ts';

export interface EventsOf {
  readonly journal: Journal;
  readonly runtime: Runtime;
}

const encodeCursor = (cursor: JournalCursor): string =>
  Buffer.from(JSON.stringify(cursor)).toString('base64url');

const decodeCursor = (text: string): JournalCursor => {
  try {
    const cursor: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (
      typeof cursor === 'object' &&
      cursor !== null &&
      Object.values(cursor).every((at) => Number.isSafeInteger(at) && at >= 0)
    )
      return cursor as JournalCursor;
  } catch {
    // The refusal below says it.
  }
  throw new ShoalError(
    'BAD_REQUEST',
    'Cannot read events after that cursor: give the "next" of an earlier answer',
  );
};

const wholeNumber = (query: URLSearchParams, name: string, fallback: number, max: number): number => {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max)
    throw new ShoalError('BAD_REQUEST', `Cannot use ${name}=${text}: it is a whole number up to ${max}`);
  return value;
};

export const listEvents = async (
  { journal, runtime }: EventsOf,
  { query, signal }: ApiRequest,
): Promise<ApiAnswer> => {
  const limit = wholeNumber(query, 'limit', eventsDefault, eventsMax);
  const waitMs = 1_000 * wholeNumber(query, 'waitSeconds', 0, eventWaitSecondsMax);
  const text = query.get('after');
  const after = text === null ? undefined : decodeCursor(text);
  const end = runtime.clock.monotonicMs() + waitMs;
  for (;;) {
    const { records, next } = await journal.read({ limit, ...(after && { after }) });
    if (records.length > 0 || after === undefined || runtime.clock.monotonicMs() >= end)
      return { body: { events: records, next: encodeCursor(next) } };
    await runtime.timers.sleep(eventPollMs, signal);
  }
};
