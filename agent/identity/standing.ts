/**
 * Who a caller is, put together from a dozen copies of records (`cache.ts`): asked for with every request, and the same for
 * all that a busy client sends within a moment. It is kept for that moment, and not beyond the first word that anything changed.
 */
import type { Clock } from '../runtime/ports.ts';
import { standingMs, standingsKeptMax } from './limits.ts';

interface Standing<Value> {
  readonly value: Value;
  readonly beganMs: number;
  readonly changes: number;
}

/** `changes` counts what copies were told of. What `load` throws, and an undefined, are not kept. */
export const openStandings = <Value>(
  { clock, changes }: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly changes: () => number },
  load: (key: string) => Promise<Value | undefined>,
): ((key: string) => Promise<Value | undefined>) => {
  const kept = new Map<string, Standing<Value>>();
  return async (key) => {
    const found = kept.get(key);
    const beganMs = clock.monotonicMs();
    const seen = changes();
    if (found && found.changes === seen && beganMs - found.beganMs < standingMs) return found.value;
    kept.delete(key);
    const value = await load(key);
    // What was read before the change may be what it was before.
    if (value === undefined || changes() !== seen) return value;
    kept.set(key, { value, beganMs, changes: seen });
    const [oldest] = kept.keys();
    if (kept.size > standingsKeptMax && oldest !== undefined) kept.delete(oldest);
    return value;
  };
};
