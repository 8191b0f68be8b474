/**
 * A register that many callers of this host read in the same moment: a hundred uploads into one container ask for it two
 * hundred times. What a reading answers was there after it began, so one that begins at the end of a turn serves all who asked
 * in that turn. Nobody waits for one that is under way: who came late would fall out of step with those that it goes along
 * with in every message and every commit, and twice as many of these cost more than the readings that are saved.
 */
export const sharedReads = <Found>(soon: (work: () => void) => void) => {
  const waiting = new Map<string, Promise<Found>>();
  /** `read` is the same for all callers of a name. */
  return (name: string, read: () => Promise<Found>): Promise<Found> => {
    const joined = waiting.get(name);
    if (joined) return joined;
    const { promise, resolve } = Promise.withResolvers<Found>();
    waiting.set(name, promise);
    soon(() => {
      waiting.delete(name);
      resolve(read());
    });
    return promise;
  };
};
