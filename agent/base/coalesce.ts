/**
 * Work that many ask for and that may serve them all, if it begins after they asked: one runs, and whoever comes
 * meanwhile shares the next run.
 *
 *   ask a ── run 1 ───────────┐
 *   ask b, c, d (during it) ──┴── run 2, for all three
 */
export const coalesce = <Key, Result>(
  work: (key: Key) => Promise<Result>,
): ((key: Key) => Promise<Result>) => {
  const running = new Map<Key, Promise<unknown>>();
  const waiting = new Map<Key, Promise<Result>>();
  const run = (key: Key): Promise<Result> => {
    waiting.delete(key);
    const started = work(key);
    const ended = started
      .catch(() => {})
      .then(() => {
        if (running.get(key) === ended) running.delete(key);
      });
    running.set(key, ended);
    return started;
  };
  return (key) => {
    const before = running.get(key);
    if (!before) return run(key);
    const next = waiting.get(key) ?? before.then(() => run(key));
    waiting.set(key, next);
    return next;
  };
};
