/**
 * An acceptor that lost its disk has forgotten what it promised and took, but proposers may still hold its replies of
 * before. So an acceptor has lives. One in a new life votes again when it has asked `recallNeeded` of the other
 * acceptors, and each of those, before it answers, notes the new life on its disk:
 *
 *   reborn ── prepare, "my life is 2" ──> n - quorum + 1 others: note the life, promise, tell what they hold
 *          <── what any quorum with its old self was told or took is with one of these, or can no longer count
 *
 * Every reply tells which lives its sender has noted. Replies count together only when none of them knows a newer life of
 * another's sender than the one that replied. The proof, for any number of deaths at once: design note 0007.
 */
import type { HostId } from '../../proto/ids.ts';

/** By host: 0 and absent for the first. */
export type Lives = Readonly<Record<string, number>>;

/** Of how many acceptors a reborn one must hear, itself not counted: every quorum with it in has one of these. */
export const recallNeeded = ({ length }: readonly HostId[], quorum: number): number => length - quorum + 1;

/** Says of each reply, as it comes, whether it counts together with those before. */
export type CountLives = (from: HostId, told: Lives | undefined) => boolean;

/** For one phase of one attempt. */
export const countLives = (): CountLives => {
  const counted = new Map<string, number>();
  // Where no acceptor ever lost its disk, which is nearly everywhere, there is nothing to keep.
  let newest: Map<string, number> | undefined;
  return (from, told = {}) => {
    const life = told[from] ?? 0;
    if (life < (newest?.get(from) ?? 0) || life !== (counted.get(from) ?? life)) return false;
    for (const host in told) if ((told[host] ?? 0) > (counted.get(host) ?? Infinity)) return false;
    counted.set(from, life);
    for (const host in told) {
      newest ??= new Map();
      newest.set(host, Math.max(told[host] ?? 0, newest.get(host) ?? 0));
    }
    return true;
  };
};
