/**
 * Bounded concurrency: like `Promise.all(items.map(work))`, with at most `limit` in flight. The source is drawn
 * only as fast as work finishes, so an upload of any length holds `limit` pieces in memory.
 *
 * The first failure (or the signal) stops new work and aborts the signal that each piece got; the call rejects
 * only when everything in flight has ended, so whoever cleans up afterwards races with nobody.
 * A source that hangs holds it up: give the source its own bound.
 */
export const mapLimit = async <Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  limit: number,
  work: (item: Item, index: number, signal: AbortSignal) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result[]> => {
  const results: Result[] = [];
  const running = new Set<Promise<void>>();
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    let index = 0;
    for await (const item of items) {
      if (stop.signal.aborted) break;
      const at = index++;
      const task = Promise.resolve()
        .then(() => work(item, at, stop.signal))
        .then(
          (result) => {
            results[at] = result;
          },
          (thrown) => stop.abort(thrown),
        )
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= limit) await Promise.race(running);
      if (stop.signal.aborted) break;
    }
  } catch (thrown) {
    stop.abort(thrown);
  } finally {
    await Promise.all(running);
    signal?.removeEventListener('abort', abort);
  }
  stop.signal.throwIfAborted();
  return results;
};
