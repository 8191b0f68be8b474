/**
 * Records read on every request, kept for seconds. Whoever changes one tells all hosts by gossip (`drop`); the
 * age bound holds where that word was lost.
 *
 * A load that was under way when its key was dropped may have read the old row, so its result is handed to those
 * who wait but not kept.
 */
import { asShoalError } from '../../proto/error.ts';
import type { Clock } from '../runtime/ports.ts';
import { cacheEntriesMax, freshMs, staleMs } from './limits.ts';

export interface FreshCache<Value> {
  /** Not older than `freshMs`, and not read before `notBeforeMs` (wall). Absence is never kept. */
  get(key: string, notBeforeMs?: number): Promise<Value | undefined>;
  drop(key: string): void;
}

interface Entry<Value> {
  readonly value: Value;
  readonly loadedAtMs: number;
  readonly loadedAtWallMs: number;
}

interface Load<Value> {
  readonly startedAtWallMs: number;
  readonly value: Promise<Value | undefined>;
}

export const openCache = <Value>(
  { clock }: { readonly clock: Clock },
  load: (key: string) => Promise<Value | undefined>,
): FreshCache<Value> => {
  const entries = new Map<string, Entry<Value>>();
  const loads = new Map<string, Load<Value>>();

  const keep = (
    key: string,
    value: Value | undefined,
    startedAtMs: number,
    startedAtWallMs: number,
  ): void => {
    entries.delete(key);
    if (value === undefined) return;
    entries.set(key, { value, loadedAtMs: startedAtMs, loadedAtWallMs: startedAtWallMs });
    const oldest = entries.keys().next();
    if (entries.size > cacheEntriesMax && !oldest.done) entries.delete(oldest.value);
  };

  const start = (key: string): Load<Value> => {
    const startedAtMs = clock.monotonicMs();
    const startedAtWallMs = clock.wallMs();
    const started: Load<Value> = {
      startedAtWallMs,
      value: load(key)
        .then((value) => {
          if (loads.get(key) === started) keep(key, value, startedAtMs, startedAtWallMs);
          return value;
        })
        .finally(() => {
          if (loads.get(key) === started) loads.delete(key);
        }),
    };
    loads.set(key, started);
    return started;
  };

  return {
    async get(key, notBeforeMs = Number.NEGATIVE_INFINITY) {
      const entry = entries.get(key);
      const ageMs = entry ? clock.monotonicMs() - entry.loadedAtMs : Number.POSITIVE_INFINITY;
      if (entry && ageMs < freshMs && entry.loadedAtWallMs >= notBeforeMs) return entry.value;
      const running = loads.get(key);
      const joined = running && running.startedAtWallMs >= notBeforeMs ? running : start(key);
      try {
        return await joined.value;
      } catch (error) {
        if (entry && ageMs < staleMs && entries.get(key) === entry && asShoalError(error).retryable)
          return entry.value;
        throw error;
      }
    },
    drop(key) {
      entries.delete(key);
      loads.delete(key);
    },
  };
};
