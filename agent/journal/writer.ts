/**
 * Events on their way to the disk: queued at once, appended in batches, never in the way of the change they tell of.
 */
import type { Log, Timers } from '../runtime/ports.ts';
import { batchEventsMax, eventBytesMax, gatherMs, queueEventsMax } from './limits.ts';
import { eventCodec } from './log.ts';
import type { JournalEvent } from './port.ts';

type Event = Omit<JournalEvent, 'host'>;

export interface JournalWriter {
  push(event: Event): void;
  /** Resolves when all that was pushed is on disk or was given up (and logged). */
  flush(): Promise<void>;
}

const encode = (event: Event): Uint8Array => {
  const { detail, ...rest } = event;
  if (detail === undefined) return eventCodec.encode(rest);
  try {
    const bytes = eventCodec.encode(event);
    if (bytes.length <= eventBytesMax) return bytes;
  } catch {
    // A detail that cannot be encoded is left out like one that is too large.
  }
  return eventCodec.encode({ ...rest, detail: { leftOut: true } });
};

export const journalWriter = (world: {
  readonly log: Log;
  readonly timers: Timers;
  readonly append: (blocks: readonly Uint8Array[]) => Promise<unknown>;
}): JournalWriter => {
  const queue: Uint8Array[] = [];
  let lost = 0;
  let running: Promise<void> | undefined;

  let hurry = (): void => {};

  /** Events of the same moment go together: an append costs the same for one as for many. */
  const gather = (): Promise<void> =>
    new Promise((resolve) => {
      const cancel = world.timers.after(gatherMs, resolve);
      hurry = () => {
        cancel();
        resolve();
      };
    });

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      await gather();
      const batch = queue.splice(0, batchEventsMax);
      try {
        await world.append(batch);
      } catch (thrown) {
        lost += batch.length;
        world.log.error('journal events lost', { count: batch.length, lost, error: thrown });
      }
    }
    running = undefined;
  };

  return {
    push(event) {
      if (queue.length >= queueEventsMax) {
        lost++;
        if (lost % 1_000 === 1) world.log.error('journal events lost: the disk is behind', { lost });
        return;
      }
      try {
        queue.push(encode(event));
      } catch (thrown) {
        world.log.error('journal event refused', { action: event.action, error: thrown });
        return;
      }
      running ??= drain();
    },
    async flush() {
      while (running) {
        hurry();
        await running;
      }
    },
  };
};
