/**
 * Which of two facts about a host holds. A higher incarnation always wins, for only the host itself raises it;
 * within one incarnation the worse news wins, for the host can answer it by a higher incarnation:
 *
 *   alive, draining  <  suspect  <  dead  <  left
 */
import type { FactState, MemberFact } from '../../proto/message/membership.ts';
import { ceiling } from '../base/ceiling.ts';

const weight: Readonly<Record<FactState, number>> = { alive: 0, draining: 0, suspect: 1, dead: 2, left: 3 };

/** Does `fact` replace `known`? */
export const supersedes = (fact: MemberFact, known: MemberFact): boolean =>
  fact.incarnation > known.incarnation ||
  (fact.incarnation === known.incarnation && weight[fact.state] > weight[known.state]);

/**
 * A host raises its incarnation now and then, never a thousand times a second. What lies beyond that was made up, and
 * could not be refuted: its host must be able to go above it.
 */
export const isBelievable = (incarnation: number, wallMs: number): boolean =>
  incarnation <= ceiling(wallMs, 1);

/** Is it worth sending to? */
export const isReachableState = (state: FactState): boolean => state !== 'dead' && state !== 'left';

/** A number for a fact, for digests: two tables with equal facts have equal digests. Murmur3's finalizer over FNV-1a. */
export const hashFact = (fact: MemberFact): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < fact.host.length; at++) hash = Math.imul(hash ^ fact.host.charCodeAt(at), 0x01000193);
  hash ^= Math.imul(fact.incarnation | 0, 0x9e3779b1) ^ Math.imul(weight[fact.state] + 1, 0x85ebca6b);
  if (fact.state === 'draining') hash ^= 0x5bd1e995;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};
