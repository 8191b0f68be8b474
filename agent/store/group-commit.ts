/**
 * Many transactions, one fsync: what arrives while a commit is under way waits and goes into the next one.
 *
 *   transact ──┐
 *   transact ──┼─ queue ── group (one at a time) ── commit + fsync ── all of the group resolve
 *   transact ──┘
 *
 * Under load the groups grow by themselves, without a timer: the slower the disk, the more share an fsync.
 */
import { ShoalError } from '../../proto/error.ts';
import type { KeyValueWriter } from './key-value.ts';
import { layersOver } from './layer.ts';
import { groupTransactionsMax, queuedTransactionsMax } from './limits.ts';

interface Waiting {
  readonly work: (writer: KeyValueWriter) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (thrown: unknown) => void;
}

/** `commit` runs its argument inside one write transaction and resolves when that is on disk. */
export const groupCommit = (
  commit: (apply: (writer: KeyValueWriter) => void) => Promise<void>,
): {
  transact<T>(work: (writer: KeyValueWriter) => T): Promise<T>;
  /** Refuses new work, resolves when the old has ended. */
  close(): Promise<void>;
} => {
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  const runGroup = async (group: readonly Waiting[]): Promise<void> => {
    const outcomes: (() => void)[] = [];
    try {
      await commit((base) => {
        const layers = layersOver(base);
        for (const { work, resolve, reject } of group) {
          const layer = layers.open();
          try {
            const result = work(layer.writer);
            layer.keep();
            outcomes.push(() => resolve(result));
          } catch (thrown) {
            layer.undo();
            outcomes.push(() => reject(thrown));
          }
        }
        layers.flush();
      });
      for (const settle of outcomes) settle();
    } catch (thrown) {
      for (const { reject } of group) reject(thrown);
    }
  };

  const drain = async (): Promise<void> => {
    // One turn of the microtask queue, so that transactions of the same moment share the first commit already.
    await undefined;
    while (queue.length > 0) await runGroup(queue.splice(0, groupTransactionsMax));
    running = undefined;
  };

  return {
    transact<T>(work: (writer: KeyValueWriter) => T): Promise<T> {
      if (closed)
        return Promise.reject(new ShoalError('BUSY', 'Cannot write to the store: the agent is stopping'));
      if (queue.length >= queuedTransactionsMax)
        return Promise.reject(
          new ShoalError(
            'BUSY',
            `Cannot write to the store: ${queue.length} transactions wait, try again later`,
          ),
        );
      return new Promise<T>((resolve, reject) => {
        queue.push({ work, resolve: resolve as (result: unknown) => void, reject });
        running ??= drain();
      });
    },
    async close() {
      closed = true;
      await running;
    },
  };
};
