/**
 * Writes down that an object changed, where its bucket's rules want that told. It is on disk before whoever changed it gets
 * an answer, and after the object's own row: a receiver that hears of it finds it. Delivery is another matter (`deliver.ts`);
 * no upload waits for it.
 *
 * A queue is bounded. What a queue holds is asked beside the uploads, at most once a second; while it is full nothing is
 * added to it, which is logged and stands in the journal.
 */
import type { Stamp } from '../../../proto/stamp.ts';
import type { Journal } from '../../journal/port.ts';
import type { Runtime } from '../../runtime/ports.ts';
import { eventDropsToldMs, eventQueuesKnownMax, eventsQueuedMax, eventsWeighedMs } from '../limits.ts';
import type { Place } from '../object-turn.ts';
import { etagShown, type ObjectRow, type Records } from '../records.ts';
import { shownVersionId } from '../versions.ts';
import { type EventRow, eventKey, eventQueueKey } from './event-row.ts';
import { type EventName, type EventRule, ruleTells } from './event-rule.ts';

/** What was done to the row. */
export interface Said {
  readonly name: EventName;
  /** That was put, or removed; undefined: there was none. */
  readonly row: ObjectRow | undefined;
}

interface Backlog {
  rows: number;
  askedAtMs: number;
  dropped: number;
  toldAtMs: number;
}

export type Tell = (place: Place, said: Said, stamp: Stamp) => Promise<void>;

const eventOf = (
  { project, container, name: key, versions, asker }: Place,
  { name, row }: Said,
  stamp: Stamp,
  { id }: EventRule,
  atMs: number,
): EventRow => ({
  ...{ name, atMs, project, bucket: container, key, ruleId: id, stamp },
  ...(row && !name.endsWith(':Delete') ? { bytes: row.large?.bytes ?? row.bytes, etag: etagShown(row) } : {}),
  ...(versions && row ? { versionId: shownVersionId(row) } : {}),
  ...(asker ?? { userId: null, address: '', requestId: '' }),
});

export const openTell = (
  {
    runtime: { clock, log },
    records: { events },
    journal,
  }: {
    readonly runtime: Runtime;
    readonly records: Pick<Records, 'events'>;
    readonly journal: Pick<Journal, 'append'>;
  },
  wake: (queue: string) => void,
): Tell => {
  const backlogs = new Map<string, Backlog>();

  const backlogOf = (queue: string): Backlog => {
    const known = backlogs.get(queue);
    if (known) return known;
    if (backlogs.size >= eventQueuesKnownMax) backlogs.delete(backlogs.keys().next().value ?? '');
    const fresh = { rows: 0, askedAtMs: 0, dropped: 0, toldAtMs: 0 };
    backlogs.set(queue, fresh);
    return fresh;
  };

  const isFull = (queue: string): boolean => {
    const backlog = backlogOf(queue);
    const nowMs = clock.monotonicMs();
    if (backlog.askedAtMs === 0 || nowMs - backlog.askedAtMs > eventsWeighedMs) {
      backlog.askedAtMs = nowMs;
      void events.tally(queue).then(
        ({ rows }) => {
          backlog.rows = rows;
        },
        // The next change asks again.
        () => {},
      );
    }
    return backlog.rows >= eventsQueuedMax;
  };

  const drop = (queue: string, { project, container }: Place): void => {
    const backlog = backlogOf(queue);
    backlog.dropped += 1;
    const nowMs = clock.monotonicMs();
    if (backlog.toldAtMs !== 0 && nowMs - backlog.toldAtMs < eventDropsToldMs) return;
    backlog.toldAtMs = nowMs;
    const detail = { queue, dropped: backlog.dropped };
    backlog.dropped = 0;
    log.warn('events not kept: their queue is full', detail);
    journal.append({
      ...{ requestId: null, actor: null, action: 'event.drop', outcome: 'failed', detail },
      target: `${project}/${container}`,
    });
  };

  return async (place, said, stamp) => {
    const { rules } = place;
    if (!rules) return;
    await Promise.all(
      rules.map(async (rule, index) => {
        if (!ruleTells(rule, said.name, place.name)) return;
        const queue = eventQueueKey(place.id, rule.hook);
        if (isFull(queue)) return drop(queue, place);
        const event = eventOf(place, said, stamp, rule, clock.wallMs());
        // The key is new, so there is no stamp to ask for.
        await events.putAt(queue, eventKey(stamp, index), event, stamp);
        wake(queue);
      }),
    );
  };
};
