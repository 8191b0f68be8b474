/**
 * Callers of this host that want the same thing changed: who comes while one round is on its way goes along in the
 * next, with all others that came meanwhile. So others see one proposer a host, however many callers it has, and a
 * round is paid once for all of them.
 *
 *   a ── round 1: a ───────┐
 *   b, c, d (during it) ───┴── round 2: b, c, d in the order of asking
 */
import { ShoalError } from '../../proto/error.ts';

/**
 * Takes as many of the first callers out as it likes, at least one, and settles them. Never throws. What it resolves with
 * the next round gets, if there is one at once.
 */
export type Round<Caller, Left> = (waiting: Caller[], left: Left | undefined) => Promise<Left | undefined>;

export const combine = <Caller, Left>(name: string, waitersMax: number, round: Round<Caller, Left>) => {
  const queues = new Map<string, Caller[]>();

  const run = async (key: string, queue: Caller[]): Promise<void> => {
    let left: Left | undefined;
    while (queue.length > 0) left = await round(queue, left);
    queues.delete(key);
  };

  return {
    /** Throws BUSY when `waitersMax` wait already. */
    add(key: string, caller: Caller): void {
      const running = queues.get(key);
      if (running) {
        if (running.length >= waitersMax)
          throw new ShoalError(
            'BUSY',
            `Cannot queue for ${name}: ${waitersMax} wait already, try again later`,
          );
        running.push(caller);
        return;
      }
      const queue = [caller];
      queues.set(key, queue);
      void run(key, queue);
    },
  };
};
