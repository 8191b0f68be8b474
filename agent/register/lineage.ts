/**
 * Was my change applied? CASPaxos alone can't tell. A proposer whose `accept` met a conflict does not know whether
 * the value it sent was picked up by the one that overtook it; trying again could apply the change twice (two
 * units of quota taken), or find the own row and report "exists already".
 *
 * So a register carries the ids of its newest changes, newest first, at most `lineageLengthMax`. Whoever changes it
 * again knows what became of its last change, and puts the new id in the place of that one: a thousand changes of one
 * host push nobody else's id out. A lineage is then the history up to its value, back to some point and without gaps,
 * but for what nobody asks for any more. Let `base` be the lineage that an earlier attempt built upon, `seen` the
 * one found now. Had the attempt been applied, it would come right after `base`:
 *
 *   seen has the id                             applied
 *   seen is shorter than the bound              nothing fell out yet, and it is without the id: absent
 *   seen shares an id with base                 all that came after that id is in seen, mine is not: absent
 *   otherwise                                   more hosts than the bound made changes since: unknown
 *
 * Rejected: remembering clients and sequence numbers (grows with clients), asking the caller for idempotent
 * changes (every caller of a compare-and-set gets it wrong once).
 */
import { lineageLengthMax } from './limits.ts';

/** 53 random bits, drawn once a change and kept through its attempts. */
export type ChangeId = number;
export type Lineage = readonly ChangeId[];

export const newChangeId = (random: () => number): ChangeId => Math.floor(random() * 2 ** 53);

/** `replaced`: an earlier change of who makes this one, whose fate it knows; null where it has none. */
export const extendLineage = (base: Lineage, id: ChangeId, replaced: ChangeId | null = null): Lineage =>
  [id, ...base.filter((earlier) => earlier !== replaced)].slice(0, lineageLengthMax);

export type Fate = 'applied' | 'absent' | 'unknown';

/** `bases`: what each earlier attempt that came to send `accept` built upon. */
export const fateOf = (id: ChangeId, bases: readonly Lineage[], seen: Lineage): Fate => {
  if (seen.includes(id)) return 'applied';
  if (seen.length < lineageLengthMax) return 'absent';
  return bases.every((base) => base.some((change) => seen.includes(change))) ? 'absent' : 'unknown';
};
