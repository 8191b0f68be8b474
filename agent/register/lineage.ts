/**
 * Was my change applied? CASPaxos alone can't tell. A proposer whose `accept` met a conflict does not know whether
 * the value it sent was picked up by the one that overtook it; trying again could apply the change twice (two
 * units of quota taken), or find the own row and report "exists already".
 *
 * So a register carries the ids of its newest changes, newest first, at most `lineageLengthMax`. A history has no
 * repeats, and a lineage is a piece of it without gaps up to its value. Let `base` be the lineage that an earlier
 * attempt built upon, `seen` the one found now. Had the attempt been applied, it would come right after `base`:
 *
 *   seen has the id                             applied
 *   seen is shorter than the bound              it is the whole history, without the id: absent
 *   seen shares an id with base                 all that came after that id is in seen, mine is not: absent
 *   otherwise                                   more changes than the bound came since: unknown
 *
 * Rejected: remembering clients and sequence numbers (grows with clients), asking the caller for idempotent
 * changes (every caller of a compare-and-set gets it wrong once).
 */
import { lineageLengthMax } from './limits.ts';

/** 53 random bits, drawn once a change and kept through its attempts. */
export type ChangeId = number;
export type Lineage = readonly ChangeId[];

export const newChangeId = (random: () => number): ChangeId => Math.floor(random() * 2 ** 53);

export const extendLineage = (base: Lineage, id: ChangeId): Lineage =>
  [id, ...base].slice(0, lineageLengthMax);

export type Fate = 'applied' | 'absent' | 'unknown';

/** `bases`: what each earlier attempt that came to send `accept` built upon. */
export const fateOf = (id: ChangeId, bases: readonly Lineage[], seen: Lineage): Fate => {
  if (seen.includes(id)) return 'applied';
  if (seen.length < lineageLengthMax) return 'absent';
  return bases.every((base) => base.some((change) => seen.includes(change))) ? 'absent' : 'unknown';
};
