/**
 * Events on their way to the disk: queued at once, appended in batches, never in the way of the change they tell of.
 */
import type { Log, Timers } from '../runtime/ports.ts';
import {
  batchEventsMax,
  blockBytesMax,
  blockEventsMax,
  eventBytesMax,
  gatherMs,
  queueEventsMax,
} from './limits.ts';
import { blockCodec } from './log.ts';
import type { JournalEvent } from './port.ts';

type Event = Omit<JournalEvent, 'host'>;

export interface JournalWriter {
  push(event: Event): void;
  /** Resolves when all that was pushed is on disk or was given up (and logged). */
  flush(): Promise<void>;
}

interface Fitted {
  readonly event: Event;
  readonly bytes: number;
}

/** Throws for an event that cannot be encoded even without its detail. */
const trim = (event: Event): Fitted => {
  const { detail, ...rest } = event;
  const measure = (fitted: Event): Fitted => ({ event: fitted, bytes: blockCodec.encode([fitted]).length });
  if (detail === undefined) return measure(rest);
  try {
    const fitted = measure(event);
    if (fitted.bytes <= eventBytesMax) return fitted;
  } catch {
    // A detail that cannot be encoded is left out like one that is too large.
  }
  return measure({ ...rest, detail: { leftOut: true } });
};

/**
 * Other hosts ask for each block by itself, prove and store it: events that share a block cost them a tenth.
 * At least one event a block, however large.
 */
const blocksOf = (batch: readonly Fitted[]): Uint8Array[] => {
  const blocks: Event[][] = [];
  let bytes = 0;
  for (const fitted of batch) {
    const last = blocks.at(-1);
    bytes += fitted.bytes;
    if (last && last.length < blockEventsMax && bytes <= blockBytesMax) last.push(fitted.event);
    else {
      blocks.push([fitted.event]);
      ({ bytes } = fitted);
    }
  }
  return blocks.map((events) => blockCodec.encode(events));
};

export const journalWriter = (world: {
  readonly log: Log;
  readonly timers: Timers;
  readonly append: (blocks: readonly Uint8Array[]) => Promise<unknown>;
}): JournalWriter => {
  const queue: Fitted[] = [];
  let lost = 0;
  let running: Promise<void> | undefined;

  let hurry = (): void => {};

  /** Events of the same moment go together: an append costs the same for one as for many. A full one waits no more. */
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
      if (queue.length < batchEventsMax) await gather();
      const batch = queue.splice(0, batchEventsMax);
      try {
        await world.append(blocksOf(batch));
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
        queue.push(trim(event));
      } catch (thrown) {
        world.log.error('journal event refused', { action: event.action, error: thrown });
        return;
      }
      if (queue.length >= batchEventsMax) hurry();
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
