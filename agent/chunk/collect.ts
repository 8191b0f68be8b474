/**
 * Deletes local chunks that nobody refers to.
 *
 *     walk: no reference --> candidate since t --(a put of it comes)--> forgotten
 *                                 |
 *                       grace later: still no reference --> lock: still a candidate? --> delete
 *
 * An owner acknowledges an upload's bytes after their reference stands: either the last question sees the reference, or
 * the put (or keep) comes after the question and ends the candidacy. No clock is needed for that (design note 0008). The grace, on this process's
 * monotonic clock, is thrift: what is deleted and uploaded again soon need not be stored again.
 */
import type { ChunkId } from '../../proto/ids.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { collectCandidatesMax } from './limits.ts';
import type { References } from './reference.ts';
import type { Throttle } from './throttle.ts';

export interface Collector {
  /** Looks at every local chunk, then deletes the candidates whose grace is over. */
  walk(signal: AbortSignal): Promise<void>;
  /** Deletes the candidates whose grace is over. */
  sweep(signal: AbortSignal): Promise<void>;
}

export const collector = (
  {
    runtime,
    log,
    files,
    references,
    throttle,
  }: {
    readonly runtime: Pick<Runtime, 'clock'>;
    readonly log: Log;
    readonly files: ChunkFiles;
    readonly references: Pick<References, 'any'>;
    readonly throttle: Throttle;
  },
  settings: { readonly graceMs: number },
): Collector => {
  const candidates = new Map<ChunkId, number>();
  files.onPut((id) => void candidates.delete(id));

  const sweep = async (signal: AbortSignal): Promise<void> => {
    for (const [id, sinceMs] of candidates) {
      if (signal.aborted) return;
      if (runtime.clock.monotonicMs() - sinceMs < settings.graceMs) continue;
      await throttle.take(1, signal);
      if (await references.any(id)) {
        candidates.delete(id);
        continue;
      }
      // The very candidacy that was checked: a put in between ended it, even if a walk has begun a new one.
      const removed = await files.remove(id, () => candidates.get(id) === sinceMs);
      if (candidates.get(id) === sinceMs) candidates.delete(id);
      if (removed) log.debug('an unused chunk was deleted', { chunk: id });
    }
  };

  return {
    sweep,
    async walk(signal) {
      for await (const id of files.list()) {
        if (signal.aborted) return;
        if (candidates.has(id) || candidates.size >= collectCandidatesMax) continue;
        await throttle.take(1, signal);
        // A candidate before the question, so that a put while it is asked ends the candidacy.
        const sinceMs = runtime.clock.monotonicMs();
        candidates.set(id, sinceMs);
        const used = await references.any(id).catch((thrown: unknown) => {
          candidates.delete(id);
          throw thrown;
        });
        if (used && candidates.get(id) === sinceMs) candidates.delete(id);
      }
      await sweep(signal);
    },
  };
};
