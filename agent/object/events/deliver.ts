/**
 * Empties the queues of events. Any host may; one does, as long as it holds the queue:
 *
 *   event written here, or a look every `eventsLookMs`
 *        v
 *   take the queue ── other's? look again in a moment
 *        v
 *   oldest page ── per object one after the other, `webhooksInFlightMax` objects at once ── taken: row away
 *        │ empty: let go                                    │ failed: let go, wait, twice as long each time
 *
 * A host that dies holds its queue for `eventHoldMs`; then whoever looks first goes on with the same rows. Between a
 * delivery and its row's end a death means that it is delivered again: at least once. Clocks that differ let two hosts hold
 * a queue, with the same effect.
 */
import { hasCode } from '../../../proto/error.ts';
import { newUuid } from '../../../proto/ids.ts';
import { nextStamp } from '../../../proto/stamp.ts';
import { mapLimit } from '../../base/map-limit.ts';
import type { Journal } from '../../journal/port.ts';
import type { Runtime } from '../../runtime/ports.ts';
import { stampLastsMs } from '../../table/limits.ts';
import type { Entry } from '../../table/port.ts';
import { walkRows } from '../../table/walk-rows.ts';
import {
  eventHoldMs,
  eventLifeMs,
  eventPageRows,
  eventQueueUnusedMs,
  eventRetryMsMax,
  eventRetryMsMin,
  eventTurnMs,
  listingPageRows,
  webhooksInFlightMax,
} from '../limits.ts';
import type { Records } from '../records.ts';
import { dropQueue } from './event-queues.ts';
import { type EventRow, eventQueueGroup, eventText, hookOfQueue } from './event-row.ts';
import { sendEvent, type Webhook } from './webhook.ts';

interface DeliveryParts {
  readonly runtime: Runtime;
  readonly records: Pick<Records, 'events' | 'eventQueues'>;
  readonly journal: Pick<Journal, 'append'>;
}

/** One queue, as this host knows it. */
interface Job {
  isRunning: boolean;
  isWoken: boolean;
  failures: number;
  /** Not before it; a wake before it is kept until then. */
  restUntilMs: number;
  cancel: (() => void) | undefined;
}

/** The receiver's trouble: the queue rests. */
class NotTaken extends Error {}

export const openDelivery = (
  { runtime, records: { events, eventQueues }, journal }: DeliveryParts,
  { webhooks, region }: { readonly webhooks: readonly Webhook[]; readonly region: string },
) => {
  const { clock, timers, chance } = runtime;
  const log = runtime.log.with({ part: 'object-events' });
  const hooks = new Map(webhooks.map((hook) => [hook.name, hook]));
  const holder = newUuid();
  const jobs = new Map<string, Job>();
  const stopping = new AbortController();
  const { signal } = stopping;
  const working = new Set<Promise<void>>();

  const hold = async (queue: string): Promise<'mine' | 'anothers' | 'gone'> => {
    const nowMs = clock.wallMs();
    const row = await eventQueues.change(eventQueueGroup, queue, (old) => {
      if (!old) return undefined;
      const isFree = old.holder === undefined || old.holder === holder || (old.untilMs ?? 0) <= nowMs;
      return isFree ? { ...old, holder, untilMs: nowMs + eventHoldMs } : old;
    });
    if (!row) return 'gone';
    return row.holder === holder ? 'mine' : 'anothers';
  };

  const letGo = async (queue: string): Promise<void> => {
    await eventQueues
      .change(eventQueueGroup, queue, (old) => {
        if (old?.holder !== holder) return old;
        const { holder: _mine, untilMs: _until, ...row } = old;
        return row;
      })
      .catch((thrown) => log.debug('a queue is held until its time is over', { error: String(thrown) }));
  };

  const giveUp = (queue: string, { project, bucket, key, name }: EventRow, why: string): void => {
    const detail = { queue, event: name ?? 'TestEvent', key, why };
    log.warn('event given up', detail);
    journal.append({
      ...{ requestId: null, actor: null, action: 'event.drop', outcome: 'failed', detail },
      target: `${project}/${bucket}`,
    });
  };

  /** Throws NotTaken. */
  const deliver = async (queue: string, hook: Webhook, { sortKey, row }: Entry<EventRow>): Promise<void> => {
    if (clock.wallMs() - row.atMs > eventLifeMs) giveUp(queue, row, 'it is too old');
    else {
      const answer = await sendEvent(hook, eventText(row, region), signal);
      if (answer.kind === 'failed') throw new NotTaken(answer.why);
      if (answer.kind === 'refused') giveUp(queue, row, answer.why);
    }
    const ageMs = clock.wallMs() - row.stamp.wallMs;
    if (ageMs < stampLastsMs)
      await events.putAt(queue, sortKey, undefined, nextStamp(row.stamp.host, 0, row.stamp));
    else await events.delete(queue, sortKey);
  };

  /** Throws NotTaken, and what tables throw. False: another host is at it. */
  const drain = async (queue: string): Promise<boolean> => {
    const hook = hooks.get(hookOfQueue(queue));
    if (!hook) return true;
    const found = await hold(queue);
    if (found !== 'mine') return found === 'gone';
    try {
      for (let heldAtMs = clock.monotonicMs(); !signal.aborted; ) {
        const { entries } = await events.range(queue, { limit: eventPageRows });
        if (entries.length === 0) return true;
        const isHeld = (): boolean => clock.monotonicMs() - heldAtMs < eventHoldMs / 3;
        await mapLimit(
          Map.groupBy(entries, ({ row }) => row.key).values(),
          webhooksInFlightMax,
          async (changes) => {
            for (const change of changes) if (isHeld()) await deliver(queue, hook, change);
          },
          signal,
        );
        if (isHeld()) continue;
        if ((await hold(queue)) !== 'mine') return false;
        heldAtMs = clock.monotonicMs();
      }
      return true;
    } finally {
      await letGo(queue);
    }
  };

  const jobOf = (queue: string): Job => {
    const known = jobs.get(queue);
    if (known) return known;
    const job = { isRunning: false, isWoken: false, failures: 0, restUntilMs: 0, cancel: undefined };
    jobs.set(queue, job);
    return job;
  };

  const rest = (queue: string, job: Job, waitMs: number): void => {
    job.restUntilMs = clock.monotonicMs() + waitMs;
    job.cancel?.();
    job.cancel = timers.after(waitMs, () => {
      job.cancel = undefined;
      job.restUntilMs = 0;
      run(queue, job);
    });
  };

  const work = async (queue: string, job: Job): Promise<void> => {
    try {
      job.isWoken = false;
      const isDone = await drain(queue);
      job.failures = 0;
      if (!isDone) rest(queue, job, eventTurnMs);
    } catch (thrown) {
      if (signal.aborted) return;
      job.failures += 1;
      const spanMs = Math.min(eventRetryMsMax, eventRetryMsMin * 2 ** job.failures);
      rest(queue, job, (spanMs * (1 + chance.random())) / 2);
      const say =
        thrown instanceof NotTaken || hasCode(thrown, 'QUORUM_MISSED', 'CONTENDED') ? 'warn' : 'error';
      log[say]('events not delivered, trying again', {
        queue,
        failures: job.failures,
        error: String(thrown),
      });
    }
  };

  const run = (queue: string, job: Job): void => {
    if (signal.aborted) return;
    if (job.isRunning || clock.monotonicMs() < job.restUntilMs) {
      job.isWoken = true;
      return;
    }
    job.isRunning = true;
    const task = work(queue, job).finally(() => {
      working.delete(task);
      job.isRunning = false;
      if (job.isWoken) run(queue, job);
      if (!job.isRunning && job.cancel === undefined) jobs.delete(queue);
    });
    working.add(task);
  };

  const wake = (queue: string): void => {
    if (hooks.size > 0) run(queue, jobOf(queue));
  };

  return {
    wake,
    hasHook: (name: string): boolean => hooks.has(name),

    /** All queues: what other hosts left, and those that nobody needs any more. */
    async look(): Promise<void> {
      if (hooks.size === 0) return;
      for await (const { sortKey, row } of walkRows(eventQueues, eventQueueGroup, {
        limit: listingPageRows,
      })) {
        signal.throwIfAborted();
        const nowMs = clock.wallMs();
        if (row.holder !== undefined && (row.untilMs ?? 0) > nowMs) continue;
        const { rows } = await events.tally(sortKey);
        if (rows > 0) wake(sortKey);
        else if (row.unusedSinceMs !== undefined && nowMs - row.unusedSinceMs > eventQueueUnusedMs)
          await dropQueue(eventQueues, sortKey, row);
      }
    },

    async stop(): Promise<void> {
      stopping.abort();
      for (const { cancel } of jobs.values()) cancel?.();
      await Promise.all(working);
    },
  };
};

export type Delivery = ReturnType<typeof openDelivery>;
