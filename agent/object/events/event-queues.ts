/**
 * The queues of a bucket's events come before its rules and outlive them: an upload that began under the old rules may end
 * under the new ones, and what it has to tell would lie where nobody looks.
 */
import type { Uuid } from '../../../proto/ids.ts';
import type { Registers } from '../../table/port.ts';
import type { Records } from '../records.ts';
import { type EventQueueRow, type EventRow, eventKey, eventQueueGroup, eventQueueKey } from './event-row.ts';
import type { EventRule } from './event-rule.ts';

type Queues = Registers<EventQueueRow>;

interface Bucket {
  readonly id: Uuid;
  readonly project: string;
  readonly container: string;
}

/** Before the rules that fill them are set. */
export const makeQueues = async (
  queues: Queues,
  { id, project, container }: Bucket,
  rules: readonly EventRule[],
): Promise<void> => {
  for (const hook of new Set(rules.map((rule) => rule.hook)))
    await queues.change(eventQueueGroup, eventQueueKey(id, hook), (old) => {
      if (old && old.unusedSinceMs === undefined) return old;
      const { unusedSinceMs: _since, ...row } = old ?? { project, container, hook };
      return row;
    });
};

/** After rules were taken away: those of `was` that none of `now` needs. */
export const retireQueues = async (
  queues: Queues,
  id: Uuid,
  was: readonly EventRule[],
  now: readonly EventRule[],
  nowMs: number,
): Promise<void> => {
  const kept = new Set(now.map((rule) => rule.hook));
  const retired = new Set(was.map((rule) => rule.hook).filter((hook) => !kept.has(hook)));
  for (const hook of retired)
    await queues.change(
      eventQueueGroup,
      eventQueueKey(id, hook),
      (old) => old && { ...old, unusedSinceMs: nowMs },
    );
};

/** If it is as it was seen. */
export const dropQueue = async (queues: Queues, queue: string, seen: EventQueueRow): Promise<void> => {
  await queues.change(eventQueueGroup, queue, (old) =>
    old?.unusedSinceMs === seen.unusedSinceMs && old?.holder === seen.holder ? undefined : old,
  );
};

/** S3 sends one to each destination when it is set. */
export const putTestEvents = async (
  events: Records['events'],
  { id, project, container: bucket }: Bucket,
  rules: readonly EventRule[],
  { requestId, atMs }: { readonly requestId: string; readonly atMs: number },
): Promise<readonly string[]> => {
  const queues = [...new Set(rules.map((rule) => eventQueueKey(id, rule.hook)))];
  for (const queue of queues) {
    const stamp = (await events.getForPut(queue, 'test')).stamp();
    const row: EventRow = {
      ...{ atMs, project, bucket, requestId, stamp },
      ...{ key: '', ruleId: '', userId: null, address: '' },
    };
    await events.putAt(queue, eventKey(stamp, 'test'), row, stamp);
  }
  return queues;
};
